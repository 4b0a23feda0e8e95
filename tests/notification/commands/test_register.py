"""The register under events that come late, twice and in any order."""

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from services.notification import queries
from services.notification.commands import announcements, circulars, subscribers
from services.notification.models.deliveries import Delivery
from services.notification.models.register import (
    Acknowledgement,
    Circular,
    HistoryEntry,
    Project,
    StatusSlot,
)
from services.notification.rules.states import Status
from shared.errors import NotFoundError
from shared.testing import acting

LIFE = (
    ("application.submitted", 1, 0),
    ("application.recommended", 2, 0),
    ("application.scored", 3, 0),
    ("project.designated", 4, 1),
    ("rectification.ordered", 5, 1),
    ("project.revoked", 6, 1),
    ("project.reinstated", 7, 2),
    ("project.revoked", 8, 2),
)
ACT = {
    "application.submitted": subscribers.keep_application,
    "project.revoked": circulars.circulate_revocation,
    "project.reinstated": circulars.circulate_reinstatement,
}


def apply(session, event, now):
    ACT.get(event.type, announcements.announce_change)(session, event, acting(now, event))


@pytest.fixture
def life(said):
    return [said.project_event(kind, number, epoch=epoch) for kind, number, epoch in LIFE]


def public_state(session, project):
    """All that the public sees of a project, without ids and numbers given on the way."""
    row = session.get(Project, project)
    slot = session.scalar(select(StatusSlot.status).where(StatusSlot.project == project))
    history = [(entry.sequence, entry.type) for entry in queries.history(session, project)]
    kinds = sorted((c.epoch, c.kind) for c in queries.circulars_of(session, project))
    outlets = [ack.subject for ack in queries.acknowledgements(session, project)]
    letters = session.execute(select(Delivery.cause_type, Delivery.epoch, Delivery.subscriber))
    return (
        row.state,
        row.sequence,
        row.epoch,
        slot,
        history,
        kinds,
        outlets,
        sorted(map(tuple, letters)),
    )


def test_a_revocation_that_comes_before_everything_else_stays(database, said, life):
    with database.transaction() as session:
        circulars.circulate_revocation(session, life[5], acting(said.NOW, life[5]))
    for event in (life[3], life[0]):
        with database.transaction() as session:
            apply(session, event, said.NOW)
    with database.reading() as session:
        assert session.get(Project, said.PROJECT).state == "REVOKED"
        assert session.scalar(select(StatusSlot.status)) == Status.NOT_DESIGNATED
        assert [entry.type for entry in queries.history(session, said.PROJECT)] == [
            "application.submitted", "project.designated", "project.revoked",
        ]  # fmt: skip


def test_a_late_revocation_is_circulated_and_acknowledged_but_revives_no_state(
    database, said, life
):
    with database.transaction() as session:
        apply(session, life[6], said.NOW)
        apply(session, life[5], said.NOW)
    with database.reading() as session:
        assert session.get(Project, said.PROJECT).state == "DESIGNATED"
        assert session.scalar(select(StatusSlot.status)) == Status.DESIGNATED
        assert [ack.subject for ack in queries.acknowledgements(session, said.PROJECT)] == [
            f"{said.PROJECT}/1/circular", f"{said.PROJECT}/1/register", f"{said.PROJECT}/1/status_list",
        ]  # fmt: skip
        kinds = [circular.kind for circular in queries.circulars_of(session, said.PROJECT)]
        assert kinds == ["reinstatement", "revocation"]


def test_acknowledgements_name_the_revocation_and_go_out_once(database, said, life):
    for _ in range(2):
        with database.transaction() as session:
            apply(session, life[5], said.NOW)
    with database.reading() as session:
        sent = said.recorded(session, "revocation.acknowledged")
        published = said.recorded(session, "notice.published")
    assert [(data["outlet"], data["revocation"]) for data in sent] == [
        ("register", life[5].id), ("status_list", life[5].id), ("circular", life[5].id),
    ]  # fmt: skip
    assert [(data["notice"], data["kind"], data["epoch"]) for data in published] == [
        ("LAUREL-2021-0001", "revocation", 1)
    ]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    order=st.permutations(range(len(LIFE))),
    repeated=st.lists(st.integers(0, len(LIFE) - 1), max_size=5),
)
def test_any_order_and_duplication_ends_in_the_same_public_state(said, order, repeated):
    life = [said.project_event(kind, number, epoch=epoch) for kind, number, epoch in LIFE]
    states = []
    for way in (range(len(LIFE)), [*order, *repeated]):
        with tempfile.TemporaryDirectory() as path:
            database = said.new_database(Path(path))
            for index in way:
                with database.transaction() as session:
                    apply(session, life[index], said.NOW)
            with database.reading() as session:
                states.append(public_state(session, said.PROJECT))
            database.engine.dispose()
    assert states[0] == states[1]
    assert states[1][0] == "REVOKED"
    assert states[1][5] == [(1, "revocation"), (2, "reinstatement"), (2, "revocation")]


def test_circular_numbers_have_no_gaps_even_when_a_transaction_fails(database, said):
    numbers = []
    for serial, fails in enumerate((False, True, False, False), 1):
        event = said.project_event("project.revoked", 5, project=f"2020-P110000-{serial:04d}")
        try:
            with database.transaction() as session:
                circulars.circulate_revocation(session, event, acting(said.NOW, event))
                if fails:
                    raise NotFoundError("the transaction fails")
        except NotFoundError:
            continue
    with database.reading() as session:
        numbers = session.scalars(select(Circular.number).order_by(Circular.number)).all()
    assert numbers == ["LAUREL-2021-0001", "LAUREL-2021-0002", "LAUREL-2021-0003"]


def test_a_circular_keeps_what_it_said_when_the_project_changes(database, said, life):
    later = said.project_event("project.reinstated", 7, epoch=2, title="另一个名称")
    with database.transaction() as session:
        apply(session, life[5], said.NOW)
        apply(session, later, said.NOW)
    with database.reading() as session:
        circular = session.get_one(Circular, "LAUREL-2021-0001")
        assert (circular.title, circular.number_zh, circular.number_en) == (
            "互联网医院平台",
            "通报〔2021〕第1号",
            "Circular No. 1 of 2021",
        )


def test_status_indexes_are_never_given_twice(database, said):
    for serial, kind in itertools.product(range(3), ("project.designated", "project.revoked")):
        event = said.project_event(kind, 4 + (kind == "project.revoked"), project=f"P-{serial}")
        with database.transaction() as session:
            apply(session, event, said.NOW)
    with database.reading() as session:
        slots = session.execute(
            select(StatusSlot.index, StatusSlot.project).order_by(StatusSlot.index)
        )
        assert [tuple(slot) for slot in slots] == [(0, "P-0"), (1, "P-1"), (2, "P-2")]


def test_the_register_shows_no_application_before_publicity(database, said, life):
    with database.transaction() as session:
        apply(session, life[0], said.NOW)
    with database.reading() as session:
        assert queries.count(session, queries.registered(queries.RegisterFilter())) == 0
        with pytest.raises(NotFoundError, match="There is no project"):
            queries.project(session, said.PROJECT)
        assert queries.tally(queries.census(session), "state") == {"SUBMITTED": 1}


def test_a_search_takes_percent_signs_for_what_they_are(database, said, life):
    with database.transaction() as session:
        apply(session, life[3], said.NOW)
    with database.reading() as session:
        found = {
            q: queries.count(session, queries.registered(queries.RegisterFilter(q=q)))
            for q in ("医院", "虚构", "91350100m000100y43", "９１３５０１００Ｍ", "%", "_")
        }
    assert found == {
        "医院": 1,
        "虚构": 1,
        "91350100m000100y43": 1,
        "９１３５０１００Ｍ": 1,
        "%": 0,
        "_": 0,
    }


def test_an_application_event_brings_history_once(database, said, life):
    for _ in range(2):
        with database.transaction() as session:
            apply(session, life[0], said.NOW)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(HistoryEntry)) == 1
        assert session.scalar(select(func.count()).select_from(Acknowledgement)) == 0
