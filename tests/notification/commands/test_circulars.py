"""Circulars: one a kind and epoch, in gapless numbers, whatever comes twice or at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from services.notification.commands import circulars
from services.notification.models.register import Circular, StatusSlot
from shared.errors import InvalidError
from shared.spine.database import Database
from shared.testing import acting


@pytest.fixture
def postgres(postgres_url):
    made = Database("notification", postgres_url)
    yield made
    made.engine.dispose()


def numbers(database):
    with database.reading() as session:
        rows = session.execute(
            select(Circular.number, Circular.kind, Circular.epoch).order_by(Circular.number)
        )
        return [tuple(row) for row in rows]


def test_each_revocation_and_each_reinstatement_has_one_circular(database, said):
    life = [
        (circulars.circulate_revocation, said.project_event("project.revoked", 4, epoch=1)),
        (circulars.circulate_reinstatement, said.project_event("project.reinstated", 5, epoch=2)),
        (circulars.circulate_revocation, said.project_event("project.revoked", 6, epoch=2)),
    ]
    for circulate, event in [*life, *life]:
        with database.transaction() as session:
            circulate(session, event, acting(said.NOW, event))
    again = said.project_event("project.revoked", 9, epoch=2)
    with database.transaction() as session:
        circulars.circulate_revocation(session, again, acting(said.NOW, again))
    assert numbers(database) == [
        ("LAUREL-2021-0001", "revocation", 1),
        ("LAUREL-2021-0002", "reinstatement", 2),
        ("LAUREL-2021-0003", "revocation", 2),
    ]
    with database.reading() as session:
        published = said.recorded(session, "notice.published")
    assert [data["notice"] for data in published] == [row[0] for row in numbers(database)]


def test_a_reinstatement_acknowledges_no_revocation(database, said):
    with database.transaction() as session:
        event = said.project_event("project.reinstated", 5, epoch=2)
        circulars.circulate_reinstatement(session, event, acting(said.NOW, event))
    with database.reading() as session:
        assert said.recorded(session, "revocation.acknowledged") == []


def test_numbers_begin_anew_with_china_s_year(database, said):
    instants = [
        datetime(2020, 12, 31, 15, 59, tzinfo=UTC),
        datetime(2020, 12, 31, 16, 0, tzinfo=UTC),
        datetime(2021, 12, 31, 15, 59, tzinfo=UTC),
        datetime(2021, 12, 31, 16, 0, tzinfo=UTC),
    ]
    for serial, now in enumerate(instants):
        event = said.project_event("project.revoked", 4, project=f"P-{serial}")
        with database.transaction() as session:
            circulars.circulate_revocation(session, event, acting(now, event))
    assert [number for number, _kind, _epoch in numbers(database)] == [
        "LAUREL-2020-0001", "LAUREL-2021-0001", "LAUREL-2021-0002", "LAUREL-2022-0001",
    ]  # fmt: skip


def test_a_revocation_without_a_decision_is_not_circulated(database, said):
    event = said.project_event("project.revoked", 4, decision=None)
    refused = pytest.raises(InvalidError, match="a circular must cite its grounds")
    with refused, database.transaction() as session:
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    assert numbers(database) == []


def test_revocations_at_the_same_moment_get_gapless_numbers_and_status_indexes(postgres, said):
    def circulate(number):
        event = said.project_event("project.revoked", 4, project=f"P-{number}")
        with postgres.transaction() as session:
            circulars.circulate_revocation(session, event, acting(said.NOW, event))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(circulate, range(24)))
    assert [number for number, _kind, _epoch in numbers(postgres)] == [
        f"LAUREL-2021-{serial:04d}" for serial in range(1, 25)
    ]
    with postgres.reading() as session:
        indexes = session.scalars(select(StatusSlot.index).order_by(StatusSlot.index)).all()
    assert indexes == list(range(24))


def test_the_same_revocation_at_the_same_moment_is_circulated_once(postgres, said):
    event = said.project_event("project.revoked", 4)

    def circulate(_number):
        with postgres.transaction() as session:
            circulars.circulate_revocation(session, event, acting(said.NOW, event))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(circulate, range(8)))
    assert numbers(postgres) == [("LAUREL-2021-0001", "revocation", 1)]
    with postgres.reading() as session:
        assert len(said.recorded(session, "revocation.acknowledged")) == 3
