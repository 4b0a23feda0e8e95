"""Every consumed event twice, and out of order."""

from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import select

from services.inspection.models import Base
from services.inspection.models.programmes import Programme
from shared.spine.entrypoints import handlers_of
from shared.spine.envelope import new_id
from shared.spine.tables import outbox

PROJECT = "2020-P110000-0001"
AT = "2020-10-12T09:00:00+08:00"


def consumed(office):
    """One event of each type that the service consumes, about one revoked project."""
    about = {"project": PROJECT, "epoch": 1}
    delivery = about | {"delivery": "D1", "notice": "N1", "outlet": "letter", "attempts": 20}
    report = {"project": PROJECT, "summary": "merged", "reported_at": AT}
    return {
        "programme.published": office.programme_event(edition=2),
        "project.designated": office.designation(1),
        "change.reported": office.event(
            "change.reported", "C1",
            report | {"change": "C1", "kind": "merger", "occurred_on": "2020-10-01"},
        ),
        "violation.reported": office.event(
            "violation.reported", "V1",
            report | {"violation": "V1", "ground": "material_falsehood"},
        ),
        "revocation.acknowledged": office.event(
            "revocation.acknowledged", f"{PROJECT}/1/bar",
            about | {"outlet": "bar", "receiver": None, "revocation": new_id()}, owner="intake",
        ),
        "notice.published": office.event(
            "notice.published", "N1",
            about | {"notice": "N1", "kind": "revocation", "published_at": AT},
        ),
        "notice.delivered": office.event("notice.delivered", "D1", delivery, 2),
        "notice.failed": office.event("notice.failed", "D1", delivery | {"error": "x"}),
    }  # fmt: skip


def everything(office):
    """All that the service knows and has said, but for when it came to know it."""
    with office.database.reading() as session:
        known = {
            table.name: sorted(
                repr(row._asdict() | {"acknowledged_at": None})
                for row in session.execute(select(table))
            )
            for table in Base.metadata.sorted_tables
        }
        said = session.scalars(select(outbox.c.event_id).order_by(outbox.c.position)).all()
    return known, said


def test_the_samples_are_all_that_the_service_consumes(office):
    handlers = handlers_of(office.service).values()
    types = {event_type for handler in handlers for event_type in handler.event_types}
    assert set(consumed(office)) == types


@pytest.mark.parametrize(
    "kind",
    [
        "programme.published",
        "project.designated",
        "change.reported",
        "violation.reported",
        "revocation.acknowledged",
        "notice.published",
        "notice.delivered",
        "notice.failed",
    ],
)
def test_an_event_that_comes_again_changes_nothing_be_it_under_another_id(office, kind):
    events = consumed(office)
    office.receive(events[kind])
    before = everything(office)
    office.receive(events[kind], replace(events[kind], id=new_id()))
    assert everything(office) == before


def test_events_of_different_subjects_end_alike_in_any_order(tmp_path, office):
    events = list(consumed(office).values())
    office.receive(*events)
    expected = everything(office)
    for number, order in enumerate((events[::-1], events[3:] + events[:3])):
        place = tmp_path / str(number)
        place.mkdir()
        with type(office)(place) as other:
            other.receive(*order)
            assert everything(other) == expected


@pytest.mark.parametrize("order", list(permutations((2, 3, 4))))
def test_the_newest_edition_of_a_programme_wins_in_any_order(office, order):
    events = {n: office.programme_event(edition=n, pass_score=str(60 + n)) for n in order}
    office.receive(*(events[number] for number in (*order, *order)))
    with office.database.reading() as session:
        programme = session.get(Programme, "2020")
    assert (programme.edition, programme.definition["inspection"]["pass_score"]) == (4, "64")
