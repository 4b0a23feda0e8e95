"""Reported changes and violations wait for an official, and never revoke by themselves."""

from dataclasses import replace
from datetime import timedelta

import pytest

NEW = {"uscc": "91350100M000100Y43", "name": "虚构重组公司"}
TOLD = NEW | {"contact_email": "new@undertaker.example"}


@pytest.fixture
def reported(office):
    (project,) = office.designate()
    office.receive(change(office, project))
    return project


def change(office, project, kind="merger"):
    data = {
        "change": "C1", "project": project, "kind": kind, "occurred_on": "2019-01-01",
        "summary": "merged", "reported_at": "2020-10-12T09:00:00+08:00",
    }  # fmt: skip
    return office.event("change.reported", "C1", data)


def decide(office, status=200, **body):
    return office.post("/v1/changes/C1/decide", {"reason": "as reported"} | body, status=status)


def test_a_report_opens_one_task_and_changes_nothing_however_late_it_is(office, reported):
    before = office.project(reported)
    office.receive(change(office, reported))
    (task,) = office.get("/v1/tasks")["items"]
    assert (task["id"], task["kind"], task["decision"]) == ("C1", "merger", None)
    assert office.project(reported) == before
    assert office.events("project.changed", "project.revoked") == []


def test_a_violation_opens_a_task_with_its_ground(office, reported):
    data = {
        "violation": "V1", "project": reported, "ground": "other_unlawful_or_dishonest",
        "summary": "on a list", "reported_at": "2020-10-12T09:00:00+08:00",
    }  # fmt: skip
    office.receive(office.event("violation.reported", "V1", data))
    task = office.get("/v1/tasks")["items"][-1]
    assert (task["id"], task["kind"], task["ground"]) == (
        "V1",
        "violation",
        "other_unlawful_or_dishonest",
    )
    assert office.state(reported) == "DESIGNATED"


def test_an_undertaker_is_replaced(office, reported):
    decide(office, decision="replaced", **TOLD)
    (changed,) = office.events("project.changed")
    assert (changed.data["state"], changed.data["undertaker"]) == ("DESIGNATED", NEW)
    decision = changed.data["decision"]
    assert (decision["reasons_zh"], decision["actor"]) == (["as reported"], "official:developer")
    assert office.project(reported)["undertaker"] == NEW


def test_a_replacement_leaves_a_running_rectification_as_it_is(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    before = lenient.project(project)
    lenient.receive(change(lenient, project))
    decide(lenient, decision="replaced", **TOLD)
    after = lenient.project(project)
    assert after == before | {"undertaker": NEW, "sequence": before["sequence"] + 1}


def test_a_project_is_withdrawn_with_the_reason(office, reported):
    decide(office, decision="withdrawn")
    (changed,) = office.events("project.changed")
    decision = changed.data["decision"]
    assert (changed.data["state"], decision["reasons_zh"], decision["actor"]) == (
        "WITHDRAWN",
        ["as reported"],
        "official:developer",
    )
    assert office.events("project.revoked") == []


def violation(office, project):
    data = {
        "violation": "V1", "project": project, "ground": "other_unlawful_or_dishonest",
        "summary": "on a list", "reported_at": "2020-10-12T09:00:00+08:00",
    }  # fmt: skip
    return office.event("violation.reported", "V1", data)


def test_a_violation_is_no_change_and_no_withdrawal_is_the_way_out_of_it(office, reported):
    office.receive(violation(office, reported))
    body = {"decision": "withdrawn", "reason": "r"}
    for task in ("V1", "C1"):
        answer = office.post(f"/v1/changes/{task}/decide", body, status=409)
        assert answer["slug"] == "illegal-transition"
    assert office.state(reported) == "DESIGNATED"
    answer = office.post("/v1/tasks/C1/dismiss", {"reason": "r"}, status=409)
    assert answer["slug"] == "illegal-transition"
    office.post("/v1/tasks/V1/dismiss", {"reason": "another company"})
    decide(office, decision="withdrawn")
    assert office.state(reported) == "WITHDRAWN"


@pytest.mark.parametrize("named", [{"task": "V1"}, {}])
def test_a_revocation_settles_the_task_that_it_answers(office, reported, named):
    office.receive(violation(office, reported))
    body = office.DECISION | {"ground": "other_unlawful_or_dishonest"} | named
    office.post(f"/v1/projects/{reported}/revoke", body)
    tasks = {task["id"]: task["decision"] for task in office.get("/v1/tasks")["items"]}
    assert tasks == {"C1": None, "V1": "revoked: other_unlawful_or_dishonest"}


@pytest.mark.parametrize("task", ["C1", "none"])
def test_a_revocation_answers_no_task_of_another_kind_or_project(office, reported, task):
    body = office.DECISION | {"task": task}
    problem = office.post(f"/v1/projects/{reported}/revoke", body, status=422)
    assert [error["field"] for error in problem["errors"]] == ["task"]
    assert office.state(reported) == "DESIGNATED"


def test_what_one_undertaker_did_does_not_bar_the_next_unless_it_is_named(office, reported):
    first = office.project(reported)["undertaker"]["uscc"]
    decide(office, decision="replaced", **TOLD)
    falsehood = office.DECISION | {"ground": "material_falsehood"}
    path = f"/v1/projects/{reported}/revoke"
    unknown = office.post(path, falsehood | {"undertaker": "91310000MA1FL00015"}, status=422)
    assert unknown["errors"][0]["field"] == "undertaker"
    office.post(path, falsehood)
    (revoked,) = office.events("project.revoked")
    assert revoked.data["decision"]["acted_by"] == first
    assert revoked.data["undertaker"] == NEW


@pytest.mark.parametrize(("days", "who"), [(0, "first"), (5, "next")])
def test_a_violation_is_of_who_carried_the_project_when_it_was_reported(
    office, reported, days, who
):
    carried = {"first": office.project(reported)["undertaker"]["uscc"], "next": NEW["uscc"]}
    office.wait(days=1)
    decide(office, decision="replaced", **TOLD)
    office.wait(days=10)
    told = violation(office, reported)
    at = office.clock.now() - timedelta(days=10 - days, hours=1)
    office.receive(replace(told, data=told.data | {"reported_at": at.isoformat()}))
    path = f"/v1/projects/{reported}/revoke"
    office.post(path, office.DECISION | {"ground": "other_unlawful_or_dishonest", "task": "V1"})
    (revoked,) = office.events("project.revoked")
    assert revoked.data["decision"]["acted_by"] == carried[who]


def test_what_a_visit_found_is_of_who_carried_the_project_that_day(office, reported):
    first = office.project(reported)["undertaker"]["uscc"]
    office.register("agency-a")
    inspection = office.draw(reported)[reported]
    visited_on = str(office.today)
    office.wait(days=3)
    decide(office, decision="replaced", **TOLD)
    office.wait(days=3)
    failed = {"score": "41.5", "result": "breach", "conducted_on": visited_on}
    office.report(inspection, **failed)
    (revoked,) = office.events("project.revoked")
    assert revoked.data["decision"]["acted_by"] == first


def test_an_inspection_that_waits_for_a_decision_is_no_way_out_either(office, reported):
    office.register("agency-a")
    inspection = office.draw(reported)[reported]
    office.report(inspection, result="unreachable")
    assert {task["kind"] for task in office.get("/v1/tasks")["items"]} >= {"unreachable"}
    decide(office, status=409, decision="withdrawn")
    assert office.state(reported) == "DESIGNATED"


def test_nobody_whose_act_revoked_a_project_takes_another_over(office):
    bad, good = office.designate(2)
    office.post(f"/v1/projects/{bad}/revoke", office.DECISION)
    barred = office.project(bad)["undertaker"]["uscc"]
    office.receive(change(office, good))
    answer = decide(office, status=409, decision="replaced", **TOLD | {"uscc": barred})
    assert (answer["slug"], answer["project"]) == ("undertaker-barred", bad)


def test_who_is_to_be_barred_by_now_takes_no_project_over_timer_or_no_timer(lenient):
    good, bad = lenient.designate(2)
    lenient.register("agency-a")
    lenient.fail(lenient.draw(bad)[bad])
    overdue = lenient.project(bad)["undertaker"]["uscc"]
    lenient.receive(change(lenient, good))
    lenient.clock.set(lenient.clock.now() + timedelta(days=200))
    answer = decide(lenient, status=409, decision="replaced", **TOLD | {"uscc": overdue})
    assert (answer["slug"], answer["project"]) == ("undertaker-barred", bad)
    lenient.tick()
    assert (lenient.state(good), lenient.state(bad)) == ("DESIGNATED", "REVOKED")


def test_a_dismissed_change_changes_nothing_but_the_task(office, reported):
    before = office.project(reported)
    assert decide(office, decision="dismissed")["decision"] == "dismissed: as reported"
    assert office.project(reported) == before
    assert office.events("project.changed") == []


def test_a_change_is_decided_once(office, reported):
    decide(office, decision="dismissed")
    answer = decide(office, status=409, decision="withdrawn")
    assert answer["slug"] == "illegal-transition"
    assert office.state(reported) == "DESIGNATED"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "replaced", "name": " "}, "name"),
        ({"decision": "replaced", **TOLD, "name": None}, "name"),
        ({"decision": "replaced", **TOLD, "uscc": None}, "uscc"),
        ({"decision": "replaced", **NEW}, "contact_email"),
        ({"decision": "replaced", "name": "虚构", "uscc": "91350100M000100Y4Z"}, "uscc"),
        ({"decision": "sold"}, "decision"),
        ({"decision": "withdrawn", "reason": ""}, "reason"),
    ],
)
def test_a_decision_that_does_not_say_enough_is_refused_by_field(office, reported, body, field):
    problem = decide(office, status=422, **body)
    assert [error["field"] for error in problem["errors"]] == [field]
    (task,) = office.get("/v1/tasks")["items"]
    assert task["decision"] is None


def test_a_revoked_project_is_neither_replaced_nor_withdrawn(office, reported):
    office.post(f"/v1/projects/{reported}/revoke", office.DECISION)
    for body in ({"decision": "replaced", **TOLD}, {"decision": "withdrawn"}):
        assert decide(office, status=409, **body)["slug"] == "illegal-transition"
    assert office.state(reported) == "REVOKED"


def test_an_unknown_task_is_not_found(office):
    assert decide(office, status=404, decision="dismissed")["slug"] == "not-found"
