"""Claiming and settling deliveries: first due first, out of others' hands meanwhile, settled once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.notification.commands import announcements, circulars, deliveries, subscribers
from services.notification.commands.deliveries import Outcome
from services.notification.models.deliveries import Attempt, Delivery
from services.notification.rules.deliveries import EndReason
from shared.errors import IllegalTransitionError, NotFoundError
from shared.project import Outlet
from shared.spine.envelope import CONTENT_TYPE, decode
from shared.spine.tables import outbox
from shared.testing import acting

REAL = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=1)
WANTED = {
    "kind": "webhook", "address": "https://fund.example/hook", "scope": "all",
    "event_types": ["project.revoked", "project.designated"],
}  # fmt: skip


def taken():
    return Outcome("http-204", REAL, 0.1, taken=True)


def refused(*, final=False):
    return Outcome("http-500", REAL, 0.1, final=final, error="the receiver did not take it")


@pytest.fixture
def queue(database, said):
    """Two webhooks about one revocation, on their way."""
    with database.transaction() as session:
        for _ in range(2):
            subscribers.add_subscriber(session, WANTED, acting(said.NOW), ())
        event = said.project_event("project.revoked", 3)
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    return database


def claim(database, now=REAL, outlet=Outlet.WEBHOOK):
    with database.transaction() as session:
        return deliveries.claim_delivery(session, outlet, real_now=now, lease=LEASE)


def settle(database, parcel, outcome, said, retry_at=REAL + LEASE):
    with database.transaction() as session:
        deliveries.settle_delivery(session, parcel, outcome, acting(said.NOW), retry_at=retry_at)


def states(database):
    with database.reading() as session:
        rows = session.execute(select(Delivery.state, Delivery.attempts).order_by(Delivery.id))
        return [tuple(row) for row in rows]


def test_each_claim_takes_another_delivery_until_none_is_due(queue):
    first, second, none = claim(queue), claim(queue), claim(queue)
    assert none is None
    assert first.id != second.id
    assert claim(queue, outlet=Outlet.LETTER) is None
    assert states(queue) == [("waiting", 1), ("waiting", 1)]


def test_word_of_a_revocation_waits_behind_no_other(database, said):
    with database.transaction() as session:
        subscribers.add_subscriber(session, WANTED, acting(said.NOW), ())
        for serial in range(3, 7):
            event = said.project_event("project.designated", serial)
            announcements.announce_change(session, event, acting(said.NOW, event))
        event = said.project_event("project.revoked", 7)
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    first = claim(database)
    assert claim(database) is None
    settle(database, first, refused(final=True), said)
    second = claim(database)
    assert [first.content["type"], second.content["type"]] == [
        "project.revoked", "project.designated",
    ]  # fmt: skip
    settle(database, second, refused(), said)
    with database.transaction() as session:
        deliveries.retry_delivery(session, first.id)
    assert claim(database).id == first.id


def test_what_is_said_of_a_delivery_carries_on_the_trace_of_its_event(database, said):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = replace(
        said.project_event("project.revoked", 3), correlation_id="message-1", traceparent=trace
    )
    with database.transaction() as session:
        for _ in range(2):
            subscribers.add_subscriber(session, WANTED, acting(said.NOW), ())
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    settle(database, claim(database), taken(), said)
    settle(database, claim(database), refused(final=True), said)
    with database.reading() as session:
        rows = session.execute(select(outbox)).all()
    found = [decode(row.body, CONTENT_TYPE) for row in rows]
    assert {"notice.delivered", "notice.failed"} <= {told.type for told in found}
    assert {(e.correlation_id, e.causation_id, e.traceparent, e.actor) for e in found} == {
        ("message-1", event.id, trace, "official:li")
    }


def test_a_claimed_delivery_is_due_again_after_its_lease(queue):
    first, second = claim(queue), claim(queue)
    assert claim(queue, REAL + LEASE - timedelta(seconds=1)) is None
    again = claim(queue, REAL + LEASE)
    assert (again.id, again.attempt) == (min(first.id, second.id), 2)


def test_what_was_put_off_longest_comes_first(queue, said):
    first, second = claim(queue), claim(queue)
    settle(queue, second, refused(), said)
    assert claim(queue, REAL + 2 * LEASE).id in {first.id, second.id}
    assert claim(queue, REAL + 2 * LEASE).attempt == 2


def test_a_delivery_is_settled_once_whoever_comes_late(queue, said):
    slow = claim(queue)
    claim(queue)
    quick = claim(queue, REAL + LEASE)
    assert quick.id == slow.id
    settle(queue, quick, taken(), said)
    settle(queue, slow, refused(final=True), said)
    with queue.reading() as session:
        kinds = [said.recorded(session, f"notice.{end}") for end in ("delivered", "failed")]
        log = session.scalars(select(Attempt.code).order_by(Attempt.number)).all()
    assert [len(found) for found in kinds] == [1, 0]
    assert log == ["http-500", "http-204"]


def test_a_late_failure_does_not_put_off_the_attempt_that_is_in_flight(queue, said):
    slow = claim(queue)
    claim(queue)
    quick = claim(queue, REAL + LEASE)
    settle(queue, slow, refused(), said)
    with queue.reading() as session:
        assert session.get(Delivery, quick.id).due_at == REAL + 2 * LEASE


def test_a_webhook_about_anything_but_a_revocation_acknowledges_nothing(database, said):
    with database.transaction() as session:
        subscribers.add_subscriber(session, WANTED, acting(said.NOW), ())
        event = said.project_event("project.designated", 3)
        announcements.announce_change(session, event, acting(said.NOW, event))
    settle(database, claim(database), taken(), said)
    with database.reading() as session:
        assert len(said.recorded(session, "notice.delivered")) == 1
        assert said.recorded(session, "revocation.acknowledged") == []


def test_a_retry_is_refused_for_what_is_not_there_delivered_or_ended(queue, said):
    parcel = claim(queue)
    settle(queue, parcel, taken(), said)
    other = claim(queue)
    with queue.transaction() as session:
        with pytest.raises(NotFoundError, match="There is no delivery 'nothing'"):
            deliveries.retry_delivery(session, "nothing")
        with pytest.raises(IllegalTransitionError):
            deliveries.retry_delivery(session, parcel.id)
        subscribers.end_subscriber(
            session, other.subscriber, EndReason.UNSUBSCRIBED, acting(said.NOW)
        )
        with pytest.raises(IllegalTransitionError, match="has ended; add a new one"):
            deliveries.retry_delivery(session, other.id)
    assert sorted(states(queue)) == [("delivered", 1), ("failed", 1)]


def test_a_retry_makes_a_failed_delivery_due_at_once(queue, said):
    parcel = claim(queue)
    claim(queue)
    settle(queue, parcel, refused(final=True), said)
    assert claim(queue) is None
    with queue.transaction() as session:
        deliveries.retry_delivery(session, parcel.id)
    again = claim(queue)
    assert (again.id, again.attempt) == (parcel.id, 2)
