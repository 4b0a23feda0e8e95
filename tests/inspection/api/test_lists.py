"""Lists: whole over all pages, for the right eyes, and a constant number of queries."""

import pytest

PATHS = (
    "/v1/agencies",
    "/v1/plans",
    "/v1/inspections",
    "/v1/projects",
    "/v1/revocations",
    "/v1/tasks",
    "/v1/quarantine",
    "/v1/agencies/agency-a/receipts",
)


def fill(office, first, count):
    """More of everything that is listed."""
    numbers = range(first, first + count)
    office.receive(*(office.designation(number) for number in numbers))
    for number in numbers:
        project = f"2020-P110000-{number:04d}"
        inspection = office.draw(project)[project]
        office.post(
            "/v1/agencies", {"code": f"x{number}", "name": "x", "legal_representative": "x"}
        )
        data = {
            "change": f"C{number}",
            "project": project,
            "kind": "merger",
            "summary": "merged",
            "occurred_on": "2020-10-01",
            "reported_at": "2020-10-12T09:00:00+08:00",
        }
        office.receive(office.event("change.reported", f"C{number}", data))
        office.report(inspection, method="site_check")
        office.fail(inspection)


def pages(office, path, limit, **options):
    found, cursor = [], ""
    while cursor is not None:
        page = office.get(f"{path}?limit={limit}{cursor and f'&cursor={cursor}'}", **options)
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_list_takes_as_many_queries_for_two_lines_as_for_seven(office, path):
    office.register("agency-a")
    fill(office, 1, 2)
    with office.counting() as few:
        short = office.get(path)["items"]
    fill(office, 3, 5)
    with office.counting() as many:
        long = office.get(path)["items"]
    assert len(long) >= len(short) + 5
    assert len(many) == len(few) <= 4


@pytest.mark.parametrize("path", PATHS)
def test_pages_together_are_the_whole_list(office, path):
    office.register("agency-a")
    fill(office, 1, 5)
    whole = office.get(path)["items"]
    assert len(whole) >= 5
    assert pages(office, path, 2) == whole


def test_every_epoch_of_a_project_stands_in_the_pages_of_revocations(office):
    projects = office.designate(2)
    for project in projects:
        for _ in range(3):
            office.post(f"/v1/projects/{project}/revoke", office.heard())
            office.post(f"/v1/projects/{project}/reinstate", office.QUASHED)
    listed = pages(office, "/v1/revocations", 2)
    assert [(line["project"], line["epoch"]) for line in listed] == [
        (project, epoch) for project in projects for epoch in (1, 2, 3)
    ]


def test_an_agency_sees_its_own_inspections_only(office):
    office.designate(20)  # more than one agency may have in a year
    office.register("agency-a", "agency-b")
    office.draw()
    whole = office.get("/v1/inspections")["items"]
    assert {inspection["agency"] for inspection in whole} == {"agency-a", "agency-b"}
    for path in ("/v1/inspections", "/v1/inspections?agency=agency-b"):
        mine = office.get(path, who="agency", agency="agency-a")["items"]
        assert mine == [i for i in whole if i["agency"] == "agency-a"]


@pytest.mark.parametrize(
    "path", [p for p in PATHS if p not in {"/v1/plans", "/v1/inspections"}] + ["/v1/projects/x"]
)
def test_what_is_not_public_is_for_officials_and_operators(office, path):
    for role in ("unit", "undertaker", "expert"):
        office.get(path, who=role, status=403)
    office.get(path, who=None, status=401)


def test_filters_are_exact(office):
    first, second = office.designate(2)
    office.register("agency-a")
    inspections = office.draw()
    office.fail(inspections[first])
    for query, expected in (
        (f"project={first}", [first]),
        ("stage=NOTIFIED", [second]),
        ("programme=2020", sorted([first, second])),
        ("programme=2022", []),
        (f"project={first}&stage=NOTIFIED", []),
        ("agency=agency-b", []),
    ):
        found = office.get(f"/v1/inspections?{query}")["items"]
        assert sorted(inspection["project"] for inspection in found) == expected
