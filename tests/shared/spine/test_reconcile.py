"""Reconciliation on both stacks: whatever got lost on the way is found and sent again, only that."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from deploy.local.process import wait_until
from shared.spine.broker import BrokerError
from shared.spine.envelope import new_id
from shared.spine.parking import decisions
from shared.spine.parking.decisions import Decision
from shared.spine.reconcile import demand
from shared.spine.tables import inbox, outbox, reconciliation, replays
from tests.shared.spine.conftest import effects
from tests.shared.spine.rows import ago, handled, id_at, inbox_row, outbox_row, published

pytestmark = pytest.mark.long

SECONDS = 20
MARGIN = timedelta(seconds=0.1)


@pytest.fixture
def environ(environ):
    return environ | {"LAUREL_RECONCILE_SECONDS": str(MARGIN.total_seconds())}


def reconcile(stack, **how):
    """Compare once every event published so far has been so for long enough to be compared."""
    while stack.turn():
        pass
    last = datetime.now(UTC) + timedelta(milliseconds=1)
    wait_until(lambda: last < datetime.now(UTC) - MARGIN, SECONDS, "events of age")
    stack.reconcile(**how)
    return pair(stack)


def pair(stack):
    (row,) = stack.rows("scoring", reconciliation)
    return row


def lose(stack, *names):
    """Publish events that the broker loses before anybody has them."""
    stack.deafen()
    events = stack.publish(*names)
    for relay in stack.relays():
        relay.publish_window()
    consumer = stack.consumer()
    taken = []
    wait_until(
        lambda: taken.extend(consumer.receive(500, 0.1)) or len(taken) == len(names),
        SECONDS,
        "the events to lose",
    )
    consumer.ack(taken[-1])
    consumer.close()
    stack.listen()
    return events


def test_nothing_is_missing_where_nothing_was_lost(stack):
    stack.publish("2020", "2021")
    stack.settle()
    told = reconcile(stack)
    assert (told.handler, told.source) == ("scoring.keep_programme", "intake")
    assert (told.missing, told.foreign) == (0, 0)
    assert told.agreed_to > max(stack.handled())
    assert stack.effects() == ["2020", "2021"]


def test_what_the_broker_lost_is_sent_again(stack):
    stack.publish("2020")
    stack.settle()
    lose(stack, "2021", "2022")
    stack.settle()
    assert stack.effects() == ["2020"]
    assert reconcile(stack).missing == 2
    assert stack.effects() == ["2020", "2021", "2022"]
    assert reconcile(stack).missing == 0


def test_a_dry_run_tells_and_sends_nothing(stack):
    lose(stack, "2020")
    assert reconcile(stack, dry_run=True).missing == 1
    assert stack.effects() == []
    assert reconcile(stack).missing == 1
    assert stack.effects() == ["2020"]


def test_both_ends_agree_up_to_the_first_missing_event_only(stack):
    stack.publish("2020")
    stack.settle()
    (lost,) = lose(stack, "2021")
    stack.publish("2022")
    stack.settle()
    told = reconcile(stack, dry_run=True)
    assert told.missing == 1
    assert told.agreed_to <= lost.id
    assert reconcile(stack).missing == 1
    assert reconcile(stack).agreed_to > lost.id


def test_a_database_from_an_old_dump_gets_what_it_had_once(stack):
    stack.publish("2020")
    stack.settle()
    reconcile(stack)
    old = stack.rows("scoring", inbox), stack.rows("scoring", reconciliation)
    stack.publish("2021", "2022")
    stack.settle()
    reconcile(stack)
    with stack.session("scoring") as session:
        kept = [row.event_id for row in old[0]]
        session.execute(delete(inbox).where(inbox.c.event_id.not_in(kept)))
        session.execute(delete(effects).where(effects.c.programme != "2020"))
        session.execute(update(reconciliation).values(agreed_to=old[1][0].agreed_to))
    assert reconcile(stack).missing == 2
    assert stack.effects() == ["2020", "2021", "2022"]


def test_a_new_consumer_gets_all_of_history(stack):
    names = [f"p{number:04d}" for number in range(1300)]
    stack.publish(*names)
    stack.settle()
    with stack.session("scoring") as session:
        session.execute(delete(inbox))
        session.execute(delete(effects))
    assert reconcile(stack).missing == len(names)
    assert stack.effects() == names
    assert reconcile(stack).missing == 0


def test_scattered_losses_among_many_events_are_found_and_nothing_else_is_sent(stack):
    names = [f"p{number:04d}" for number in range(5000)]
    events = stack.publish(*names)
    stack.settle()
    lost = [events[number] for number in (0, 17, 2500, 4999)]
    with stack.session("scoring") as session:
        session.execute(delete(inbox).where(inbox.c.event_id.in_([event.id for event in lost])))
        gone = [event.subject for event in lost]
        session.execute(delete(effects).where(effects.c.programme.in_(gone)))
    go_on = stack.hold("replays")
    assert reconcile(stack).missing == len(lost)
    waiting = stack.rows("intake", replays)
    positions = {row.event_id: row.position for row in stack.rows("intake", outbox)}
    assert [row.position for row in waiting] == [positions[event.id] for event in lost]
    assert {row.routing_key for row in waiting} == {stack.queue}
    go_on()
    stack.settle()
    assert stack.effects() == names


def test_parked_and_discarded_events_are_not_missing(stack):
    stack.keeper.failing = {"bad", "worse"}
    stack.publish("bad", "worse")
    with pytest.raises(AssertionError):
        stack.settle()
    row = stack.parked_rows()[0]
    with stack.session("scoring") as session:
        decisions.decide_one(session, row.id, Decision.DISCARD, actor="o", why="no use")
    with pytest.raises(AssertionError, match="no luck with worse"):
        reconcile(stack)
    assert pair(stack).checked_at is not None
    assert (pair(stack).missing, pair(stack).foreign) == (0, 0)


def test_what_a_consumer_has_and_its_publisher_has_not_is_counted(stack):
    stack.publish("2020", "2021")
    stack.settle()
    with stack.session("intake") as session:
        session.execute(delete(outbox).where(outbox.c.subject == "2020"))
    told = reconcile(stack)
    assert (told.missing, told.foreign) == (0, 1)
    assert stack.effects() == ["2020", "2021"]


def test_a_round_begins_where_both_ends_agreed(stack):
    stack.publish(*(f"p{number}" for number in range(50)))
    stack.settle()
    reconcile(stack)
    with stack.session("scoring") as session:
        session.execute(delete(inbox))
    assert reconcile(stack).missing == 0
    assert reconcile(stack, whole=True, dry_run=True).missing == 50


def test_what_is_not_published_yet_is_not_sent_twice(stack):
    stack.settle()
    stack.publish("2020")
    with stack.session("intake") as session:
        assert session.scalars(select(replays.c.position)).all() == []
    reconcile(stack)
    assert stack.effects() == ["2020"]
    assert len(stack.handled()) == 1


def test_what_is_not_understood_is_passed_over(stack):
    far = {
        "kind": "ask",
        "handler": "x" * 300 + ".y",
        "source": "intake",
        "types": [],
        "after": "",
        "end": "z",
        "limit": 5,
        "anchor": "",
        "every": 1,
    }
    stack.say(json.dumps(far).encode())
    stack.say(b"\xff", b"{}", b'{"kind": "ask"}', b'{"kind": "dance"}', b"[]")
    stack.publish("2020")
    stack.settle()
    assert reconcile(stack).missing == 0


def test_what_nobody_can_read_is_parked_once_and_not_missing(stack):
    (event,) = stack.publish("2020")
    with stack.session("intake") as session:
        session.execute(update(outbox).values(body=b"no event"))
    while stack.turn():
        pass
    with pytest.raises(AssertionError, match="undecodable"):
        reconcile(stack)
    assert (pair(stack).missing, pair(stack).foreign) == (0, 0)
    (row,) = stack.parked_rows()
    assert (row.event_id, row.source, row.error) == (event.id, "intake", "undecodable")


def test_an_event_of_another_version_is_parked_once_and_not_missing(stack):
    stack.publish("2020")
    with stack.session("intake") as session:
        body = session.scalar(select(outbox.c.body))
        body = body.replace(b"programme.published/1", b"programme.published/9")
        session.execute(update(outbox).values(body=body))
    while stack.turn():
        pass
    with pytest.raises(AssertionError, match="version 9"):
        reconcile(stack)
    assert (pair(stack).missing, len(stack.parked_rows())) == (0, 1)


def test_what_waits_in_the_outbox_is_neither_missing_nor_agreed_upon(stack):
    stack.publish("2020")
    stack.settle()
    reconcile(stack)
    (waiting,) = published(stack, outbox_row(ago(seconds=5), published_at=None))
    with stack.session("intake") as session:
        session.execute(update(outbox).values(urgent=True))
    go_on = stack.hold("urgent", "outbox")
    with stack.session("scoring") as session:
        session.execute(update(reconciliation).values(agreed_to=""))
    reconcile(stack)
    go_on()
    assert pair(stack).missing == 0
    assert pair(stack).agreed_to <= waiting["event_id"]


def test_a_demand_is_not_answered_by_a_round_that_was_on_its_way(stack):
    stack.publish("2020")
    stack.settle()
    reconcile(stack)
    with stack.session("scoring") as session:
        session.execute(delete(inbox))
        session.execute(update(reconciliation).values(due_at=ago(seconds=1)))
    assert stack.begin_rounds() == 1
    with stack.session("scoring") as session:
        demand(session, whole=True, dry_run=True)
    while stack.turn():
        pass
    told = pair(stack)
    assert (told.whole, told.dry_run, told.missing) == (True, True, 0)
    assert told.demanded_at is not None
    assert reconcile(stack, whole=True, dry_run=True).missing == 1
    assert pair(stack).demanded_at is None


def test_a_whole_comparison_that_lost_what_it_sent_finds_it_again(stack):
    (event,) = stack.publish("2020")
    stack.settle()
    reconcile(stack)
    with stack.session("scoring") as session:
        session.execute(delete(inbox))
    go_on = stack.hold("replays")
    assert reconcile(stack, whole=True).missing == 1
    with stack.session("intake") as session:
        session.execute(delete(replays))
    assert pair(stack).agreed_to <= event.id
    go_on()
    assert reconcile(stack).missing == 1


def test_a_publisher_that_was_put_back_to_an_old_dump_is_noticed_by_its_consumers(stack):
    stack.publish("2020", "2021", "2022")
    stack.settle()
    reconcile(stack)
    with stack.session("intake") as session:
        session.execute(delete(outbox).where(outbox.c.subject != "2020"))
    reconcile(stack)
    assert pair(stack).whole
    assert reconcile(stack).foreign == 2
    assert (reconcile(stack).foreign, pair(stack).whole) == (0, False)
    assert stack.effects() == ["2020", "2021", "2022"]


def test_what_an_outbox_keeps_no_more_is_not_counted_against_it(stack):
    old = ago(days=stack.settings.outbox_days, minutes=1)
    handled(stack, *(inbox_row(old, number) for number in range(3)))
    stack.publish("2020")
    stack.settle()
    told = reconcile(stack, whole=True)
    assert (told.missing, told.foreign) == (0, 0)


def test_a_clock_that_went_forth_and_back_leaves_nothing_unchecked(stack):
    stack.settle()
    ahead = datetime.now(UTC) + timedelta(days=1)
    with stack.session("scoring") as session:
        values = {"agreed_to": id_at(ahead), "due_at": ahead}
        session.execute(update(reconciliation).values(**values))
    assert stack.begin_rounds() == 1
    while stack.turn():
        pass
    lose(stack, "2020")
    assert reconcile(stack).missing == 1
    assert stack.effects() == ["2020"]
    assert pair(stack).agreed_to < id_at(ahead)


def test_two_replicas_begin_a_round_once(real_stack):
    with real_stack.session("scoring") as session:
        demand(session, whole=False, dry_run=False)
    with ThreadPoolExecutor() as threads:
        begun = [threads.submit(real_stack.begin_rounds) for _ in range(4)]
        assert sorted(future.result() for future in begun) == [0, 0, 0, 1]


def test_a_message_of_the_conversation_that_comes_again_does_nothing_again(stack):
    stack.publish("2020")
    stack.settle()
    lose(stack, "2021")
    heard = stack.overhear()
    assert reconcile(stack).missing == 1
    for take, deliveries in heard():
        take(deliveries)
    while stack.turn():
        pass
    assert (pair(stack).missing, pair(stack).foreign) == (0, 0)
    assert stack.effects() == ["2020", "2021"]
    assert len(stack.handled()) == 2


def test_while_the_broker_is_away_a_round_stays_due(real_stack, proxy):
    real_stack.listen_by(proxy)
    with real_stack.session("scoring") as session:
        demand(session, whole=False, dry_run=False)
    proxy.close()
    for _ in range(2):
        with pytest.raises(BrokerError):
            real_stack.begin_rounds()
    assert pair(real_stack).round == ""
    real_stack.listen_by(None)
    assert real_stack.begin_rounds() == 1


def test_a_queue_that_is_gone_holds_no_round_up(real_stack):
    missing = f"evt-{new_id()}"
    assert real_stack.broker.depths([missing, real_stack.queue]) == {
        missing: 0,
        real_stack.queue: 0,
    }


def test_what_the_database_refuses_is_passed_over(stack):
    asked = {"kind": "stated", "handler": "\0", "source": 7, "round": [], "ids": {}, "every": "x"}
    stack.say(json.dumps(asked).encode(), json.dumps(asked | {"kind": "want"}).encode())
    stack.publish("2020")
    stack.settle()
    assert reconcile(stack).missing == 0
