"""`laurel events replay` and `reconcile` on services that run."""

import json

import pytest
from sqlalchemy import delete, select

from deploy.local.process import wait_until
from shared.spine.tables import inbox

SECONDS = 60
HANDLER = "scoring.keep_programme"


@pytest.fixture
def forgotten(running):
    """Scoring has lost the round's event; gives how to see it again."""

    def has_it():
        with running.session("scoring") as session:
            found = select(inbox.c.event_id).where(inbox.c.handler == HANDLER)
            return session.scalars(found).first()

    wait_until(has_it, SECONDS, "the round at scoring")
    with running.session("scoring") as session:
        session.execute(delete(inbox).where(inbox.c.handler == HANDLER))
    return has_it


def missing(result):
    return {pair["handler"]: pair["missing"] for pair in result.json["pairs"] if pair["missing"]}


def test_a_replay_is_counted_asked_about_and_sent(installed, forgotten, type_in):
    words = ("replay", "intake", "--type", "programme.published", "--consumer", HANDLER)
    type_in("n\n")
    refused = installed("events", *words)
    assert refused.code == 1
    assert "intake: 1 events to send again" in refused.out
    assert not forgotten()
    done = installed("events", *words, "--yes")
    assert done.code == 0
    assert done.out.endswith("intake: 1 events are on their way again\n")
    wait_until(forgotten, SECONDS, "the round at scoring")


def test_where_nothing_was_published_nothing_is_sent(installed):
    done = installed("events", "replay", "inspection", "--subject", "nothing")
    assert (done.code, done.out, done.err) == (0, "inspection: no events to send again\n", "")


def test_a_dry_run_tells_what_is_missing_and_the_next_one_brings_it(installed, forgotten):
    words = ("reconcile", "--whole", "--service", "scoring", "--wait", str(SECONDS))

    def is_old_enough():
        return missing(installed("events", *words, "--dry-run", "--json")) == {HANDLER: 1}

    wait_until(is_old_enough, SECONDS, "an event of age")
    assert not forgotten()
    told = installed("events", *words)
    assert (told.code, told.err) == (0, "")
    assert "1 events missing; they are sent again" in told.out
    wait_until(forgotten, SECONDS, "the round at scoring")


def test_every_pair_is_told_of(installed):
    told = installed("events", "reconcile", "--json", "--wait", str(SECONDS))
    assert told.code == 0
    pairs = json.loads(told.out)["pairs"]
    assert {(pair["handler"], pair["source"]) for pair in pairs} >= {
        (HANDLER, "intake"), ("inspection.record_acknowledgement", "notification"),
    }  # fmt: skip


def test_who_does_not_answer_in_time_is_named(installed):
    refusal = installed("events", "reconcile", "--wait", "0").refusal
    assert refusal.startswith("Not all was compared within 0 s, for example ")
