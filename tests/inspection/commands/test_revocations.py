"""The ledger: who acted on a revocation, who has not, and what stays open."""

from itertools import permutations

import pytest

from services.inspection.commands import revocations
from shared.project import NEEDED_OUTLETS
from shared.spine.envelope import made_at
from shared.testing import acting

OWNERS = {"bar": "intake", "entry": "scoring"}


@pytest.fixture
def revoked(office):
    (project,) = office.designate()
    office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    return project


def acknowledgement(office, project, outlet, epoch=1, receiver=None):
    mine = [event for event in office.events("project.revoked") if event.subject == project]
    data = {
        "project": project, "epoch": epoch, "outlet": outlet, "receiver": receiver,
        "revocation": mine[epoch - 1].id,
    }  # fmt: skip
    subject = f"{project}/{epoch}/{outlet}"
    return office.event(
        "revocation.acknowledged", subject, data, owner=OWNERS.get(outlet, "notification")
    )


def published(office, project, epoch=1, kind="revocation", notice="LAUREL-2020-0001"):
    data = {
        "notice": notice,
        "project": project,
        "epoch": epoch,
        "kind": kind,
        "published_at": office.clock.now().isoformat(),
    }
    return office.event("notice.published", notice, data)


def delivery(office, project, kind, sequence, notice="LAUREL-2020-0001", name="D1"):
    data = {
        "delivery": name,
        "notice": notice,
        "project": project,
        "epoch": 1,
        "outlet": "letter",
        "attempts": 20,
        "error": "smtp-550" if kind == "notice.failed" else None,
    }
    return office.event(kind, name, data, sequence)


def line(office):
    (found,) = office.get("/v1/revocations")["items"]
    return found


def still_open(office):
    with office.database.transaction() as session:
        return revocations.settle_revocations(session, acting(office.clock.now()))


def test_every_needed_outlet_is_missing_until_it_acknowledges(office, revoked):
    for number, outlet in enumerate(NEEDED_OUTLETS):
        assert line(office)["missing"] == list(NEEDED_OUTLETS[number:])
        assert still_open(office) == 1
        office.receive(acknowledgement(office, revoked, outlet))
    assert (line(office)["missing"], still_open(office)) == ([], 0)


def test_an_acknowledgement_counts_once_with_its_first_delay(office, revoked):
    first, second = (acknowledgement(office, revoked, "bar") for _ in range(2))
    office.receive(first, first, second)
    began = made_at(office.events("project.revoked")[0].id)
    assert line(office)["outlets"] == {"bar": (made_at(first.id) - began).total_seconds()}


def test_an_outlet_with_several_receivers_took_as_long_as_its_slowest(office, revoked):
    letters = [acknowledgement(office, revoked, "letter", receiver=name) for name in "AB"]
    office.receive(*reversed(letters))
    began = made_at(office.events("project.revoked")[0].id)
    slowest = max((made_at(letter.id) - began).total_seconds() for letter in letters)
    assert line(office)["outlets"] == {"letter": slowest}


def test_an_acknowledgement_that_comes_before_its_revocation_is_known_is_kept(office):
    (project,) = office.designate()
    data = {"project": project, "epoch": 1, "outlet": "bar", "receiver": None, "revocation": "x"}
    office.receive(office.event("revocation.acknowledged", "s", data, owner="intake"))
    office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    assert line(office)["missing"] == list(NEEDED_OUTLETS[1:])


def test_acknowledgements_of_one_epoch_say_nothing_of_the_next(office, revoked):
    office.post(f"/v1/projects/{revoked}/reinstate", office.QUASHED)
    office.post(f"/v1/projects/{revoked}/revoke", office.heard())
    office.receive(*(acknowledgement(office, revoked, outlet) for outlet in NEEDED_OUTLETS))
    first, second = office.get("/v1/revocations")["items"]
    assert (first["epoch"], first["missing"]) == (1, [])
    assert (second["epoch"], second["missing"]) == (2, list(NEEDED_OUTLETS))
    assert still_open(office) == 1


def test_the_circular_stands_in_the_ledger_and_a_reinstatements_does_not(office, revoked):
    office.receive(published(office, revoked, kind="reinstatement", notice="LAUREL-2020-0002"))
    assert line(office)["circular"] is None
    office.receive(published(office, revoked))
    assert line(office)["circular"] == "LAUREL-2020-0001"


def settled(office, project):
    office.receive(published(office, project))
    office.receive(*(acknowledgement(office, project, outlet) for outlet in NEEDED_OUTLETS))
    assert still_open(office) == 0


def test_a_delivery_given_up_opens_a_settled_revocation_until_it_arrives(office, revoked):
    settled(office, revoked)
    office.receive(delivery(office, revoked, "notice.failed", 1))
    assert (line(office)["failures"], still_open(office)) == ({"D1": "smtp-550"}, 1)
    office.receive(delivery(office, revoked, "notice.delivered", 2))
    assert (line(office)["failures"], still_open(office)) == ({}, 0)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_news_of_a_delivery_in_any_order_and_twice_end_alike(office, revoked, order):
    news = [
        published(office, revoked),
        delivery(office, revoked, "notice.failed", 1),
        delivery(office, revoked, "notice.delivered", 2),
    ]
    office.receive(*(news[index] for index in (*order, *order)))
    office.receive(*(acknowledgement(office, revoked, outlet) for outlet in NEEDED_OUTLETS))
    assert (line(office)["failures"], still_open(office)) == ({}, 0)


def test_what_became_of_other_letters_is_not_the_revocations_business(office, revoked):
    settled(office, revoked)
    office.receive(
        delivery(office, revoked, "notice.failed", 1, notice=None),
        delivery(office, revoked, "notice.failed", 1, notice="LAUREL-2020-0002", name="D2"),
    )
    assert (line(office)["failures"], still_open(office)) == ({}, 0)


def test_measuring_reads_open_revocations_only(office):
    projects = office.designate(3)
    for project in projects:
        office.post(f"/v1/projects/{project}/revoke", office.DECISION)
    for project in projects[1:]:
        office.receive(*(acknowledgement(office, project, outlet) for outlet in NEEDED_OUTLETS))
    assert still_open(office) == 1
    with office.counting() as statements:
        office.tick()
    reading = [s for s in statements if "FROM revocations" in s]
    assert reading
    assert all("settled_at IS NULL" in statement for statement in reading)
    assert still_open(office) == 1
