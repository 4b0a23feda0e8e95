"""Verdicts and what follows from them, in one transaction."""

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.inspection.commands import messages
from services.inspection.commands.message_checks import Incoming
from services.inspection.models.projects import Project
from shared.draws import check_transcript
from shared.spine.envelope import CONTENT_TYPE
from shared.testing import acting


@pytest.fixture
def drawn(office):
    (project,) = office.designate()
    office.register("agency-a")
    return project, office.draw(project)[project]


@pytest.fixture
def ordered(lenient):
    """A project that was ordered to rectify, and a second inspection drawn before that."""
    (project,) = lenient.designate()
    lenient.register("agency-a", "agency-b")
    early, other = lenient.draw(project)[project], lenient.draw(project)[project]
    lenient.fail(early)
    return project, other


def revocations(office):
    return office.get("/v1/revocations")["items"]


def test_a_failed_inspection_revokes_in_the_same_transaction(office, drawn):
    project, inspection = drawn
    receipt = office.fail(inspection)
    assert (receipt["code"], receipt["outcome"]) == ("accepted", "fail")
    completed, revoked = office.events("inspection.completed", "project.revoked")
    assert revoked.causation_id == completed.id
    assert completed.causation_id == completed.correlation_id == revoked.correlation_id
    assert (completed.actor, revoked.actor) == ("agency:agency-a", "agency:agency-a")
    assert revoked.data["state"] == "REVOKED"
    assert revoked.data["decision"] == office.project(project)["decision"] | {
        "decided_at": revoked.data["decision"]["decided_at"],
        "effective_at": revoked.data["decision"]["effective_at"],
    }
    told = {
        name: revoked.data["decision"][name]
        for name in ("ground", "inspection", "reasons_en", "rule_version", "actor")
    }
    assert told == {
        "ground": "inspection_failed", "inspection": inspection, "rule_version": "2020-1",
        "reasons_en": ["score 41.5 is below 60"], "actor": "agency:agency-a",
    }  # fmt: skip
    assert [(line["project"], line["epoch"]) for line in revocations(office)] == [(project, 1)]


def judge_and_die(office, incoming, project):
    with office.database.transaction() as session:
        receipt = messages.receive_message(session, incoming, acting(office.clock.now()))
        assert receipt.outcome == "fail"
        assert session.get(Project, project).state == "REVOKED"
        raise ZeroDivisionError


def test_a_transaction_that_dies_after_the_verdict_leaves_nothing(office, drawn):
    project, inspection = drawn
    body, signature = office.signed(inspection, score="41.5", result="breach")
    incoming = Incoming(body, CONTENT_TYPE, signature, channel="https")
    before = len(office.events("inspection.drawn", "inspection.completed", "project.revoked"))
    with pytest.raises(ZeroDivisionError):
        judge_and_die(office, incoming, project)
    assert office.state(project) == "DESIGNATED"
    assert revocations(office) == []
    (listed,) = office.get("/v1/inspections")["items"]
    assert (listed["stage"], listed["outcome"]) == ("NOTIFIED", None)
    after = office.events("inspection.drawn", "inspection.completed", "project.revoked")
    assert len(after) == before
    with office.database.transaction() as session:
        messages.receive_message(session, incoming, acting(office.clock.now()))
    assert office.state(project) == "REVOKED"


@pytest.mark.parametrize(
    ("report", "outcome", "state"),
    [
        ({}, "pass", "DESIGNATED"),
        ({"score": "62.5"}, "rectify", "RECTIFYING"),
        ({"result": "non_cooperation"}, "not_cooperating", "REVOKED"),
        ({"result": "unreachable"}, "unreachable", "DESIGNATED"),
        ({"result": "closed_or_liquidation"}, "ceased", "DESIGNATED"),
        ({"result": "inconclusive"}, "inconclusive", "DESIGNATED"),
    ],
)
def test_each_outcome_has_its_effect_on_the_project(office, drawn, report, outcome, state):
    project, inspection = drawn
    assert office.report(inspection, **report)["outcome"] == outcome
    assert office.state(project) == state
    (completed,) = office.events("inspection.completed")
    assert completed.data["outcome"] == outcome
    assert len(revocations(office)) == (state == "REVOKED")


def test_non_cooperation_follows_the_programme(office):
    office.publish_programme(edition=2, not_cooperating_fails=False)
    (project,) = office.designate()
    office.register("agency-a")
    inspection = office.draw(project)[project]
    assert office.report(inspection, result="non_cooperation")["outcome"] == "not_cooperating"
    assert office.state(project) == "DESIGNATED"


def test_two_failed_inspections_of_one_project_revoke_it_once(office):
    (project,) = office.designate()
    office.register("agency-a")
    first, second = office.draw(project)[project], office.draw(project)[project]
    office.fail(first)
    assert office.fail(second)["code"] == "accepted"
    assert len(office.events("inspection.completed")) == 2
    assert len(office.events("project.revoked")) == 1
    assert len(revocations(office)) == 1


@pytest.mark.parametrize("report", [{}, {"score": "41.5", "result": "breach"}])
def test_an_inspection_drawn_before_the_order_tells_nothing_of_the_rectification(
    lenient, ordered, report
):
    project, early = ordered
    assert lenient.report(early, **report)["code"] == "accepted"
    assert lenient.state(project) == "RECTIFYING"


def test_a_reinspection_that_passes_closes_the_rectification(lenient, ordered):
    project, _early = ordered
    lenient.wait(days=10)
    lenient.report(lenient.draw(project)[project])
    shown = lenient.project(project)
    assert (shown["state"], shown["rectify_by"]) == ("DESIGNATED", None)
    (closed,) = lenient.events("rectification.closed")
    assert (closed.data["state"], closed.data["rectify_by"]) == ("DESIGNATED", None)
    lenient.wait(days=400)
    assert lenient.state(project) == "DESIGNATED"


def test_a_reinspection_that_fails_revokes(lenient, ordered):
    project, _early = ordered
    lenient.fail(lenient.draw(project)[project])
    (revoked,) = lenient.events("project.revoked")
    assert (revoked.data["state"], revoked.data["rectify_by"]) == ("REVOKED", None)
    assert lenient.state(project) == "REVOKED"


def test_a_failed_inspection_under_policy_immediate_revokes_also_one_that_rectifies(office):
    (project,) = office.designate()
    office.register("agency-a")
    first, second = office.draw(project)[project], office.draw(project)[project]
    office.report(first, score="62.5")
    assert office.state(project) == "RECTIFYING"
    office.fail(second)
    assert office.state(project) == "REVOKED"


def test_an_inspection_of_an_earlier_epoch_cannot_revoke(office, drawn):
    project, old = drawn
    office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    assert office.fail(old)["outcome"] == "fail"
    assert office.state(project) == "DESIGNATED"
    assert len(office.events("project.revoked")) == 1


def test_an_inspection_under_way_finishes_after_the_project_expired(office, drawn):
    project, inspection = drawn
    office.wait(days=3 * 366)
    assert office.state(project) == "EXPIRED"
    assert office.fail(inspection)["outcome"] == "fail"
    assert office.state(project) == "EXPIRED"
    assert revocations(office) == []


VOID = {"reason_zh": "检查员未到场", "reason_en": "the inspectors were not there"}


def test_a_void_inspection_changes_nothing_and_takes_no_report_any_more(office, drawn):
    project, inspection = drawn
    answer = office.post(f"/v1/inspections/{inspection}/void", VOID)
    assert (answer["stage"], answer["outcome"]) == ("PUBLISHED", "void")
    (completed,) = office.events("inspection.completed")
    assert (completed.data["outcome"], completed.data["reasons_en"], completed.data["score"]) == (
        "void",
        ["the inspectors were not there"],
        None,
    )
    receipt = office.fail(inspection)
    assert (receipt["status"], receipt["code"]) == ("rejected", "already-reported")
    assert office.state(project) == "DESIGNATED"


def test_a_concluded_inspection_cannot_be_voided(office, drawn):
    project, inspection = drawn
    office.fail(inspection)
    answer = office.post(f"/v1/inspections/{inspection}/void", VOID, status=409)
    assert answer["slug"] == "illegal-transition"
    assert office.state(project) == "REVOKED"
    office.post("/v1/inspections/nope/void", VOID, status=404)
    office.post(f"/v1/inspections/{inspection}/void", VOID, who="agency", status=403)


def test_two_reports_that_fail_at_once_revoke_once(busy):
    (project,) = busy.designate()
    busy.register("agency-a")
    busy.fail(busy.draw(project)[project])
    again = [busy.draw(project)[project] for _ in range(4)]
    receipts = busy.side_by_side(lambda number: busy.fail(again[number]), len(again))
    assert [receipt["code"] for receipt in receipts] == ["accepted"] * 4
    assert len(busy.events("project.revoked")) == 1
    assert busy.state(project) == "REVOKED"


def test_a_later_edition_does_not_change_the_rules_of_what_was_drawn(office, drawn):
    project, inspection = drawn
    stricter = {"pass_score": "95", "warning_score": "90", "rule_version": "2020-2"}
    office.publish_programme(edition=2, **stricter)
    receipt = office.report(inspection, score="88")
    assert (receipt["outcome"], office.state(project)) == ("pass", "DESIGNATED")
    (completed,) = office.events("inspection.completed")
    assert completed.data["rule_version"] == "2020-1"
    late = office.draw(project)[project]
    assert office.report(late, score="88")["outcome"] == "fail"
    (revoked,) = office.events("project.revoked")
    assert revoked.data["decision"]["rule_version"] == "2020-2"


def test_an_order_gives_the_days_of_the_rules_that_it_was_judged_by(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    inspection = lenient.draw(project)[project]
    before = lenient.today
    lenient.publish_programme("rectify", edition=2, rectification_days=1, rule_version="2020-2")
    lenient.fail(inspection)
    days = date.fromisoformat(lenient.project(project)["rectify_by"]) - before
    assert days == timedelta(days=90)
    assert lenient.project(project)["decision"]["rule_version"] == "2020-1"


def test_a_survey_that_nobody_answered_is_inconclusive_and_an_official_is_asked(office):
    (project,) = office.designate()
    office.register("agency-a")
    inspection = office.draw(project, method="questionnaire")[project]
    numbers = {"issued": 1000, "returned": 0, "satisfied": 0}
    receipt = office.report(inspection, score=None, questionnaire=numbers)
    assert receipt["outcome"] == "inconclusive"
    assert office.state(project) == "DESIGNATED"
    (task,) = office.get("/v1/tasks")["items"]
    assert (task["project"], task["kind"]) == (project, "inconclusive")


@pytest.mark.parametrize("result", ["unreachable", "closed_or_liquidation", "inconclusive"])
def test_what_moves_nothing_opens_a_task(office, drawn, result):
    project, inspection = drawn
    office.report(inspection, result=result, score=None)
    assert office.state(project) == "DESIGNATED"
    assert [task["project"] for task in office.get("/v1/tasks")["items"]] == [project]


@pytest.mark.parametrize("second", ["fail", "pass"])
@pytest.mark.parametrize("is_first", [True, False])
def test_first_inspections_of_one_day_end_the_same_in_any_order(lenient, second, is_first):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    one, other = (lenient.draw(project)[project] for _ in range(2))
    reports = [(one, "41.5"), (other, "41.5" if second == "fail" else "95")]
    for inspection, score in reports if is_first else reversed(reports):
        lenient.report(inspection, score=score, result="no_breach")
    assert lenient.state(project) == "RECTIFYING"
    (order,) = lenient.events("rectification.ordered")
    assert str(order.data["rectify_by"]) == lenient.project(project)["rectify_by"]
    completed = lenient.events("inspection.completed")
    assert [event.data["order"] for event in completed] == [None, None]


RESULTS = {
    "pass": {"score": "95"},
    "short": {"score": "62"},
    "failed": {"score": "41.5", "result": "breach"},
    "thin": {"score": None, "result": "inconclusive"},
    "refused": {"score": None, "result": "non_cooperation"},
}
EDITIONS = [
    {"rule_version": "v1", "rectification_days": 30},
    {"rule_version": "v2", "rectification_days": 90},
    {"rule_version": "v3", "rectification_days": 60, "pass_score": "90", "warning_score": "70"},
]


@given(results=st.lists(st.sampled_from(sorted(RESULTS)), min_size=2, max_size=3))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(results=["failed", "failed"])
@example(results=["thin", "failed", "short"])
def test_first_inspections_end_the_same_in_every_order_of_reports(lenient, results):
    """Of one project, drawn by one edition after another: each order on a project of its own."""
    if not lenient.keys:
        lenient.register("agency-a")
    ends = set()
    for order in permutations(range(len(results))):
        number = next(lenient.numbers)
        designation = lenient.designation(number)
        lenient.receive(designation)
        project, drawn = designation.subject, []
        for nth in range(len(results)):
            edition = next(lenient.numbers)
            more = EDITIONS[nth] | {"agency_cap_per_year": 100_000}
            lenient.publish_programme("rectify", edition, **more)
            drawn.append(lenient.draw(project)[project])
        for nth in order:
            lenient.report(drawn[nth], **RESULTS[results[nth]])
        told = lenient.project(project)
        version = told["decision"] and told["decision"]["rule_version"]
        ends.add((told["state"], told["rectify_by"], version))
    assert len(ends) == 1


@pytest.mark.parametrize("scores", [("95", "41.5"), ("41.5", "95")])
def test_two_reinspections_of_one_order_end_the_same_in_either_order(lenient, ordered, scores):
    project, _first = ordered
    drawn = [lenient.draw(project)[project] for _ in range(2)]
    for inspection, score in zip(drawn, scores, strict=True):
        lenient.report(inspection, score=score)
    assert lenient.state(project) == "REVOKED"
    assert len(lenient.events("project.revoked")) == 1


def test_what_was_drawn_before_an_order_orders_nothing_after_it_was_closed(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    one, other = (lenient.draw(project)[project] for _ in range(2))
    lenient.fail(one)
    lenient.wait(days=10)
    again = lenient.draw(project)[project]
    lenient.report(again, score="95")
    assert lenient.state(project) == "DESIGNATED"
    lenient.fail(other)
    assert lenient.state(project) == "DESIGNATED"
    assert [task["id"] for task in lenient.get("/v1/tasks")["items"]] == [other]


def test_an_order_is_reinspected_by_the_rules_it_was_given_by(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    first = lenient.draw(project)[project]
    lenient.report(first, score="62")
    assert lenient.state(project) == "RECTIFYING"
    lenient.publish_programme("rectify", 2, pass_score="99", warning_score="98", rule_version="2")
    lenient.wait(days=10)
    again = lenient.draw(project)[project]
    receipt = lenient.report(again, score="88")
    assert (receipt["outcome"], lenient.state(project)) == ("pass", "DESIGNATED")
    completed = lenient.events("inspection.completed")[-1]
    assert (completed.data["order"], completed.data["rule_version"]) == (first, "2020-1")


@pytest.mark.parametrize("key", ["False_Material", "falsematerial", "unheard_of"])
def test_a_finding_that_the_round_does_not_know_is_refused_with_those_it_knows(office, drawn, key):
    project, inspection = drawn
    findings = [{"key": key, "result": "breach", "more": "x"}]
    receipt = office.report(inspection, findings=findings, result="breach")
    assert (receipt["status"], receipt["code"]) == ("rejected", "wrong-schema")
    assert "false_material" in receipt["reason"]
    assert "operation" in receipt["reason"]
    findings[0]["key"] = "false_material"
    office.report(inspection, findings=findings, result="breach")
    assert office.state(project) == "REVOKED"


def has_conflict(office, inspection, party):
    """One of the drawn inspectors declares a conflict with that party."""
    (drawn,) = [i for i in office.get("/v1/inspections")["items"] if i["inspection"] == inspection]
    code, agency = drawn["inspectors"][0], drawn["agency"]
    body = {"code": code, "name": "Zhao", "agency": agency, "conflicts": [party]}
    office.post("/v1/inspectors", body)
    return code


@pytest.mark.parametrize("party", ["unit", "undertaker"])
def test_what_an_inspector_in_conflict_was_drawn_for_is_void(office, drawn, party):
    project, inspection = drawn
    told = office.project(project)
    code = has_conflict(
        office, inspection, {"unit": told["unit"], "undertaker": told["undertaker"]["uscc"]}[party]
    )
    (completed,) = office.events("inspection.completed")
    assert (completed.data["outcome"], completed.data["reasons_en"]) == (
        "void",
        [f"inspector {code} has a conflict of interest"],
    )
    (task,) = office.get("/v1/tasks")["items"]
    assert (task["id"], task["project"], task["kind"]) == (inspection, project, "void")
    assert office.fail(inspection)["status"] == "rejected"
    assert office.state(project) == "DESIGNATED"


def test_a_conflict_with_somebody_else_voids_nothing(office, drawn):
    project, inspection = drawn
    has_conflict(office, inspection, "P999999")
    assert office.events("inspection.completed") == []
    office.fail(inspection)
    assert office.state(project) == "REVOKED"


def test_a_conflict_declared_between_plan_and_draw_voids_what_is_drawn_of_it(office):
    project, *_ = office.designate(1)
    office.register("agency-a")
    plan = office.plan()
    for number in range(2):
        body = {"code": f"agency-a-{number}", "name": "Zhao", "agency": "agency-a"}
        office.post("/v1/inspectors", body | {"conflicts": [office.project(project)["unit"]]})
    office.post(f"/v1/plans/{plan['id']}/draw", office.OPENED)
    transcript = office.get(f"/v1/plans/{plan['id']}/transcript", who=None)
    assert check_transcript(transcript) == []
    (completed,) = office.events("inspection.completed")
    assert (completed.data["project"], completed.data["outcome"]) == (project, "void")
