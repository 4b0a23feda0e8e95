from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stdnum.cn import uscc

from services.intake.commands import applications, bars
from services.intake.models import Application
from shared.errors import LaurelError
from shared.programme.definition import parse
from shared.programme.lint import read_programme
from shared.spine.envelope import Event, new_id
from shared.testing import acting

USCC = "91350100M000100Y43"
NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()


def types(intake):
    return [event.type for event in intake.events()]


def test_an_application_goes_from_draft_to_recommendation(intake):
    project = intake.review()
    answer = intake.recommend(project)
    assert answer.status_code == 200
    assert answer.json["state"] == "RECOMMENDED"
    submitted, recommended = intake.events()[1:]
    assert (submitted.type, submitted.subject, submitted.sequence) == (
        "application.submitted",
        "2020-P110000-0001",
        1,
    )
    assert (recommended.type, recommended.sequence) == ("application.recommended", 2)
    assert recommended.data["content_hash"] == answer.json["content_hash"]
    assert "contact_email" not in recommended.data


def test_50_concurrent_recommendations_for_10_places_give_exactly_10(intake_on_both):
    projects = [intake_on_both.review() for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(intake_on_both.recommend, projects))
    found = Counter((a.status_code, a.json.get("slug")) for a in answers)
    assert found == {(200, None): 10, (409, "quota-exceeded"): 40}
    assert types(intake_on_both).count("application.recommended") == 10


def test_a_returned_application_lists_its_questions_and_keeps_its_history(intake):
    project = intake.review("questioned")
    answer = intake.act(project, "return")
    assert answer.json["state"] == "RETURNED"
    assert intake.events()[-1].data["reasons"] == [
        "1 licence.pdf: unclear",
        "2 report.pdf: unclear",
    ]
    assert intake.act(project, "submit", who=intake.undertaker).status_code == 409
    fresh = {"kind": "project_report", "filename": "report.pdf", "sha256": "0" * 64, "size": 1}
    assert intake.act(project, "evidence", fresh, intake.undertaker).status_code == 201
    assert intake.act(project, "submit", who=intake.undertaker).json["state"] == "SUBMITTED"
    steps = intake.client.get(f"/v1/applications/{project}/history", headers=intake.reviewer).json
    assert [step["what"] for step in steps["items"]] == [
        "created",
        "submitted",
        "review started",
        "items reviewed",
        "returned",
        "evidence added",
        "submitted",
    ]


@pytest.mark.parametrize(
    ("action", "state"), [("ineligible", "INELIGIBLE"), ("not-recommend", "NOT_RECOMMENDED")]
)
def test_a_rejection_carries_its_reason(intake, action, state):
    project = intake.review()
    assert intake.act(project, action, {"reason": "forged licence"}).json["state"] == state
    assert intake.events()[-1].type == "application.rejected"
    assert intake.events()[-1].data["reasons"] == ["forged licence"]


def test_every_move_that_others_hear_of_says_why_by_which_rules_who_and_when(intake):
    returned = intake.review("questioned")
    intake.act(returned, "return")
    intake.recommend(intake.review())
    intake.act(intake.review(), "ineligible", {"reason": "forged licence"})
    told = {event.type.rpartition(".")[2]: event for event in intake.events()[1:]}
    for kind, event in told.items():
        decision = event.data["decision"]
        assert decision["citation"] == (
            "2020年新型信息消费示范项目 / New information consumption demonstration projects, 2020"
        )
        assert decision["rule_version"] == "2020/1"
        assert decision["actor"].startswith("undertaker" if kind == "submitted" else "unit")
        assert decision["decided_at"] == decision["effective_at"] == event.time.isoformat()
        assert (decision["ground"], decision["inspection"]) == (None, None)
    why = {kind: (d["reasons_zh"], d["reasons_en"]) for kind, d in _decisions(told)}
    assert why == {
        "submitted": (
            ["在规定期限内提交，所需材料齐全"],
            ["submitted in time, with all evidence that is asked for"],
        ),
        "returned": (["2项材料需要说明或补正"], ["items of evidence that are questioned: 2"]),
        "recommended": (
            ["推荐单位已逐项核实，予以推荐"],
            ["the recommending unit verified every item and recommends it"],
        ),
        "rejected": (["forged licence"], ["forged licence"]),
    }


def _decisions(told):
    return [(kind, event.data["decision"]) for kind, event in told.items()]


def test_an_unverified_item_prevents_the_recommendation(intake):
    answer = intake.recommend(intake.review("questioned"))
    assert (answer.status_code, answer.json["slug"]) == (409, "evidence-not-verified")


def test_a_reviewer_of_another_unit_may_not_review(intake):
    project = intake.submit()
    other = intake.token("unit", unit="P120000")
    assert intake.act(project, "review/start", who=other).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"uscc": "91350100M000100Y4Z"}, 422, "uscc"),
        ({"direction": 11}, 422, "direction"),
        ({"unit": "P999999"}, 422, "unit"),
        ({"title": ""}, 422, "title"),
        ({"contact_email": "no"}, 422, "contact_email"),
        ({"surprise": 1}, 422, "surprise"),
        ({"evidence": [{"kind": "x"}]}, 422, "evidence.0.filename"),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(intake, changes, status, field):
    before = types(intake)
    body = {
        "programme": "2020",
        "unit": "P110000",
        "uscc": USCC,
        "undertaker_name": "n",
        "title": "t",
        "direction": 1,
        "contact_email": "a@example.org",
    }
    answer = intake.post("/v1/applications", body | changes, intake.undertaker)
    assert answer.status_code == status
    assert field in [error["field"] for error in answer.json["errors"]]
    assert answer.content_type == "application/problem+json"
    assert types(intake) == before


def test_an_application_after_the_deadline_is_refused(intake):
    project = intake.draft()
    intake.clock.set(datetime(2020, 11, 1, tzinfo=UTC))
    answer = intake.act(project, "submit", who=intake.undertaker)
    assert (answer.status_code, answer.json["slug"]) == (409, "outside-submission-window")


def test_a_bad_definition_is_answered_with_line_numbers(intake):
    answer = intake.post("/v1/programmes", {"yaml": "id: '1'\ntotal_quota: x\n"}, intake.official)
    assert answer.status_code == 422
    assert {"line": 2, "field": "total_quota", "message": "Not a valid integer."} in answer.json[
        "errors"
    ]


def test_the_same_request_with_the_same_key_is_done_once(intake):
    project = intake.draft()
    headers = intake.undertaker | {"Idempotency-Key": "k1"}
    first, second = (intake.act(project, "submit", who=headers) for _ in range(2))
    assert first.json == second.json
    assert types(intake).count("application.submitted") == 1


def edit(intake, project, version, **values):
    headers = intake.undertaker | {"If-Match": version}
    return intake.client.put(f"/v1/applications/{project}", json=values, headers=headers)


def test_of_two_edits_of_one_version_the_second_is_refused(intake):
    path = f"/v1/applications/{(project := intake.draft())}"
    seen = intake.client.get(path, headers=intake.undertaker).headers["ETag"]
    first = edit(intake, project, seen, title="x")
    second = edit(intake, project, seen, title="y")
    assert (first.status_code, first.json["title"]) == (200, "x")
    assert (second.status_code, second.json["slug"]) == (412, "stale-version")
    assert edit(intake, project, first.headers["ETag"], title="y").status_code == 200


def test_every_change_of_an_application_makes_another_version(intake):
    path = f"/v1/applications/{(project := intake.draft())}"
    seen = intake.client.get(path, headers=intake.undertaker).headers["ETag"]
    evidence = {"kind": "award", "filename": "a.pdf", "sha256": "0" * 64, "size": 1}
    added = intake.client.post(f"{path}/evidence", json=evidence, headers=intake.undertaker)
    assert added.status_code == 201, added.text
    submitted = intake.act(project, "submit", who=intake.undertaker)
    versions = [seen, added.headers["ETag"], submitted.headers["ETag"]]
    assert len(set(versions)) == 3
    assert intake.client.get(path, headers=intake.undertaker).headers["ETag"] == versions[-1]


@pytest.mark.parametrize(
    ("method", "path", "bodies"),
    [
        (
            "PUT",
            "/v1/units/X1",
            [{"kind": "province", "name_zh": name, "name_en": name} for name in "abc"],
        ),
        ("POST", "/v1/programmes", [{"yaml": PROGRAMME}] * 3),
    ],
)
def test_of_two_changes_of_what_was_seen_the_second_is_refused(intake, method, path, bodies):
    def change(body, **headers):
        headers |= intake.official
        return intake.client.open(path, method=method, json=body, headers=headers)

    seen = change(bodies[0])
    again = [change(body, **{"If-Match": seen.headers["ETag"]}) for body in bodies[1:]]
    assert [answer.status_code for answer in again] == [seen.status_code, 412]
    assert again[1].json["slug"] == "stale-version"


def test_a_quota_for_a_unit_that_nobody_knows_is_refused(intake):
    text = PROGRAMME.replace("  corps: 5\n", "  corps: 5\n  P11000: 3\n")
    answer = intake.post("/v1/programmes", {"yaml": text}, intake.official)
    assert (answer.status_code, answer.json["errors"]) == (
        422,
        [{"field": "unit_quotas.P11000", "message": "is no unit of the register: enter it first"}],
    )
    unit = {"kind": "province", "name_zh": "n", "name_en": "n"}
    intake.client.put("/v1/units/P11000", json=unit, headers=intake.official)
    answer = intake.post("/v1/programmes", {"yaml": text}, intake.official)
    assert answer.status_code == 201


def project_event(name, sequence, project="2020-P110000-0001", epoch=1, **changes):
    data = {"undertaker": {"uscc": USCC, "name": "n"}, "epoch": epoch, "state": "REVOKED"} | changes
    return Event(
        new_id(), "/laurel/inspection", name, project, NOW, sequence, "c", None, None, data
    )


def follow(intake, name, sequence, project, **changes):
    event = project_event(name, sequence, project, state="DESIGNATED", **changes)
    with intake.session("intake") as session:
        applications.follow_project(session, event, acting(NOW, event))


def bar(intake, event):
    with intake.session("intake") as session:
        bars.bar_undertaker(session, event, acting(NOW, event))


def lift(intake, event):
    with intake.session("intake") as session:
        bars.lift_bar(session, event)


def is_barred(intake):
    with intake.session("intake") as session:
        try:
            applications.refuse_barred(session, USCC)
        except LaurelError:
            return True
    return False


def test_a_revocation_bars_the_undertaker_and_is_acknowledged_once(intake):
    event = project_event("project.revoked", 7)
    bar(intake, event)
    bar(intake, event)
    assert is_barred(intake)
    (acknowledged,) = [e for e in intake.events() if e.type == "revocation.acknowledged"]
    assert acknowledged.data["outlet"] == "bar"
    assert acknowledged.data["revocation"] == event.id
    assert acknowledged.causation_id == event.id


def test_a_late_revocation_does_not_undo_a_reinstatement_but_is_acknowledged(intake):
    lift(intake, project_event("project.reinstated", 8, epoch=2))
    bar(intake, project_event("project.revoked", 7))
    assert not is_barred(intake)
    assert types(intake).count("revocation.acknowledged") == 1


@pytest.mark.parametrize("opinion", ["", "   ", "\n\t", "\u3000"])
def test_a_blank_opinion_is_no_opinion(intake, opinion):
    project = intake.review()
    answer = intake.act(project, "recommend", {"opinion": opinion, "signatory": "Wang"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "opinion")
    assert intake.recommend(project).status_code == 200


def test_a_reviewer_may_not_recommend_whose_project_was_revoked_meanwhile(intake):
    project = intake.review()
    bar(intake, project_event("project.revoked", 7, project="2019-P110000-0001"))
    answer = intake.recommend(project)
    assert (answer.status_code, answer.json["slug"]) == (409, "undertaker-barred")
    assert types(intake).count("application.recommended") == 0


@pytest.mark.parametrize("written", [USCC.lower(), f" {USCC}", f"{USCC[:8]} {USCC[8:]}"])
def test_an_undertaker_is_the_same_however_its_code_is_written(intake_on_both, written):
    project = intake_on_both.draft(uscc=written)
    path = f"/v1/applications/{project}"
    answer = intake_on_both.client.get(path, headers=intake_on_both.undertaker)
    assert answer.json["uscc"] == USCC
    bar(intake_on_both, project_event("project.revoked", 7))
    body = {
        "programme": "2020",
        "unit": "P110000",
        "uscc": written,
        "undertaker_name": "n",
        "title": "t",
        "direction": 1,
        "contact_email": "li@example.org",
    }
    who = intake_on_both.token("undertaker", undertaker=written)
    refused = intake_on_both.post("/v1/applications", body, who)
    assert (refused.status_code, refused.json["slug"]) == (409, "undertaker-barred")


def test_a_residents_number_is_no_undertaker(intake):
    body = {
        "programme": "2020",
        "unit": "P110000",
        "uscc": "362322198709086409",
        "undertaker_name": "n",
        "title": "t",
        "direction": 1,
        "contact_email": "li@example.org",
    }
    answer = intake.post("/v1/applications", body, intake.undertaker)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "uscc")


@pytest.mark.parametrize("verdict", ["questioned", "false"])
@pytest.mark.parametrize("reason", ["", "  "])
def test_a_verdict_against_an_item_needs_its_reason(intake, verdict, reason):
    project = intake.submit()
    intake.act(project, "review/start")
    items = [{"item": 1, "verdict": verdict, "reason": reason}]
    answer = intake.act(project, "review/items", {"items": items})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "items.0.reason")


def test_an_application_with_a_false_item_is_not_returned_but_ineligible(intake):
    project = intake.review("questioned")
    items = [{"item": 1, "verdict": "false", "reason": "forged"}]
    intake.act(project, "review/items", {"items": items})
    answer = intake.act(project, "return")
    assert (answer.status_code, answer.json["slug"]) == (409, "evidence-not-verified")
    assert intake.act(project, "ineligible", {"reason": "forged"}).status_code == 200


def test_a_unit_reports_changes_of_its_own_projects_only(intake):
    change = {
        "project": intake.submit(),
        "kind": "merger",
        "occurred_on": "2020-10-01",
        "summary": "merged",
    }
    assert intake.post("/v1/changes", change, intake.reviewer).json["slug"] == "illegal-transition"
    follow(intake, "project.designated", 5, change["project"])
    other = intake.token("unit", unit="P310000")
    assert intake.post("/v1/changes", change, other).status_code == 403
    assert intake.post("/v1/changes", change, intake.reviewer).status_code == 201
    future = change | {"occurred_on": "2035-01-01"}
    (error,) = intake.post("/v1/changes", future, intake.reviewer).json["errors"]
    assert error["field"] == "occurred_on"


def test_an_address_that_is_told_late_is_kept_and_an_older_one_is_not(intake):
    project = intake.submit()
    follow(intake, "project.expired", 9, project)
    for sequence, address in ((7, "second@example.org"), (6, "first@example.org")):
        follow(intake, "project.changed", sequence, project, contact_email=address)
    with intake.session("intake") as session:
        row = session.get(Application, project)
        assert (row.contact_email, row.sequence) == ("second@example.org", 9)


def test_rights_and_address_go_with_another_undertaker_and_the_bar_stays_with_who_acted(intake):
    project = intake.submit()
    another = "91310000MA1FL0001"
    another += uscc.calc_check_digit(another)
    new = {"undertaker": {"uscc": another, "name": "虚构重组公司"}}
    follow(intake, "project.designated", 5, project)
    follow(intake, "project.changed", 6, project, contact_email="new@example.org", **new)
    path, successor = f"/v1/applications/{project}", intake.token("undertaker", undertaker=another)
    assert intake.client.get(path, headers=successor).json["undertaker_name"] == "虚构重组公司"
    with intake.session("intake") as session:
        assert session.get(Application, project).contact_email == "new@example.org"
    assert intake.client.get(path, headers=intake.undertaker).status_code == 403
    acted = {"decision": {"acted_by": USCC}}
    bar(intake, project_event("project.revoked", 7, project, **new, **acted))
    assert is_barred(intake)
    body = {
        "programme": "2020",
        "unit": "P110000",
        "uscc": another,
        "undertaker_name": "n",
        "title": "t",
        "direction": 1,
        "contact_email": "li@example.org",
    }
    assert intake.post("/v1/applications", body, successor).status_code == 201


def test_the_same_key_of_two_undertakers_is_not_the_same_request(intake):
    another = "91310000MA1FL0001"
    another += uscc.calc_check_digit(another)
    made = []
    for code in (USCC, another):
        body = {
            "programme": "2020",
            "unit": "P110000",
            "uscc": code,
            "undertaker_name": "n",
            "title": "t",
            "direction": 1,
            "contact_email": "li@example.org",
        }
        who = intake.token("undertaker", subject="li", undertaker=code)
        made.append(intake.post("/v1/applications", body, who | {"Idempotency-Key": "k"}))
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json["project"] != made[1].json["project"]


def put(intake, project, **values):
    path = f"/v1/applications/{project}"
    return intake.client.put(path, json=values, headers=intake.undertaker)


def test_a_returned_application_is_answered_until_its_own_date_also_after_the_window(intake):
    project = intake.review("questioned")
    answer = intake.act(project, "return")
    assert answer.status_code == 200, answer.text
    closes = parse(read_programme(PROGRAMME)).closes_at
    intake.clock.set(closes - timedelta(days=1))
    other = intake.review("questioned")
    until = datetime.fromisoformat(intake.act(other, "return").json["answer_by"])
    intake.clock.set(closes + timedelta(days=1))
    assert put(intake, other, title="更正").status_code == 200
    assert intake.act(other, "submit", who=intake.undertaker).status_code == 200
    assert put(intake, project, title="更正").status_code == 200
    late = intake.act(project, "submit", who=intake.undertaker)
    assert late.json["slug"] == "outside-submission-window"
    assert until > closes


def test_a_verdict_is_about_what_was_judged_and_not_about_what_came_after(intake):
    project = intake.review("questioned")
    items = [{"item": 1, "verdict": "verified"}]
    assert intake.act(project, "review/items", {"items": items}).status_code == 200
    assert intake.act(project, "return").status_code == 200
    assert put(intake, project, title="另一项目").status_code == 200
    assert intake.act(project, "submit", who=intake.undertaker).status_code == 200
    assert intake.act(project, "review/start").status_code == 200
    items = [{"item": 2, "verdict": "verified"}]
    assert intake.act(project, "review/items", {"items": items}).status_code == 200
    assert intake.recommend(project).json["items"] == ["1 business_licence"]
    items = [{"item": 1, "verdict": "verified"}]
    intake.act(project, "review/items", {"items": items})
    assert intake.recommend(project).status_code == 200


def test_what_was_found_false_stays_false(intake):
    project = intake.review("false")
    items = [{"item": 1, "verdict": "verified"}]
    answer = intake.act(project, "review/items", {"items": items})
    assert (answer.status_code, answer.json["slug"]) == (409, "evidence-not-verified")
    assert intake.recommend(project).status_code == 409


def test_one_work_of_one_undertaker_at_two_units_is_shown_to_both(intake):
    first = intake.submit(title="某 项目A")
    second = intake.submit(title="某项目a", unit="P310000")
    intake.submit(title="别的项目", unit="P310000")
    for project, other, unit in ((first, second, "P110000"), (second, first, "P310000")):
        who = intake.token("unit", unit=unit)
        shown = intake.client.get(f"/v1/applications/{project}", headers=who).json
        assert shown["same"] == [other]


def test_a_draft_is_for_its_undertaker_alone(intake):
    project = intake.draft()
    path = f"/v1/applications/{project}"
    assert intake.client.get(path, headers=intake.reviewer).status_code == 403
    assert intake.client.get("/v1/applications", headers=intake.reviewer).json["items"] == []
    assert intake.client.get(path, headers=intake.undertaker).status_code == 200
    intake.act(project, "submit", who=intake.undertaker)
    assert intake.client.get(path, headers=intake.reviewer).status_code == 200


def test_one_rule_version_never_names_two_rules(intake):
    changed = PROGRAMME.replace("pass_score: 65", "pass_score: 70")
    answer = intake.post("/v1/programmes", {"yaml": changed}, intake.official)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "inspection.rule_version"
    intake.publish(changed.replace('rule_version: "2020-1"', 'rule_version: "2020-2"'))
    back = intake.post("/v1/programmes", {"yaml": PROGRAMME}, intake.official)
    assert back.status_code == 201
    intake.publish(PROGRAMME.replace("agency_cap_per_year: 15", "agency_cap_per_year: 20"))


@pytest.mark.parametrize("code", ["%20", "%0A", "a", "P-1", "P" * 17, "%E2%80%AE"])
def test_a_unit_s_code_is_one_that_a_definition_can_name(intake, code):
    body = {"kind": "province", "name_zh": "某省", "name_en": "n"}
    answer = intake.client.put(f"/v1/units/{code}", json=body, headers=intake.official)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "code"
