"""Inspection's part of the operator's page: revocations, and who has not acted on them."""

import re

from services.inspection.commands import revocations
from shared.project import NEEDED_OUTLETS
from shared.spine.envelope import new_id
from shared.testing import acting

OWNERS = {"bar": "intake", "entry": "scoring"}


def page(office):
    answer = office.http("inspection").get("/operations", headers=office.token("operator"))
    assert answer.status_code == 200, answer.text
    return answer.text


def section(office):
    """The lines of the section, each as the texts of its cells."""
    inside = page(office).split('<section id="revocations">')[1].split("</section>")[0]
    lines = re.findall(r"<tr>(.*?)</tr>", inside.partition("<tbody>")[2], re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines]


def acknowledge(office, project, outlets):
    (revoked,) = [e for e in office.events("project.revoked") if e.subject == project]
    for outlet in outlets:
        data = {
            "project": project,
            "epoch": 1,
            "outlet": outlet,
            "receiver": None,
            "revocation": revoked.id,
        }
        owner = OWNERS.get(outlet, "notification")
        office.receive(office.event("revocation.acknowledged", new_id(), data, owner=owner))
    with office.database.transaction() as session:
        revocations.settle_revocations(session, acting(office.clock.now()))


def test_a_revocation_stands_there_with_what_is_missing_until_all_have_acted(office):
    (project,) = office.designate()
    office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    (line,) = section(office)
    assert line[0] == project
    assert line[3:] == ["none yet", ", ".join(NEEDED_OUTLETS), "none"]
    acknowledge(office, project, NEEDED_OUTLETS[:2])
    (line,) = section(office)
    assert line[4] == ", ".join(NEEDED_OUTLETS[2:])
    acknowledge(office, project, NEEDED_OUTLETS[2:])
    assert section(office) == []


def test_of_many_the_oldest_are_shown_and_all_are_counted(office):
    projects = office.designate(53)
    for project in projects:
        office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    assert [line[0] for line in section(office)] == projects[:50]
    assert "50 of 53" in page(office)
    assert "<strong>53</strong>" in page(office)
