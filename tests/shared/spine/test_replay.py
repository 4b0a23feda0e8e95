"""Replay on both stacks: what was published is sent again, to those who are meant, and done once."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from shared.catalogue import APPLICATION_RECOMMENDED
from shared.spine.relay import RelayError
from shared.spine.tables import inbox, outbox, replays
from tests.shared.spine.conftest import effects
from tests.shared.spine.rows import ago, outbox_row, published

pytestmark = pytest.mark.long

CONSUMER = "scoring.keep_programme"


@pytest.fixture
def ask(stack):
    """Asks the publishing service's door for a replay."""
    token = stack.token("operator")

    def ask(status=202, **body):
        answer = stack.http("intake").post("/v1/events/replay", json=body, headers=token)
        assert answer.status_code == status, answer.text
        return answer.json

    return ask


def forget(stack, *events):
    """As if the keeping service had never had them."""
    ids, names = [event.id for event in events], [event.subject for event in events]
    with stack.session("scoring") as session:
        session.execute(delete(inbox).where(inbox.c.event_id.in_(ids)))
        session.execute(delete(effects).where(effects.c.programme.in_(names)))


def waiting(stack):
    return [row.routing_key for row in stack.rows("intake", replays)]


def test_a_consumer_that_never_had_it_handles_it_and_others_ignore_it(stack, ask):
    first, _second = stack.publish("2020", "2021")
    stack.settle()
    forget(stack, first)
    assert ask(count_only=True) == {"matching": 2, "replayed": 0, "next": None}
    assert waiting(stack) == []
    assert ask() == {"replayed": 2, "next": None}
    stack.settle()
    assert stack.effects() == ["2020", "2021"]
    assert waiting(stack) == []


def test_one_consumer_alone_gets_it_by_the_key_that_is_its_queue(stack, ask):
    (event,) = stack.publish("2020")
    stack.settle()
    forget(stack, event)
    ask(consumer=CONSUMER)
    assert waiting(stack) == [stack.queue]
    stack.settle()
    assert stack.effects() == ["2020"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"types": ["programme.published"]}, ["a", "b"]),
        ({"types": ["change.reported"]}, []),
        ({"subject": "b"}, ["b"]),
        ({"since": "2026-01-02T00:00:00Z"}, ["b"]),
        ({"until": "2026-01-02T00:00:00Z"}, ["a"]),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "subject": "b"}, []),
    ],
)
def test_type_subject_and_time_say_which(stack, ask, wanted, names):
    published(
        stack,
        outbox_row(datetime(2026, 1, 1, tzinfo=UTC), subject="a", about="a"),
        outbox_row(datetime(2026, 1, 2, tzinfo=UTC), subject="b", about="b"),
        outbox_row(ago(days=1), 1, subject="b", published_at=None),
        outbox_row(ago(days=1), 2, subject="b", exchange="partner.receipts"),
    )
    assert ask(**wanted, count_only=True)["matching"] == len(names)
    assert ask(**wanted)["replayed"] == len(names)
    subjects = {row.position: row.subject for row in stack.rows("intake", outbox)}
    assert [subjects[row.position] for row in stack.rows("intake", replays)] == names


def test_asked_twice_while_it_waits_it_is_sent_once(stack, ask):
    stack.publish("2020")
    stack.settle()
    for _ in range(2):
        assert ask(consumer=CONSUMER)["replayed"] == 1
    assert waiting(stack) == [stack.queue]
    stack.deafen()
    before = stack.depth()
    for relay in stack.relays():
        relay.publish_window()
    assert stack.depth() - before == 1


def test_a_long_history_goes_in_batches_that_lead_to_each_other(stack, ask):
    published(stack, *(outbox_row(ago(days=1), number) for number in range(1500)))
    told = ask()
    assert told["replayed"] == 1000
    assert ask(after=told["next"]) == {"replayed": 500, "next": None}
    assert len(waiting(stack)) == 1500


def test_a_replay_survives_a_relay_that_fails(real_stack):
    real_stack.publish("2020")
    real_stack.settle()
    token = real_stack.token("operator")
    real_stack.http("intake").post("/v1/events/replay", json={}, headers=token)
    relay = next(one for one in real_stack.relays() if one.lane == "replays")
    relay._publisher._link.connection.sock.close()
    with pytest.raises(RelayError):
        relay.publish_window()
    assert len(waiting(real_stack)) == 1
    real_stack.deafen()
    assert relay.publish_window() == 1
    assert (waiting(real_stack), real_stack.depth()) == ([], 1)


def test_what_is_sent_again_does_not_hold_up_what_is_new(stack, ask):
    published(stack, *(outbox_row(ago(days=1), number) for number in range(600)))
    ask()
    stack.publish("2020")
    stack.deafen()
    before = stack.depth()
    for relay in stack.relays():
        if relay.lane != "replays":
            relay.publish_window()
    assert stack.unpublished() == []
    assert (stack.depth() - before, len(waiting(stack))) == (1, 600)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"consumer": "scoring.nobody"}, 404, "No consumer 'scoring.nobody' takes events of"),
        ({"consumer": "scoring"}, 422, "must be service.method"),
        ({"consumer": CONSUMER, "types": ["project.revoked"]}, 404, "takes programme.published"),
        ({"since": "yesterday"}, 422, "since"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_sent(stack, ask, body, status, words):
    stack.publish("2020")
    stack.settle()
    assert words in ask(status, **body)["detail"]
    assert waiting(stack) == []


def test_an_event_of_another_type_is_not_sent_to_a_consumer_that_takes_it_not(stack, ask):
    published(stack, outbox_row(ago(days=1), routing_key=APPLICATION_RECOMMENDED.name))
    stack.publish("2020")
    stack.settle()
    assert ask(consumer=CONSUMER)["replayed"] == 1
    assert waiting(stack) == [stack.queue]
