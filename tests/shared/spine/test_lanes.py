"""What is urgent waits behind nothing else: not in the outbox, not among what is parked."""

import pytest

from deploy.local.process import wait_until
from shared.catalogue import CATALOGUE
from shared.spine.broker.topology import Queue, Topology
from shared.spine.envelope import new_id
from shared.spine.relay import LANES
from tests.shared.spine.rows import ago, outbox_row, park, parked_row, published

pytestmark = pytest.mark.long

BACKLOG, SECONDS = 2_000, 20


def test_revocations_and_what_follows_from_them_are_urgent():
    assert {name for name, kind in CATALOGUE.items() if kind.urgent} == {
        "project.revoked", "revocation.acknowledged",
    }  # fmt: skip


def test_an_urgent_event_behind_2000_others_is_published_before_them(stack):
    stack.publish(*(f"p{number}" for number in range(BACKLOG)))
    name = f"urgent-{new_id()}"
    queue = Queue(name, "intake.events", "project.revoked", "scoring", {"x-queue-type": "quorum"})
    stack.broker.declare(Topology((queue,)))
    urgent = {"urgent": True, "published_at": None, "routing_key": "project.revoked"}
    published(stack, outbox_row(ago(seconds=0), **urgent))
    first = next(relay for relay in stack.relays() if relay.lane == "urgent")
    assert first.publish_window() == 1
    assert len(stack.unpublished()) == BACKLOG
    wait_until(lambda: stack.broker.depths([name]) == {name: 1}, SECONDS, "the urgent event")


def test_every_lane_has_a_relay_of_its_own(stack):
    assert [relay.lane for relay in stack.relays()] == list(LANES)


def test_among_parked_events_urgent_ones_are_tried_first(stack):
    stack.keeper.failing = {"other", "urgent"}
    stack.publish("other", "urgent")
    with pytest.raises(AssertionError, match="no luck"):
        stack.settle()
    park(stack, *(parked_row(state="waiting", due_at=ago(hours=1)) for _ in range(20)))
    with stack.session("scoring") as session:
        session.connection().exec_driver_sql("UPDATE parked SET urgent = (subject = 'urgent')")
    stack.make_due()
    tried = []
    stack.keeper.failing = set()
    stack.keeper.surprises = {
        name: [lambda _session, name=name: tried.append(name)] for name in ("other", "urgent")
    }
    assert stack.retry_parked() == 22
    assert tried == ["urgent", "other"]
