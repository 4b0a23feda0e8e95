"""One life, any order: what the public sees does not depend on how the events arrived."""

import base64
import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from services.intake.models import RevocationBar
from shared.catalogue import CATALOGUE
from shared.spine.broker import Delivery
from shared.spine.entrypoints import handlers_of
from shared.spine.envelope import CONTENT_TYPE, encode
from shared.spine.inbox import handle_batch
from shared.spine.tables import inbox
from shared.status_list import status_at

pytestmark = pytest.mark.long

PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
LENIENT = PROGRAMME.replace("policy: immediate", "policy: rectify")
LISTENERS = ("intake", "scoring", "notification")
FAILED = {"score": "41.5", "result": "breach"}
DECISION = {
    "ground": "material_falsehood", "citation": "三（四）2", "reason_zh": "虚假", "reason_en": "false",
    "evidence": [{"description": "licence", "sha256": "0" * 64}], "statement": "waived",
}  # fmt: skip
QUASHED = {"decision": "复议决定3号", "reason_zh": "依据撤销", "reason_en": "basis quashed"}
BATCH = 5


def live(round_):
    """Three real lives: one revoked twice, one that expires after all, one withdrawn."""
    twice, expiring, leaving = projects = round_.designate(3, LENIENT)
    round_.register_agencies()
    first = round_.draw()
    for project, report in ((twice, {"score": "62.5"}), (expiring, FAILED), (leaving, {})):
        round_.send(round_.report(first[project], **report))
    round_.settle()
    again = round_.draw()
    for project, report in ((twice, {}), (expiring, FAILED)):
        round_.send(round_.report(again[project], **report))
    round_.settle()
    for project, action, body in (
        (twice, "revoke", DECISION),
        (twice, "reinstate", QUASHED),
        (twice, "revoke", DECISION),
        (expiring, "reinstate", QUASHED),
    ):
        notice = {}
        if action == "revoke":
            notice = {"notice_at": round_.clock.now().isoformat()}
            round_.clock.set(round_.clock.now() + timedelta(days=15))
        round_.official("inspection", f"/v1/projects/{project}/{action}", body | notice)
    withdraw(round_, leaving)
    round_.clock.set(round_.clock.now() + timedelta(days=4 * 366))
    round_.settle()
    return projects


def withdraw(round_, project):
    report = {"project": project, "kind": "merger", "occurred_on": "2020-11-01", "summary": "m"}
    change = round_.official("intake", "/v1/changes", report)["id"]
    round_.settle()
    body = {"decision": "withdrawn", "reason": "merged"}
    round_.official("inspection", f"/v1/changes/{change}/decide", body)


def recorded(round_):
    """Every event that was published, in the order in which it happened."""
    found = [
        event for service in round_.services for kind in CATALOGUE
        for event in round_.events(service, kind)
    ]  # fmt: skip
    return sorted(found, key=lambda event: event.id)


def applied(round_):
    """Where the lives begin: the applications are in, and nobody else knows of them yet."""
    round_.official("intake", "/v1/programmes", {"yaml": LENIENT})
    for number in range(3):
        round_.recommend(number)


@pytest.fixture
def life(embedded_round, tmp_path):
    projects, begin = live(embedded_round), tmp_path / "begin"
    begin.mkdir()
    with type(embedded_round)(begin) as before:
        applied(before)
    return projects, recorded(embedded_round), begin, type(embedded_round)


def deliver(round_, service, events):
    """Hand events to a service in batches, each through the inbox of every handler it has."""
    database = round_.runtime(service).database
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        for handler in handlers_of(round_.services[service]).values():
            taken = [
                Delivery(encode(event), {}, CONTENT_TYPE, event.type, None, 1)
                for event in batch if event.type in handler.event_types
            ]  # fmt: skip
            handle_batch(database, handler, taken, round_.clock)
    assert round_.parked() == []


def forget_deliveries(round_):
    """As if every event came for the first time once more."""
    for service in LISTENERS:
        with round_.session(service) as session:
            session.execute(delete(inbox))


def status_bits(round_):
    token = round_.http("notification").get("/status-lists/1").text
    claims = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    packed = claims["status_list"]
    return lambda index: status_at(packed["lst"], packed["bits"], index)


def register_entry(round_, project, bits):
    """The page of a project, without numbers and times given as things arrive."""
    page = round_.call("notification", "GET", f"/v1/register/{project}")
    page["status"] = bits(page.pop("status_list")["idx"])
    page["circulars"] = sorted((c["epoch"], c["kind"]) for c in page["circulars"])
    page["acknowledgements"] = sorted((a["epoch"], a["outlet"]) for a in page["acknowledgements"])
    return page


def states(round_, service, path):
    items = round_.call(service, "GET", path, who=round_.token("official"))["items"]
    return [item["state"] for item in items]


def public_state(round_, projects):
    """What every outlet shows, says and does about these projects."""
    bits = status_bits(round_)
    with round_.session("intake") as session:
        barred = session.scalars(select(RevocationBar.project).where(RevocationBar.is_barred)).all()
    acknowledged = [
        event.subject for service in LISTENERS
        for event in round_.events(service, "revocation.acknowledged")
    ]  # fmt: skip
    return {
        "register": [register_entry(round_, project, bits) for project in projects],
        "applications": states(round_, "intake", "/v1/applications"),
        "entries": states(round_, "scoring", "/v1/entries"),
        "barred": list(barred),
        "acknowledged": sorted(acknowledged),
    }


def outcome(life, orders):
    """The public state after each service got the events in its own order, and once more."""
    projects, events, begin, round_class = life
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(begin, place, dirs_exist_ok=True)
        with round_class(Path(place)) as round_:
            for service, order in zip(LISTENERS, orders, strict=True):
                deliver(round_, service, [events[index] for index in order])
            state = public_state(round_, projects)
            forget_deliveries(round_)
            for service, order in zip(LISTENERS, orders, strict=True):
                deliver(round_, service, [events[index] for index in reversed(order)])
            assert public_state(round_, projects) == state
            return state


@st.composite
def ways(draw, count):
    """An order of all events in which some come again, before or after their turn."""
    order = draw(st.permutations(range(count)))
    repeated = draw(st.lists(st.integers(0, count - 1), max_size=10))
    return [*order[: count // 2], *repeated, *order[count // 2 :]]


def test_the_public_state_is_the_same_in_any_order(life):
    projects, events = life[:2]
    calm = outcome(life, [range(len(events))] * 3)
    shown = calm["register"]
    assert [page["state"] for page in shown] == ["REVOKED", "EXPIRED", "WITHDRAWN"]
    assert calm["applications"] == ["REVOKED", "EXPIRED", "WITHDRAWN"]
    assert calm["entries"] == ["REVOKED", "DESIGNATED", "WITHDRAWN"]
    assert [page["status"] for page in shown] == [1, 1, 1]
    assert [page["circulars"] for page in shown] == [
        [(1, "revocation"), (2, "reinstatement"), (2, "revocation")],
        [(1, "revocation"), (2, "reinstatement")],
        [],
    ]
    assert calm["barred"] == [projects[0]]
    assert calm["acknowledged"] == sorted(
        f"{project}/{epoch}/{outlet}"
        for project, epoch in ((projects[0], 1), (projects[0], 2), (projects[1], 1))
        for outlet in ("bar", "entry", "register", "status_list", "circular")
    )

    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.tuples(*[ways(len(events))] * 3))
    def in_any_order(orders):
        assert outcome(life, orders) == calm

    in_any_order()
