"""Agencies, their keys with validity, their inspectors."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.inspection.models.agencies import AgencyKey, Inspector
from shared.agency.signing import generate_key, public_part

AGENCY = {"code": "agency-a", "name": "Agency A", "legal_representative": "Li"}


def add_key(office, jwk, status=201, **changes):
    return office.post("/v1/agencies/agency-a/keys", office.key(jwk) | changes, status=status)


def test_an_agency_registered_again_changes_its_entry(office):
    office.post("/v1/agencies", AGENCY)
    office.post("/v1/agencies", AGENCY | {"name": "Agency A, renamed"})
    changed = AGENCY | {"name": "Agency A, renamed", "version": 2}
    assert office.get("/v1/agencies")["items"] == [changed]


INSPECTOR = {"code": "I1", "name": "Li", "agency": "agency-a"}


@pytest.mark.parametrize(("path", "body"), [("agencies", AGENCY), ("inspectors", INSPECTOR)])
def test_of_two_changes_of_what_was_seen_the_second_is_refused(office, path, body):
    office.post("/v1/agencies", AGENCY)

    def change(name, version="*"):
        headers = office.token("official") | {"If-Match": version}
        told = body | {"name": name}
        return office.http("inspection").post(f"/v1/{path}", json=told, headers=headers)

    seen = change("a").headers["ETag"]
    first, second = change("b", seen), change("c", seen)
    assert (first.status_code, second.status_code) == (201, 412)
    assert change("c", first.headers["ETag"]).json["name"] == "c"


def test_the_private_part_of_a_key_is_neither_kept_nor_shown(office):
    office.post("/v1/agencies", AGENCY)
    private = generate_key()
    answer = add_key(office, private)
    assert answer["public_jwk"] == public_part(private)
    office.database.engine.dispose()
    kept = b"".join(path.read_bytes() for path in sorted(office.directory.glob("inspection*")))
    assert private["x"].encode() in kept
    assert private["d"].encode() not in kept


def test_a_registered_key_is_receipted_to_its_agency(office):
    office.post("/v1/agencies", AGENCY)
    add_key(office, public_part(generate_key()))
    (receipt,) = office.events("receipt.issued")
    told = (receipt.data["agency"], receipt.data["status"], receipt.data["code"])
    assert told == ("agency-a", "registered", "key-registered")
    assert "public_jwk" not in receipt.data
    assert receipt.actor is None  # which official it was is not the agency's business


def test_a_key_id_is_never_used_again(office):
    office.post("/v1/agencies", AGENCY)
    add_key(office, public_part(generate_key()))
    office.post("/v1/agencies/agency-a/keys/k1/end")
    assert add_key(office, public_part(generate_key()), 409)["slug"] == "key-exists"


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"public_jwk": {"kty": "OKP", "crv": "Ed25519"}}, "bad-signature"),
        ({"public_jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, "bad-signature"),
        ({"valid_to": "2020-01-01T00:00:00+08:00"}, "invalid-input"),
        ({"valid_from": "2020-01-01T00:00:00"}, "invalid-input"),
        ({"valid_to": "9999-12-31T23:59:59-14:00"}, "invalid-input"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "invalid-input"),
        ({"kid": "a/b"}, "invalid-input"),
        ({"kid": ".."}, "invalid-input"),
        ({"kid": " "}, "invalid-input"),
        ({"kid": "a\nb"}, "invalid-input"),
    ],
)
def test_what_is_no_key_or_no_validity_is_refused(office, changes, slug):
    office.post("/v1/agencies", AGENCY)
    assert add_key(office, public_part(generate_key()), 422, **changes)["slug"] == slug
    with office.database.reading() as session:
        assert session.query(AgencyKey).all() == []


def test_an_ended_key_signs_nothing_any_more(office):
    (project,) = office.designate()
    office.register("agency-a")
    inspection = office.draw(project)[project]
    office.post("/v1/agencies/agency-a/keys/k1/end")
    receipt = office.fail(inspection)
    assert (receipt["status"], receipt["code"]) == ("rejected", "key-not-valid")
    assert office.state(project) == "DESIGNATED"


def test_ending_a_key_that_ended_earlier_does_not_prolong_it(office):
    office.register("agency-a")
    first = office.post("/v1/agencies/agency-a/keys/k1/end")["valid_to"]
    office.wait(days=1)
    assert office.post("/v1/agencies/agency-a/keys/k1/end")["valid_to"] == first


def test_an_inspector_belongs_to_a_registered_agency_and_may_move(office):
    office.register("agency-a", "agency-b", inspectors=0)
    body = {"code": "I-1", "name": "Zhao", "agency": "agency-x"}
    assert office.post("/v1/inspectors", body, status=404)["slug"] == "not-found"
    office.post("/v1/inspectors", body | {"agency": "agency-a"})
    office.post("/v1/inspectors", body | {"agency": "agency-b", "conflicts": ["P110000"]})
    with office.database.reading() as session:
        (inspector,) = session.query(Inspector).all()
    assert (inspector.agency, inspector.conflicts) == ("agency-b", ["P110000"])


@pytest.mark.parametrize("role", ["agency", "unit", "undertaker", "expert", "operator", None])
def test_only_officials_change_the_directories(office, role):
    refusal = 403 if role else 401
    for path, body in (
        ("/v1/agencies", AGENCY),
        ("/v1/agencies/agency-a/keys", office.key(generate_key())),
        ("/v1/inspectors", {"code": "I-1", "name": "Zhao", "agency": "agency-a"}),
    ):
        office.post(path, body, who=role, status=refusal)


def test_an_agency_reads_its_own_receipts_only(office):
    office.register("agency-a", "agency-b")
    path = "/v1/agencies/agency-b/receipts"
    assert office.get(path, who="agency", agency="agency-b") == {"items": [], "next": None}
    answer = office.get(path, who="agency", agency="agency-a", status=403)
    assert answer["slug"] == "forbidden"


@pytest.mark.parametrize("path", ["agencies", "inspectors"])
def test_of_two_that_enter_the_same_at_once_one_is_told_so(busy, path):
    busy.register("agency-a")
    more = {"agency": "agency-a"} if path == "inspectors" else {"legal_representative": "Li"}

    def enter(number):
        body = {"code": "new", "name": f"n{number}", **more}
        headers = busy.token("official")
        return busy.http("inspection").post(f"/v1/{path}", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        told = Counter(pool.map(enter, range(8)))
    assert told.keys() <= {201, 409}
    assert told[201] >= 1
