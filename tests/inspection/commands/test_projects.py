"""Enrolment, decisions on grounds 2 to 4, reinstatement and its epochs."""

from datetime import timedelta

import pytest

from services.inspection.models.revocations import Revocation


def revoked(office, count=1):
    projects = office.designate(count)
    for project in projects:
        office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    return projects


@pytest.mark.parametrize(
    "ground", ["material_falsehood", "consumer_or_public_harm", "other_unlawful_or_dishonest"]
)
def test_an_official_revokes_on_each_of_the_grounds_2_to_4(office, ground):
    (project,) = office.designate()
    office.post(f"/v1/projects/{project}/revoke", office.DECISION | {"ground": ground})
    (event,) = office.events("project.revoked")
    decision = event.data["decision"]
    assert (decision["ground"], decision["citation"]) == (ground, office.DECISION["citation"])
    assert decision["actor"] == "official:developer"
    assert (event.data["state"], event.data["epoch"]) == ("REVOKED", 1)
    with office.database.reading() as session:
        basis = session.get(Revocation, (project, 1)).basis
    assert basis["evidence"] == office.DECISION["evidence"]
    assert (basis["statement"], basis["decided_by"]) == ("waived in writing", "official:developer")
    assert basis["notice_at"] == office.DECISION["notice_at"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ground", None),
        ("ground", "inspection_failed"),
        ("ground", "dislike"),
        ("citation", None),
        ("citation", ""),
        ("reason_zh", None),
        ("reason_en", None),
        ("evidence", None),
        ("evidence", []),
        ("evidence", [{"description": "x"}]),
        ("notice_at", None),
        ("notice_at", "2030-01-01T00:00:00+08:00"),
        ("notice_at", "1900-01-01T00:00:00+08:00"),
        ("citation", "   "),
        ("notice_at", "2020-09-20T09:00:00"),
        ("statement", None),
        ("statement", "  "),
    ],
)
def test_a_decision_that_lacks_a_part_is_refused_by_its_name(office, field, value):
    (project,) = office.designate()
    body = office.DECISION | {field: value}
    if value is None:
        del body[field]
    problem = office.post(f"/v1/projects/{project}/revoke", body, status=422)
    assert field in {error["field"].split(".")[0] for error in problem["errors"]}
    assert office.state(project) == "DESIGNATED"
    assert office.events("project.revoked") == []


def test_a_project_is_revoked_once_an_epoch(office):
    (project,) = revoked(office)
    answer = office.post(f"/v1/projects/{project}/revoke", office.DECISION, status=409)
    assert answer["slug"] == "illegal-transition"
    assert len(office.events("project.revoked")) == 1


def test_a_reinstatement_quashes_the_basis_and_opens_the_next_epoch(office):
    (project,) = revoked(office)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    (event,) = office.events("project.reinstated")
    assert (event.data["state"], event.data["epoch"]) == ("DESIGNATED", 2)
    decision = event.data["decision"]
    assert (decision["citation"], decision["ground"], decision["reasons_en"]) == (
        office.QUASHED["decision"],
        None,
        ["basis quashed"],
    )
    with office.database.reading() as session:
        assert session.get(Revocation, (project, 1)).quashed_by == office.QUASHED["decision"]


def test_the_next_revocation_is_its_own(office):
    (project,) = revoked(office)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    office.register("agency-a")
    inspection = office.draw(project)[project]
    office.fail(inspection)
    first, second = office.events("project.revoked")
    assert [event.data["epoch"] for event in (first, second)] == [1, 2]
    assert second.data["decision"]["inspection"] == inspection
    with office.database.reading() as session:
        rows = [session.get(Revocation, (project, epoch)) for epoch in (1, 2)]
    assert [(row.event, row.ground) for row in rows] == [
        (first.id, "material_falsehood"), (second.id, "inspection_failed"),
    ]  # fmt: skip
    assert rows[1].quashed_by is None


def test_sequences_go_on_from_the_designation_without_a_gap(office):
    (project,) = revoked(office)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    office.post(f"/v1/projects/{project}/revoke", office.heard())
    told = office.events("project.revoked", "project.reinstated")
    assert [event.sequence for event in told] == [10, 11, 12]


def test_a_notice_of_the_last_epoch_says_nothing_in_the_next(office):
    (project,) = revoked(office)
    office.wait(days=20)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    office.wait(days=20)
    path = f"/v1/projects/{project}/revoke"
    late = office.DECISION | {"notice_at": (office.clock.now() - timedelta(days=21)).isoformat()}
    problem = office.post(path, late, status=422)
    assert [error["field"] for error in problem["errors"]] == ["notice_at"]
    assert "reinstatement" in problem["errors"][0]["message"]
    office.post(path, office.heard())
    assert office.state(project) == "REVOKED"


def test_a_decision_waits_for_the_days_in_which_the_undertaker_can_be_heard(office):
    (project,) = office.designate()
    hasty = office.DECISION | {"notice_at": "2020-10-11T08:00:00+08:00"}
    problem = office.post(f"/v1/projects/{project}/revoke", hasty, status=422)
    assert "can be heard until 2020-10-14" in problem["errors"][0]["message"]
    assert office.state(project) == "DESIGNATED"
    office.wait(days=3)
    office.post(f"/v1/projects/{project}/revoke", hasty)
    assert office.state(project) == "REVOKED"


@pytest.mark.parametrize("field", ["decision", "reason_zh", "reason_en"])
def test_a_reinstatement_needs_its_decision_and_reasons(office, field):
    (project,) = revoked(office)
    body = {name: value for name, value in office.QUASHED.items() if name != field}
    office.post(f"/v1/projects/{project}/reinstate", body, status=422)
    assert office.state(project) == "REVOKED"


def test_only_what_is_revoked_is_reinstated(office):
    (project,) = office.designate()
    answer = office.post(f"/v1/projects/{project}/reinstate", office.QUASHED, status=409)
    assert answer["slug"] == "illegal-transition"
    assert office.project(project)["epoch"] == 1


def test_a_project_reinstated_after_its_validity_expires(office):
    (project,) = revoked(office)
    office.wait(days=4 * 366)
    office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    office.tick()
    assert office.state(project) == "EXPIRED"


def test_a_designation_twice_or_late_changes_nothing(office):
    event = office.designation(1)
    office.receive(event, event)
    office.post(f"/v1/projects/{event.subject}/revoke", office.DECISION)
    before = office.project(event.subject)
    for sequence in (9, 10):
        office.receive(office.designation(1, sequence=sequence, title="another"))
    assert office.project(event.subject) == before


@pytest.mark.parametrize("action", ["revoke", "reinstate"])
def test_only_officials_decide_and_only_about_known_projects(office, action):
    (project,) = office.designate()
    body = office.DECISION if action == "revoke" else office.QUASHED
    for role in ("agency", "unit", "undertaker", "expert", "operator"):
        office.post(f"/v1/projects/{project}/{action}", body, who=role, status=403)
    office.post("/v1/projects/nope/" + action, body, status=404)
    assert office.state(project) == "DESIGNATED"
