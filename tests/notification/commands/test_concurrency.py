"""A subscriber ends at the same moment: it is written to no more, and nothing waits for it."""

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.notification.commands import circulars, deliveries, subscribers
from services.notification.commands.announcements import AT_ONCE
from services.notification.models.deliveries import Delivery, Subscriber
from services.notification.rules.deliveries import CONTACT_TYPES, EndReason
from shared.errors import IllegalTransitionError
from shared.spine.database import Database
from shared.testing import acting
from tests.notification.conftest import NOW, PROJECT, project_event
from tests.side_by_side import side_by_side

REASON = next(iter(EndReason))
REVOKED = project_event("project.revoked", 9)


@pytest.fixture
def database(postgres_url):
    database = Database("notification", postgres_url)
    with database.transaction() as session:
        session.add(
            Subscriber(
                id="s1",
                sequence=1,
                kind="letter",
                address="a@example.org",
                scope=f"project:{PROJECT}",
                event_types=list(CONTACT_TYPES),
                created_by="x",
                created_at=NOW,
                busy_until=AT_ONCE,
            )
        )
    yield database
    database.engine.dispose()


def end(session):
    subscribers.end_subscriber(session, "s1", REASON, acting(NOW))


def announce(session):
    circulars.circulate_revocation(session, REVOKED, acting(NOW, REVOKED))


def retry(session):
    delivery = session.scalar(select(Delivery.id))
    with suppress(IllegalTransitionError):
        deliveries.retry_delivery(session, delivery)


def nothing_waits(database):
    later, lease = NOW + timedelta(days=3650), timedelta(seconds=9)
    with database.transaction() as session:
        claimed = deliveries.claim_delivery(session, "letter", real_now=later, lease=lease)
        return claimed is None


@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_announced_meanwhile_is_not_sent(database, in_order):
    side_by_side(database, *((end, announce) if in_order else (announce, end)))
    assert nothing_waits(database)


@pytest.mark.parametrize("in_order", [True, False])
def test_what_an_operator_has_sent_again_meanwhile_is_not_sent(database, in_order):
    with database.transaction() as session:
        announce(session)
    with database.transaction() as session:
        delivery = session.scalar(select(Delivery))
        deliveries.give_up(session, delivery, "refused", acting(NOW))
    side_by_side(database, *((end, retry) if in_order else (retry, end)))
    assert nothing_waits(database)
