"""Retention: what is settled goes after its period, and nothing that is gone can be done again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from deploy.local.process import wait_until
from shared.spine import retention
from shared.spine.replay import Published, replay
from shared.spine.tables import (
    facts,
    idempotency_keys,
    inbox,
    outbox,
    parked,
    parked_steps,
    replays,
)
from tests.shared.spine.rows import (
    HANDLER,
    ago,
    handled,
    id_at,
    inbox_row,
    outbox_row,
    park,
    parked_row,
    published,
    put,
)

pytestmark = pytest.mark.long

OUTBOX_DAYS, PARKED_DAYS = 10, 20
MARGIN_DAYS = retention.INBOX_MARGIN.days
FORGOTTEN = timedelta(days=OUTBOX_DAYS + MARGIN_DAYS, minutes=1)
SECONDS = 20


@pytest.fixture
def environ(environ):
    days = {"LAUREL_OUTBOX_DAYS": str(OUTBOX_DAYS), "LAUREL_PARKED_DAYS": str(PARKED_DAYS)}
    return environ | days


@pytest.fixture
def real_environ(real_environ):
    return real_environ | {"LAUREL_OUTBOX_DAYS": str(OUTBOX_DAYS)}


def prune(stack, service="scoring"):
    runtime = stack.runtime(service)
    while retention.prune(runtime.database, runtime.settings):
        pass


def age(stack, *events):
    """Have these events been recorded, and handled if they were, before the inbox forgets."""
    past = ago(seconds=FORGOTTEN.total_seconds())
    for number, event in enumerate(events):
        aged = id_at(past, number)
        with stack.session("intake") as session:
            key = outbox.c.event_id == event.id
            body = session.scalar(select(outbox.c.body).where(key))
            body = body.replace(event.id.encode(), aged.encode())
            values = {"event_id": aged, "body": body, "recorded_at": past}
            session.execute(update(outbox).where(key).values(**values))
        with stack.session("scoring") as session:
            key = inbox.c.event_id == event.id
            session.execute(update(inbox).where(key).values(event_id=aged, handled_at=past))


def again(stack):
    """Have everything published once more, and taken."""
    with stack.session("intake") as session:
        session.execute(update(outbox).values(published_at=None))
    while stack.turn():
        pass


def test_published_events_go_after_their_days_and_unpublished_ones_never(stack):
    old, young = ago(days=OUTBOX_DAYS, minutes=1), ago(days=OUTBOX_DAYS, minutes=-1)
    _gone, waiting, kept = published(
        stack, outbox_row(old), outbox_row(old, 1, published_at=None), outbox_row(young)
    )
    prune(stack, "intake")
    assert [row.event_id for row in stack.rows("intake", outbox)] == [
        waiting["event_id"], kept["event_id"],
    ]  # fmt: skip


def test_an_event_that_waits_to_be_sent_again_is_sent_before_it_goes(stack):
    published(stack, outbox_row(ago(days=OUTBOX_DAYS, minutes=1)))
    with stack.session("intake") as session:
        assert replay(session, Published(), None) == (1, None)
    prune(stack, "intake")
    assert len(stack.rows("intake", replays)) == 1
    while stack.turn():
        pass
    assert len(stack.parked_rows()) == 1
    prune(stack, "intake")
    assert stack.rows("intake", outbox) == []


def test_rows_go_in_small_batches(stack, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    old = ago(days=OUTBOX_DAYS + 1)
    published(stack, *(outbox_row(old, number) for number in range(7)))
    runtime = stack.runtime("intake")
    told = [retention.prune(runtime.database, runtime.settings) for _ in range(4)]
    assert told == [3, 3, 1, 0]
    assert stack.rows("intake", outbox) == []


def test_inbox_rows_go_a_margin_later_than_their_events(stack):
    old, young = ago(seconds=FORGOTTEN.total_seconds()), ago(days=OUTBOX_DAYS + MARGIN_DAYS - 1)
    late = inbox_row(young, event_id=id_at(old, 7))
    kept = handled(stack, inbox_row(young), late, inbox_row(old))[:2]
    prune(stack)
    assert {row.event_id for row in stack.rows("scoring", inbox)} == {
        row["event_id"] for row in kept
    }


@pytest.mark.parametrize("state", ["waiting", "held", "discarded"])
def test_an_inbox_row_stays_while_its_event_is_parked(stack, state):
    old = ago(seconds=FORGOTTEN.total_seconds())
    (row,) = handled(stack, inbox_row(old))
    settled_at = ago(days=1) if state == "discarded" else None
    park(stack, parked_row(event_id=row["event_id"], state=state, settled_at=settled_at))
    prune(stack)
    assert [kept.event_id for kept in stack.rows("scoring", inbox)] == [row["event_id"]]


def test_an_inbox_row_goes_when_its_parked_event_was_handled(stack):
    (row,) = handled(stack, inbox_row(ago(seconds=FORGOTTEN.total_seconds())))
    park(stack, parked_row(event_id=row["event_id"], state="handled", settled_at=ago(days=1)))
    prune(stack)
    assert stack.rows("scoring", inbox) == []


def test_settled_parked_events_go_with_their_history_and_open_ones_never(stack):
    settled = ago(days=PARKED_DAYS, minutes=1)
    rows = park(
        stack,
        parked_row(state="handled", settled_at=settled),
        parked_row(state="discarded", settled_at=settled, event_id=None),
        parked_row(state="handled", settled_at=ago(days=PARKED_DAYS, minutes=-1)),
        parked_row(state="held", parked_at=settled - timedelta(days=900)),
        parked_row(state="waiting", parked_at=settled, due_at=settled),
    )
    steps = [
        {"parked": row["id"], "at": settled, "who": "a", "what": "b", "why": "c"} for row in rows
    ]
    put(stack, "scoring", parked_steps, *steps)
    prune(stack)
    kept = {row["id"] for row in rows[2:]}
    assert {row.id for row in stack.parked_rows()} == kept
    assert {row.parked for row in stack.rows("scoring", parked_steps)} == kept


def test_a_discarded_event_stays_known_while_its_outbox_could_send_it_again(stack):
    settled = ago(days=PARKED_DAYS, minutes=1)
    kept, _gone = park(
        stack,
        parked_row(state="discarded", settled_at=settled, event_id=id_at(settled)),
        parked_row(
            state="discarded",
            settled_at=settled,
            event_id=id_at(ago(seconds=FORGOTTEN.total_seconds())),
        ),
    )
    prune(stack)
    assert [row.id for row in stack.parked_rows()] == [kept["id"]]


def test_idempotency_keys_go_after_their_period(stack):
    key = {"digest": "d", "status": 200, "answer": {}}
    past, young = ago(days=30, minutes=1), ago(days=30, minutes=-1)
    put(
        stack,
        "scoring",
        idempotency_keys,
        key | {"key": "old", "created_at": past},
        key | {"key": "young", "created_at": young},
    )
    prune(stack)
    assert [row.key for row in stack.rows("scoring", idempotency_keys)] == ["young"]


def test_an_event_from_beyond_the_horizon_is_held_and_not_done_twice(stack):
    events = stack.publish("2020")
    stack.settle()
    age(stack, *events)
    prune(stack)
    assert stack.rows("scoring", inbox) == []
    again(stack)
    assert stack.effects() == ["2020"]
    (row,) = stack.parked_rows()
    assert (row.state, row.error) == ("held", "beyond-retention")
    with stack.session("scoring") as session:
        session.execute(update(parked).values(state="waiting", due_at=ago(seconds=1)))
    stack.retry_parked()
    assert [row.error for row in stack.parked_rows()] == ["beyond-retention"]
    assert stack.effects() == ["2020"]


def test_the_horizon_never_moves_back(stack):
    handled(stack, inbox_row(ago(days=1000)))
    prune(stack)
    (horizon,) = [row.value for row in stack.rows("scoring", facts) if row.name == "inbox_horizon"]
    handled(stack, inbox_row(ago(days=1000)))
    runtime = stack.runtime("scoring")
    retention.prune(runtime.database, replace(runtime.settings, outbox_days=100))
    assert [row.value for row in stack.rows("scoring", facts) if row.name == "inbox_horizon"] == [
        horizon
    ]


def test_without_anything_forgotten_no_event_is_too_old(stack):
    events = stack.publish("2020")
    age(stack, *events)
    stack.settle()
    assert stack.effects() == ["2020"]


def test_an_event_that_was_parked_in_time_can_be_retried_however_late(stack):
    stack.keeper.failing = {"bad"}
    events = stack.publish("bad")
    age(stack, *events)
    with pytest.raises(AssertionError, match="no luck"):
        stack.settle()
    handled(stack, inbox_row(ago(days=1000)))
    prune(stack)
    stack.keeper.failing = set()
    past = ago(seconds=FORGOTTEN.total_seconds())
    with stack.session("scoring") as session:
        session.execute(update(parked).values(parked_at=past, due_at=past))
    assert stack.retry_parked() == 1
    assert stack.effects() == ["bad"]
    assert [row.state for row in stack.parked_rows()] == ["handled"]


def test_pruning_and_redelivery_at_once_do_nothing_twice(real_stack):
    """The redelivered event's inbox row is being deleted: it waits, and then sees the horizon."""
    events = real_stack.publish("2020")
    real_stack.settle()
    age(real_stack, *events)
    real_stack.deafen()
    with real_stack.session("intake") as session:
        session.execute(update(outbox).values(published_at=None))
    relay = real_stack.relay()
    assert relay.publish_window() == 1
    relay.close()
    consumer = real_stack.consumer()
    taken = []
    wait_until(lambda: taken.extend(consumer.receive(10, 0.1)) or taken, SECONDS, "the event")
    horizon = ago(days=OUTBOX_DAYS) - retention.INBOX_MARGIN
    with ThreadPoolExecutor() as threads:
        with real_stack.session("scoring") as pruning:
            assert retention._forget_handled(pruning, horizon) == 1
            other = threads.submit(real_stack.take, taken)
            wait_until(lambda: real_stack.waits_for_lock("scoring"), SECONDS, "the other to wait")
        other.result()
    consumer.close()
    assert real_stack.effects() == ["2020"]
    assert [(row.handler, row.error) for row in real_stack.parked_rows()] == [
        (HANDLER, "beyond-retention")
    ]


def test_an_event_that_is_being_deleted_is_not_taken_for_a_replay(real_stack):
    published(real_stack, outbox_row(ago(days=OUTBOX_DAYS, minutes=1)), outbox_row(ago(days=1)))
    with real_stack.session("intake") as pruning:
        past = outbox.c.recorded_at < ago(days=OUTBOX_DAYS)
        assert retention._delete(pruning, outbox, past) == 1
        with real_stack.session("intake") as session:
            assert replay(session, Published(), None) == (1, None)
    assert len(real_stack.rows("intake", replays)) == 1
