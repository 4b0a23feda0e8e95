"""What is public beside the projects' states, out of order and twice."""

from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest

from services.notification import queries
from services.notification.commands import announcements, proceedings, programmes
from services.notification.models.proceedings import Inspection, ObjectionDecision, Plan, Programme
from services.notification.models.register import Project
from shared.testing import acting


def opened(said, publicity="PUB-1", **changes):
    entry = said.state_data("application.scored", state="PUBLICISED") | {
        "score": "81.50",
        "rank": 1,
    }
    data = {
        "publicity": publicity,
        "programme": "2020",
        "opens_on": "2020-11-02",
        "closes_on": "2020-11-06",
        "entries": [entry | changes],
    }
    return said.loaded(said.envelope("publicity.opened", data, subject=publicity))


def test_publicity_shows_its_entries_whether_it_comes_before_or_after_their_scores(database, said):
    scored = said.project_event("application.scored", 3, epoch=0)
    for events in ((opened(said), scored), (scored, opened(said))):
        for event in events:
            with database.transaction() as session:
                if event.type == "publicity.opened":
                    proceedings.open_publicity(session, event)
                else:
                    announcements.announce_change(session, event, acting(said.NOW, event))
        with database.reading() as session:
            project = queries.project(session, said.PROJECT)
            assert (project.state, project.sequence) == ("PUBLICISED", 3)
            (publicity,) = queries.publicities(session)
            assert publicity.entries[0]["score"] == "81.50"
            assert publicity.closes_on == date(2020, 11, 6)


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_what_left_a_list_is_shown_where_it_stands_in_any_order(database, said, order):
    events = [
        said.project_event("application.scored", 3, epoch=0),
        opened(said, sequence=3),
        said.project_event("application.resumed", 4, epoch=0, state="SCORING"),
        opened(said, "PUB-2", sequence=5),
    ]

    def state_after(which):
        with database.transaction() as session:
            for event in which:
                if event.type == "publicity.opened":
                    proceedings.open_publicity(session, event)
                else:
                    announcements.announce_change(session, event, acting(said.NOW, event))
            project = session.get(Project, said.PROJECT)
            return project.state, project.publicity

    first_three = [events[place] for place in order if place < 3]
    assert state_after(first_three) == ("SCORING", "PUB-1")
    assert state_after([events[place] for place in order]) == ("PUBLICISED", "PUB-2")


def test_a_long_list_comes_in_pages_in_any_order_and_is_shown_whole(database, said):
    projects = [f"2020-P110000-{number:04d}" for number in range(1, 6)]
    entries = [
        said.state_data("application.scored", state="PUBLICISED", project=project)
        | {"score": "81.50", "rank": rank}
        for rank, project in enumerate(projects, 1)
    ]
    pages = [entries[2:4], entries[4:], entries[:2], entries[2:4]]
    for number, page in enumerate(pages, 1):
        event = said.loaded(
            said.envelope(
                "publicity.opened",
                opened(said).data | {"entries": page},
                subject="PUB-1",
                sequence=number,
            )
        )
        with database.transaction() as session:
            proceedings.open_publicity(session, event)
    with database.reading() as session:
        (publicity,) = queries.publicities(session)
        assert [entry["project"] for entry in publicity.entries] == projects
        assert {queries.project(session, one).state for one in projects} == {"PUBLICISED"}


def test_publicity_moves_no_designated_project_back(database, said):
    with database.transaction() as session:
        announcements.announce_change(
            session,
            said.project_event("project.designated", 4),
            acting(said.NOW, said.project_event("project.designated", 4)),
        )
        proceedings.open_publicity(session, opened(said))
    with database.reading() as session:
        assert session.get(Project, said.PROJECT).state == "DESIGNATED"


def test_the_newest_edition_of_a_programme_wins(database, said):
    for edition in (2, 1, 2):
        data = {"programme": "2020", "edition": edition, "definition": {"edition": edition}}
        event = said.loaded(said.envelope("programme.published", data, subject="2020"))
        with database.transaction() as session:
            programmes.keep_programme(session, event, acting(said.NOW, event))
    with database.reading() as session:
        assert session.get(Programme, "2020").definition == {"edition": 2}


def test_a_draw_may_come_before_its_plan(database, said):
    drawn = {"plan": "PL-1", "programme": "2020", "transcript": {"seed": "00"}}
    planned = {
        "plan": "PL-1",
        "programme": "2020",
        "method": "site_check",
        "target_count": 9,
        "min_inspectors": 2,
        "caps": {"agency-a": 15},
        "plan_sha256": "d" * 64,
        "targets_sha256": "a" * 64,
        "inspectors_sha256": "b" * 64,
        "commitments": {"o": "c"},
        "public_value": "the closing index",
        "draw_at": "2021-03-01T00:00:00Z",
    }
    with database.transaction() as session:
        proceedings.keep_draw(
            session, said.loaded(said.envelope("inspection.drawn", drawn, subject="PL-1"))
        )
    for _ in range(2):
        with database.transaction() as session:
            proceedings.announce_plan(
                session, said.loaded(said.envelope("inspection.planned", planned, subject="PL-1"))
            )
    with database.reading() as session:
        plan = session.get(Plan, "PL-1")
        assert (plan.transcript, plan.target_count, plan.public_value) == (
            {"seed": "00"},
            9,
            "the closing index",
        )


def test_the_newest_verdict_of_an_inspection_wins_and_its_score_is_exact(database, said):
    for sequence, score in ((3, "58.5"), (2, "90"), (3, "58.5")):
        data = {
            "inspection": "I-1",
            "project": said.PROJECT,
            "programme": "2020",
            "agency": "A1",
            "method": "site_check",
            "outcome": "fail",
            "score": score,
            "reasons_zh": ["低"],
            "reasons_en": ["low"],
            "rule_version": "1",
            "reported_at": said.NOW.isoformat(),
            "concluded_at": said.NOW.isoformat(),
        }
        event = said.loaded(
            said.envelope("inspection.completed", data, subject="I-1", sequence=sequence)
        )
        with database.transaction() as session:
            proceedings.keep_inspection(session, event)
    with database.reading() as session:
        assert session.get(Inspection, "I-1").score == Decimal("58.5")


def test_an_objection_is_kept_once(database, said):
    data = {
        "objection": "O-1",
        "project": said.PROJECT,
        "upheld": False,
        "outcome": "dismissed",
        "reason": "no proof",
        "decided_at": said.NOW.isoformat(),
    }
    for _ in range(2):
        with database.transaction() as session:
            proceedings.keep_objection(
                session, said.loaded(said.envelope("objection.decided", data))
            )
    with database.reading() as session:
        assert session.get(ObjectionDecision, "O-1").reason == "no proof"
        assert len(queries.objections(session, said.PROJECT)) == 1
