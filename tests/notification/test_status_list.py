"""The signed list that is served: places kept for ever, two bits, suspended while rectifying."""

from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import delete, select

from services.notification import status_list
from services.notification.commands import announcements
from services.notification.models.register import Project, StatusSlot
from shared.status_list import status_at
from shared.testing import acting


def served(bench):
    return bench.http.get("/status-lists/1")


def claims_of(bench):
    keys = KeySet.import_key_set(bench.http.get("/.well-known/jwks.json").json)
    token = jwt.decode(served(bench).data, keys, algorithms=["Ed25519"])
    assert token.header["typ"] == "statuslist+jwt"
    return token.claims


def status_of(bench, project):
    reference = bench.http.get(f"/v1/register/{project}").json["status_list"]
    claims = claims_of(bench)
    assert claims["sub"] == reference["uri"]
    return status_at(**claims["status_list"] | {"index": reference["idx"]})


def test_the_list_follows_a_project_through_its_life(bench, said):
    seen = []
    for sequence, (kind, epoch) in enumerate(
        [
            ("project.designated", 1),
            ("rectification.ordered", 1),
            ("rectification.closed", 1),
            ("project.revoked", 1),
            ("project.reinstated", 2),
            ("project.expired", 2),
        ],
        4,
    ):
        bench.receive(said.on_the_wire(kind, sequence, epoch=epoch))
        seen.append(status_of(bench, said.PROJECT))
    assert seen == [0, 2, 0, 1, 0, 1]
    assert bench.http.get(f"/v1/register/{said.PROJECT}").json["status_list"]["idx"] == 0


def test_a_project_that_was_never_designated_has_no_place(bench, said):
    data = said.state_data("application.scored", state="PUBLICISED") | {"rank": 1}
    opened = {
        "publicity": "PUB-1",
        "programme": "2020",
        "opens_on": "2020-11-02",
        "closes_on": "2020-11-06",
        "entries": [data],
    }
    bench.receive(said.envelope("publicity.opened", opened, subject="PUB-1"))
    assert bench.http.get(f"/v1/register/{said.PROJECT}").json["status_list"] is None


def test_places_that_nobody_has_read_as_not_designated_in_whole_blocks(bench, said):
    bench.receive(said.on_the_wire("project.designated", 4))
    listed = claims_of(bench)["status_list"]
    assert listed["bits"] == 2
    statuses = [status_at(**listed, index=index) for index in range(status_list.BLOCK)]
    assert statuses == [0] + [1] * (status_list.BLOCK - 1)


def test_the_list_grows_by_whole_blocks(database, said):
    with database.transaction() as session:
        slot = StatusSlot(index=status_list.BLOCK, project="P", status=2, changed_at=said.NOW)
        session.add(slot)
    with database.reading() as session:
        row = status_list.statuses(session)
    assert (len(row), row[status_list.BLOCK], set(row)) == (2 * status_list.BLOCK, 2, {1, 2})


def test_an_index_is_not_given_again_even_when_its_project_is_removed(database, said):
    for name in ("P-1", "P-2"):
        event = said.project_event("project.designated", 4, project=name)
        with database.transaction() as session:
            announcements.announce_change(session, event, acting(said.NOW, event))
    with database.transaction() as session:
        session.execute(delete(StatusSlot).where(StatusSlot.project == "P-2"))
        session.execute(delete(Project).where(Project.id == "P-2"))
        event = said.project_event("project.designated", 4, project="P-3")
        announcements.announce_change(session, event, acting(said.NOW, event))
    with database.reading() as session:
        rows = session.execute(select(StatusSlot.project, StatusSlot.index)).all()
    assert dict(map(tuple, rows)) == {"P-1": 0, "P-3": 2}


def test_the_served_list_names_its_type_may_be_kept_a_minute_and_is_not_sent_twice(bench):
    first = served(bench)
    assert first.content_type == "application/statuslist+jwt"
    assert first.headers["Cache-Control"] == "public, max-age=60"
    etag = first.headers["ETag"]
    answers = [bench.http.get("/status-lists/1", headers={"If-None-Match": etag}) for _ in "12"]
    assert (304, b"") in [(answer.status_code, answer.data) for answer in answers]


def test_the_published_key_is_the_public_part_alone(bench):
    (key,) = bench.http.get("/.well-known/jwks.json").json["keys"]
    assert set(key) == {"kty", "crv", "x", "kid"}
