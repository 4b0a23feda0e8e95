"""`laurel events groups`, `retry`, `discard`, `restore` on services that run."""

import json
import os
import signal
import subprocess
import time

import pytest
from sqlalchemy import func, select

from deploy.local.process import wait_until
from shared.spine.tables import parked_steps
from tests.shared.cli.conftest import LAUREL

pytestmark = pytest.mark.long

SECONDS = 60
MANY = 3_000


@pytest.fixture
def error():
    """A kind of failure of one test alone."""
    return f"Error{time.monotonic_ns()}"


def group_of(installed, error):
    found = json.loads(installed("events", "groups", "--error", error, "--json").out)
    (group,) = found["scoring"]["items"]
    return group


def test_failures_of_one_kind_are_one_group(installed, running, error):
    running.fill(2, error=error, detail="no 7")
    running.fill(1, error=error, detail="no 8")
    group = group_of(installed, error)
    assert (group["count"], group["handler"]) == (3, "scoring.keep_programme")
    assert group["first_seen"] < group["last_seen"]
    shown = installed("events", "groups", "--error", error)
    assert (shown.code, shown.err) == (0, "")
    assert group["group"] in shown.out
    assert "intake: no groups" in shown.out


def test_a_group_is_counted_then_asked_about_then_discarded_and_restored(
    installed, running, error, type_in
):
    ids = running.fill(3, error=error)
    words = ("--group", group_of(installed, error)["group"], "--reason", "of no use")
    type_in("n\n")
    refused = installed("events", "discard", *words)
    assert refused.code == 1
    assert "scoring: 3 events to discard" in refused.out
    assert "intake: no events to discard" in refused.out
    assert set(running.states(ids).values()) == {("held", 1)}
    type_in("y\n")
    done = installed("events", "discard", *words)
    assert done.code == 0
    assert done.out.endswith("3 discarded\n")
    assert set(running.states(ids).values()) == {("discarded", 1)}
    restored = installed("events", "restore", "--error", error, "--reason", "not so", "--yes")
    assert restored.code == 0
    assert restored.out.endswith("3 restored; see: laurel events retry\n")
    assert set(running.states(ids).values()) == {("held", 1)}


def test_a_query_is_tried_again_once_each(installed, running, error):
    ids = running.fill(4, error=error)
    done = installed("events", "retry", "--error", error, "--service", "scoring", "--yes")
    assert done.code == 0
    assert "scoring: 4 events to retry" in done.out
    assert "4 will be tried within seconds" in done.out

    def are_tried():
        return set(running.states(ids).values()) == {("held", 2)}

    wait_until(are_tried, SECONDS, "four attempts")


def test_where_nothing_matches_nobody_is_asked(installed):
    done = installed("events", "discard", "--error", "Nothing", "--reason", "of no use")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{name}: no events to discard" for name in ("intake", "scoring", "inspection", "notification")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("retry",), "Name a parked event, restrict by an option, or give --all."),
        (("discard", "--reason", "no use"), "Name a parked event"),
        (("discard", "--all"), "Missing option '--reason'"),
        (("restore", "--all"), "Missing option '--reason'"),
        (("retry", "--service", "nobody", "--all"), "'nobody' is not one of"),
        (("replay",), "Missing argument"),
        (("replay", "nobody"), "'nobody' is not one of"),
        (("groups", "--state", "lost"), "'lost' is not one of"),
    ],
)
def test_what_is_said_wrongly_is_a_matter_of_usage(installed, words, says):
    refused = installed("events", *words)
    assert (refused.code, refused.out) == (2, "")
    assert says in refused.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("retry", "--since", "yesterday", "--yes"), "422: The body is not valid: since: "),
        (("groups", "--until", "soon"), "422: "),
        (("replay", "intake", "--consumer", "scoring", "--yes"), "must be service.method"),
        (("replay", "intake", "--consumer", "scoring.no", "--yes"), "404: No consumer"),
    ],
)
def test_what_a_service_refuses_is_one_line(installed, words, says):
    assert says in installed("events", *words).refusal


def test_without_services_it_says_so(laurel, nobody):
    refusal = laurel("events", "retry", "--all", "--yes", **nobody).refusal
    assert "does not answer" in refusal
    assert "laurel run" in refusal


def test_an_interrupted_retry_of_all_loses_nothing_and_can_be_repeated(running, error):
    ids = running.fill(MANY, error=error, handler="scoring.was_renamed")

    def asked():
        with running.session("scoring") as session:
            count = select(func.count()).where(
                parked_steps.c.parked.in_(ids), parked_steps.c.what == "retry asked"
            )
            return session.scalar(count)

    words = [LAUREL, "events", "retry", "--all", "--service", "scoring", "--yes"]
    environ = {name: text for name, text in os.environ.items() if name[:7] != "LAUREL_"}
    command = subprocess.Popen(
        words,
        env=environ | running.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(asked, SECONDS, "a first batch")
    command.send_signal(signal.SIGINT)
    _out, err = command.communicate(timeout=SECONDS)
    assert command.returncode == 1
    assert "Traceback" not in err
    assert "Aborted!" in err
    assert 0 < asked() < MANY
    assert len(running.states(ids)) == MANY

    again = subprocess.run(words, env=environ | running.environ, capture_output=True, check=False)
    assert again.returncode == 0
    assert asked() >= MANY
    wait_until(
        lambda: min(n for _state, n in running.states(ids).values()) >= 2,
        2 * SECONDS,
        "every one to be tried",
    )
    assert len(running.states(ids)) == MANY
