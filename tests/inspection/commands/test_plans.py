"""Plans, frozen and announced; draws that keep to them; the yearly cap over all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.inspection.models.agencies import Inspector
from services.inspection.models.inspections import Inspection
from shared import draws
from shared.draws import check_transcript


def drawn(office, plan):
    office.post(f"/v1/plans/{plan['id']}/draw", office.OPENED)
    return office.get(f"/v1/plans/{plan['id']}/transcript", who=None)


def used(office):
    with office.database.reading() as session:
        return sorted(row.agency for row in session.query(Inspection))


def test_a_plan_is_announced_with_all_that_the_draw_depends_on(office):
    office.designate(2)
    office.register("agency-a")
    plan = office.plan(target_count=1)
    (announced,) = office.events("inspection.planned")
    for name in (
        "plan_sha256",
        "targets_sha256",
        "inspectors_sha256",
        "commitments",
        "public_value",
    ):
        assert announced.data[name] == plan[name]
    assert office.get("/v1/plans", who=None)["items"] == [plan]
    assert (plan["caps"], plan["min_inspectors"], plan["target_count"]) == ({"agency-a": 15}, 2, 1)


def test_what_changes_in_the_directories_after_the_plan_does_not_change_the_draw(office):
    first, second = office.designate(2)
    office.register("agency-a", "agency-b")
    plan = office.plan()
    office.register("agency-c", inspectors=9)
    office.post("/v1/inspectors", {"code": "agency-a-0", "name": "Zhao", "agency": "agency-c"})
    office.designate(4)
    transcript = drawn(office, plan)
    assert check_transcript(transcript) == []
    assert {result["target"] for result in transcript["results"]} == {first, second}
    assert {entry["agency"] for entry in transcript["inspectors"]} == {"agency-a", "agency-b"}
    assert transcript["targets_sha256"] == plan["targets_sha256"]
    assert transcript["inspectors_sha256"] == plan["inspectors_sha256"]
    assert transcript["plan"]["caps"] == plan["caps"]


def test_the_transcript_goes_out_with_the_event_and_makes_the_inspections(office):
    office.designate(3)
    office.register("agency-a", "agency-b")
    transcript = drawn(office, office.plan())
    (event,) = office.events("inspection.drawn")
    assert event.data["transcript"] == transcript
    made = office.get("/v1/inspections")["items"]
    assert sorted((i["project"], i["agency"], i["inspectors"]) for i in made) == sorted(
        (result["target"], result["agency"], result["inspectors"])
        for result in transcript["results"]
    )
    assert {inspection["stage"] for inspection in made} == {"NOTIFIED"}


def test_a_draw_before_its_announced_time_is_refused(office):
    office.designate()
    office.register("agency-a")
    at = office.clock.now() + timedelta(days=3)
    path = f"/v1/plans/{office.plan(draw_at=at.isoformat())['id']}"
    assert office.post(f"{path}/draw", office.OPENED, status=409)["slug"] == "draw-refused"
    assert office.get(f"{path}/transcript", who=None, status=404)["slug"] == "not-found"
    office.wait(days=3, minutes=1)
    office.post(f"{path}/draw", office.OPENED)


@pytest.mark.parametrize(
    "secrets",
    [
        {},
        {"ministry": "the ministry's secret"},
        {"ministry": "a guess", "observer": "the observer's secret"},
        {"ministry": "the ministry's secret", "other": "the observer's secret"},
        {"ministry": "the ministry's secret", "observer": "the observer's secret", "other": "x"},
    ],
)
def test_secrets_that_do_not_fit_the_commitments_are_refused(office, secrets):
    office.designate()
    office.register("agency-a")
    path = f"/v1/plans/{office.plan()['id']}/draw"
    body = {"secrets": secrets, "public_value": "3225.12"}
    assert office.post(path, body, status=409)["slug"] == "draw-refused"
    assert used(office) == []


def test_a_draw_is_never_repeated(office):
    office.designate()
    office.register("agency-a")
    plan = office.plan()
    before = drawn(office, plan)
    again = office.OPENED | {"public_value": "3225.13"}
    answer = office.post(f"/v1/plans/{plan['id']}/draw", again, status=409)
    assert answer["slug"] == "illegal-transition"
    assert office.get(f"/v1/plans/{plan['id']}/transcript", who=None) == before
    assert len(office.events("inspection.drawn")) == 1


def test_a_plan_that_is_never_drawn_lapses_and_gives_its_places_back(office):
    office.publish_programme(edition=2, agency_cap_per_year=1)
    office.designate()
    office.register("agency-a")
    lost = office.plan()
    assert office.plan(status=409)["slug"] == "draw-refused"
    office.wait(days=40)
    answer = office.post(f"/v1/plans/{lost['id']}/draw", office.OPENED, status=409)
    assert "lapsed" in answer["detail"]
    assert len(office.draw()) == 1


def test_a_draw_counts_in_the_year_that_it_was_announced_for(office):
    office.publish_programme(edition=2, agency_cap_per_year=1)
    one, other = office.designate(2)
    office.register("agency-a")
    office.clock.set(datetime(2020, 12, 10, 1, tzinfo=UTC))
    late = office.plan(one, draw_at="2020-12-31T09:00:00+08:00")
    following = office.plan(other, draw_at="2021-01-10T09:00:00+08:00")
    office.clock.set(datetime(2021, 1, 11, 1, tzinfo=UTC))
    for plan in (late, following):
        office.post(f"/v1/plans/{plan['id']}/draw", office.OPENED)
    assert used(office) == ["agency-a", "agency-a"]
    again = {"draw_at": "2021-03-01T09:00:00+08:00"}
    assert office.plan(one, status=409, **again)["slug"] == "draw-refused"


@pytest.mark.parametrize("written", ["3225.120", " 3225.12 ", "3225.1200"])
def test_a_public_value_is_one_number_however_it_is_written(office, written):
    office.designate(6)
    office.register("agency-a")
    plan = office.plan(target_count=2)
    opened = office.OPENED | {"public_value": written}
    drawn_so = office.post(f"/v1/plans/{plan['id']}/draw", opened)
    assert office.get(f"/v1/plans/{plan['id']}/transcript", who=None)["public_value"] == "3225.12"
    assert drawn_so


@pytest.mark.parametrize(
    "written", ["3,225.12", "3225.12 点", "", "03225.12", "3225.", "1e3", "another"]
)
def test_a_public_value_that_is_no_plain_number_is_refused(office, written):
    office.designate()
    office.register("agency-a")
    plan = office.plan()
    opened = office.OPENED | {"public_value": written}
    problem = office.post(f"/v1/plans/{plan['id']}/draw", opened, status=422)
    assert [error["field"] for error in problem["errors"]] == ["public_value"]


def test_a_conflict_once_declared_stays_when_the_inspector_is_registered_again(office):
    (project,) = office.designate()
    office.register("agency-a")
    party = office.project(project)["undertaker"]["uscc"]
    with office.database.reading() as session:
        inspectors = session.scalars(select(Inspector.code)).all()
    for code in inspectors:
        told = {"code": code, "name": "Zhao", "agency": "agency-a"}
        office.post("/v1/inspectors", told | {"conflicts": [party]})
        office.post("/v1/inspectors", told)
    assert office.draw() == {}


def test_an_unknown_plan_is_not_found(office):
    assert office.post("/v1/plans/nope/draw", office.OPENED, status=404)["slug"] == "not-found"


def test_a_plan_needs_projects_and_inspectors(office):
    office.register("agency-a")
    assert office.plan(status=409)["slug"] == "draw-refused"
    office.designate()
    office.post("/v1/inspectors", {"code": "x", "name": "x", "agency": "agency-a"})
    office.plan(status=201)


def test_projects_that_are_not_designated_are_named(office):
    first, second = office.designate(2)
    office.register("agency-a")
    office.post(f"/v1/projects/{second}/revoke", office.DECISION)
    answer = office.plan(first, second, "2020-P110000-0099", status=409)
    assert second in answer["detail"]
    assert "2020-P110000-0099" in answer["detail"]
    assert first not in answer["detail"]
    assert office.events("inspection.planned") == []


def test_only_the_round_asked_for_is_drawn(office):
    (project,) = office.designate()
    office.receive(office.designation(2, programme="2022"))
    office.register("agency-a")
    transcript = drawn(office, office.plan())
    assert [target["id"] for target in transcript["targets"]] == [project]


def test_inspectors_in_conflict_are_recused(office):
    (project,) = office.designate()
    uscc = office.project(project)["undertaker"]["uscc"]
    office.register("agency-a", conflicts=[uscc])
    office.register("agency-b", conflicts=["P110000"])
    office.register("agency-c", conflicts=["P310000"])
    transcript = drawn(office, office.plan())
    assert [result["agency"] for result in transcript["results"]] == ["agency-c"]
    assert {skip["agency"] for skip in transcript["skips"]} <= {"agency-a", "agency-b"}
    assert {skip["reason"] for skip in transcript["skips"]} <= {draws.TOO_FEW}


def test_no_agency_is_drawn_beyond_its_yearly_cap_whatever_the_plans(office):
    office.publish_programme(edition=2, agency_cap_per_year=2)
    projects = office.designate(6)
    office.register("agency-a", "agency-b")
    drawn(office, office.plan(*projects[:3]))
    assert office.plan(*projects[3:])["caps"] == {
        code: 2 - used(office).count(code) for code in ("agency-a", "agency-b")
    }
    office.post(f"/v1/plans/{office.get('/v1/plans')['items'][-1]['id']}/draw", office.OPENED)
    assert used(office) == ["agency-a", "agency-a", "agency-b", "agency-b"]
    assert office.plan(status=409)["slug"] == "draw-refused"


def test_plans_that_wait_for_their_draw_keep_their_places(office):
    office.publish_programme(edition=2, agency_cap_per_year=3)
    projects = office.designate(6)
    office.register("agency-a", "agency-b")
    first = office.plan(*projects[:2])
    second = office.plan(*projects[2:])
    assert (first["caps"], second["caps"]) == (
        {"agency-a": 3, "agency-b": 3},
        {"agency-a": 1, "agency-b": 1},
    )
    assert office.plan(status=409)["slug"] == "draw-refused"
    drawn(office, second)
    drawn(office, first)
    assert all(used(office).count(code) <= 3 for code in ("agency-a", "agency-b"))


def test_a_new_year_in_china_opens_the_cap_again(office):
    office.publish_programme(edition=2, agency_cap_per_year=1)
    office.designate(2)
    office.register("agency-a")
    office.draw("2020-P110000-0001")
    office.clock.set(office.clock.now().replace(year=2020, month=12, day=31, hour=15, minute=58))
    assert office.plan(status=409)["slug"] == "draw-refused"
    office.clock.set(office.clock.now() + timedelta(minutes=2))
    assert office.plan()["caps"] == {"agency-a": 1}


def test_a_plan_of_the_old_year_counts_where_its_draw_does(office):
    office.publish_programme(edition=2, agency_cap_per_year=1)
    office.designate(3)
    office.register("agency-a")
    office.draw("2020-P110000-0001")
    assert office.plan(status=409)["slug"] == "draw-refused"
    january = "2021-01-11T09:00:00+08:00"
    assert office.plan(draw_at=january)["caps"] == {"agency-a": 1}
    assert office.plan(draw_at=january, status=409)["slug"] == "draw-refused"


def test_a_project_that_rectifies_can_be_planned_and_drawn_again(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    assert lenient.state(project) == "RECTIFYING"
    lenient.wait(days=30)
    again = lenient.draw(project, method="site_check")[project]
    findings = [{"key": "signage", "result": "ok"}]
    lenient.report(again, method="site_check", findings=findings)
    assert lenient.state(project) == "DESIGNATED"


def test_two_plans_at_once_never_promise_one_place_twice(busy):
    busy.publish_programme("rectify", edition=2, agency_cap_per_year=2)
    busy.designate(4)
    busy.register("agency-a")
    at = (busy.clock.now() + busy.NOTICE).isoformat()
    plans = busy.side_by_side(lambda _n: busy.plan(target_count=1, draw_at=at), 2)
    assert sorted(plan["caps"]["agency-a"] for plan in plans) == [1, 2]


def test_a_draw_is_not_announced_for_a_day_that_has_passed(office):
    office.designate()
    office.register("agency-a")
    problem = office.plan(draw_at="2001-01-01T09:00:00+08:00", status=409)
    assert problem["slug"] == "draw-refused"


def test_what_is_not_designated_any_more_takes_no_place_and_the_transcript_says_why(office):
    first, second, third = office.designate(3)
    office.register("agency-a")
    plan = office.plan(target_count=2)
    office.post(f"/v1/projects/{first}/revoke", office.DECISION)
    transcript = drawn(office, plan)
    since = office.project(first)["decision"]["decided_at"]
    assert transcript["withdrawn"] == {first: f"the project is REVOKED since {since}"}
    assert {result["target"] for result in transcript["results"]} == {second, third}
    assert {skip["target"] for skip in transcript["skips"]} <= {first}
    assert check_transcript(transcript) == []


def test_the_published_hash_is_of_all_that_the_draw_depends_on(office):
    office.designate(2)
    office.register("agency-a", "agency-b")
    plan = office.plan(target_count=1)
    transcript = drawn(office, plan)
    assert transcript["plan_sha256"] == plan["plan_sha256"]
    for change in (
        {"caps": {"agency-a": 15, "agency-b": 0}},
        {"min_inspectors": 1},
        {"target_count": 2},
    ):
        steered = draws.draw(
            transcript["plan"] | change,
            *(transcript[name] for name in ("targets", "inspectors", "secrets", "public_value")),
        )
        assert steered["plan_sha256"] != plan["plan_sha256"]


@pytest.mark.parametrize(("days", "status"), [(0, 409), (1, 409), (2, 409), (3, 201), (4, 201)])
def test_a_draw_is_announced_its_working_days_ahead(office, days, status):
    office.designate()
    office.register("agency-a")
    at = office.clock.now() + timedelta(days=days)  # from a Monday on
    answer = office.plan(draw_at=at.isoformat(), status=status)
    if status == 409:
        assert "at least 3 working days ahead: on 20" in answer["detail"]


def test_no_holder_of_a_secret_is_alone(office):
    office.designate()
    office.register("agency-a")
    alone = {"ministry": office.COMMITMENTS["ministry"]}
    problem = office.plan(commitments=alone, status=422)
    assert problem["errors"][0]["field"] == "commitments"
    assert "at least two holders" in problem["detail"]
