"""The second half: agencies register keys, are drawn, and report; some of what they send is bad."""

import json
from collections.abc import Container, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from shared.agency.message import METHODS
from shared.agency.signing import HEADER, generate_key, public_part, sign
from shared.catalogue import INSPECTION, PARTNER_EVENTS
from shared.cli.demo.cast import Cast, fresh_keys
from shared.cli.demo.doors import Doors, RefusedError, patiently
from shared.cli.demo.screen import Screen, side_by_side
from shared.clock import RehearsalClock
from shared.draws import commitment
from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, new_id

AFTER_DESIGNATION, BEFORE_DRAW = timedelta(days=16), timedelta(days=7)
HOLDERS = ("ministry", "supervision office")
KEY_LEAD, KEY_VALIDITY = timedelta(days=30), timedelta(days=365)
PUBLIC_VALUE = "上证综合指数 2020-11-11 收盘 / SSE Composite, close of 11 November 2020"
CLOSING = "3342.20"

Inspection = dict[str, Any]


class Agencies:
    """Plays the third-party agencies and the officials who commission them."""

    def __init__(self, doors: Doors, cast: Cast, screen: Screen, clock: RehearsalClock) -> None:
        self._doors, self._cast, self._screen, self._clock = doors, cast, screen, clock
        self._kid = f"demo-{cast.run}"
        self._keys: dict[str, dict[str, str]] = {}

    def register(self) -> None:
        """Enter the agencies with their inspectors, and a key of this run for every agency."""
        for entry, inspectors in self._cast.agencies():
            self._doors.post(INSPECTION, "/v1/agencies", entry)
            for inspector in inspectors:
                self._doors.post(INSPECTION, "/v1/inspectors", inspector)
        known = [agency["code"] for agency in self._doors.every(INSPECTION, "/v1/agencies")]
        self._keys = fresh_keys(known)
        now = self._clock.now()
        for agency, key in self._keys.items():
            body = {
                "kid": self._kid,
                "public_jwk": public_part(key),
                "valid_from": (now - KEY_LEAD).isoformat(),
                "valid_to": (now + KEY_VALIDITY).isoformat(),
            }
            self._doors.post(INSPECTION, f"/v1/agencies/{agency}/keys", body)

    def draw(self, programme: str, projects: Sequence[str]) -> list[Inspection]:
        """Plan and draw each of the three methods over a third of the projects."""
        self._clock.set(self._clock.now() + AFTER_DESIGNATION)
        supervised = set(projects)
        patiently(lambda: supervised <= self._supervised(), "designated projects to be enrolled")
        shares = [(method, sorted(projects)[n :: len(METHODS)]) for n, method in enumerate(METHODS)]
        todo = [(method, share) for method, share in shares if share]
        with self._screen.bar("inspections drawn", len(todo)) as advance:
            for method, share in todo:  # a plan that waits for its draw keeps the agencies' places
                plan, secrets = self._plan(programme, method, share)
                self._clock.set(self._clock.now() + BEFORE_DRAW)
                opened = {"secrets": secrets, "public_value": CLOSING}
                self._doors.post(INSPECTION, f"/v1/plans/{plan}/draw", opened)
                advance()
        return list(self._doors.every(INSPECTION, "/v1/inspections", programme=programme))

    def report(self, inspections: Sequence[Inspection], failing: Container[str]) -> None:
        """Send a signed report for each inspection, by broker and HTTPS by turns."""
        ordered = sorted(inspections, key=lambda inspection: str(inspection["project"]))
        with self._screen.bar("inspection reports sent", len(ordered)) as advance:

            def send(numbered: tuple[int, Inspection]) -> None:
                number, inspection = numbered
                report = self._findings(inspection, number, inspection["project"] in failing)
                self.send(self.message(inspection, **report), by_https=bool(number % 2))
                advance()

            side_by_side(send, enumerate(ordered))

    def message(self, inspection: Inspection, **report: Any) -> dict[str, Any]:
        """An agency's CloudEvent that reports an inspection without a breach, but for `report`."""
        now = self._clock.now()
        good: dict[str, dict[str, Any]] = {
            "site_check": {"findings": [{"key": "operation", "result": "ok"}]},
            "full_assessment": {"score": "82.5"},
            "questionnaire": {"questionnaire": {"issued": 200, "returned": 180, "satisfied": 160}},
        }
        data = {
            "method": inspection["method"],
            "conducted_on": now.date().isoformat(),
            "inspectors": inspection["inspectors"],
            "result": "no_breach",
            "signed_by": "虚构检查组长",
        }
        return {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": f"/agencies/{inspection['agency']}",
            "type": "laurel.inspection.reported",
            "subject": inspection["inspection"],
            "time": now.isoformat(),
            "data": data | good[inspection["method"]] | report,
        }

    def send(
        self,
        message: Mapping[str, Any] | bytes,
        *,
        by_https: bool = False,
        key: dict[str, str] | None = None,
        kid: str = "",
        route: str = "",
    ) -> bytes:
        """Sign and send a message; gives its bytes. A refusal is the receipt's business."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        agency = route or str(json.loads(body)["source"]).rsplit("/", 1)[-1]
        signing_key = key or self._keys.get(agency) or generate_key()
        signature = sign(body, signing_key, kid or self._kid)
        if by_https:
            self._post(body, signature)
        else:
            self._publish(body, signature, agency)
        return body

    def _post(self, body: bytes, signature: str) -> None:
        headers = {HEADER: signature, "Content-Type": CONTENT_TYPE}
        try:
            self._doors.send(INSPECTION, "/v1/agency-messages", body, headers)
        except RefusedError:
            return  # the receipt says why, and the quarantine shows it

    def _publish(self, body: bytes, signature: str, agency: str) -> None:
        route = f"agency.{agency}.inspection.reported"
        headers = {HEADER: signature}
        self._doors.publish(Message(PARTNER_EVENTS, route, body, new_id(), CONTENT_TYPE, headers))

    def _supervised(self) -> set[str]:
        return {item["project"] for item in self._doors.every(INSPECTION, "/v1/projects")}

    def _plan(
        self, programme: str, method: str, projects: Sequence[str]
    ) -> tuple[str, dict[str, str]]:
        """Announce a draw; gives the plan's id and the holders' secrets."""
        secrets = {
            holder: self._cast.dice("secret", method, holder).randbytes(16).hex()
            for holder in HOLDERS
        }
        plan = self._doors.post(
            INSPECTION,
            "/v1/plans",
            {
                "programme": programme,
                "method": method,
                "target_count": len(projects),
                "projects": list(projects),
                "commitments": {holder: commitment(secret) for holder, secret in secrets.items()},
                "public_value": PUBLIC_VALUE,
                "draw_at": (self._clock.now() + BEFORE_DRAW).isoformat(),
            },
        )
        return plan["id"], secrets

    def _findings(self, inspection: Inspection, number: int, fails: bool) -> dict[str, Any]:
        """What the report says: failed, at times to be put right or unreachable, else good."""
        method = inspection["method"]
        if fails:
            return FAILING[method][number % len(FAILING[method])]
        if number % 29 == 11:  # noqa: PLR2004 - one in a while
            return TO_PUT_RIGHT[method]
        if number % 47 == 23:  # noqa: PLR2004 - one in a while
            return {"result": "unreachable"}
        return {}


NOT_COOPERATING: dict[str, Any] = {"result": "non_cooperation"}
FAILING: dict[str, list[dict[str, Any]]] = {
    "site_check": [
        {"result": "breach", "findings": [{"key": "false_material", "result": "breach"}]},
        NOT_COOPERATING,
        {"result": "breach", "findings": [{"key": "ceased_operation", "result": "breach"}]},
    ],
    "full_assessment": [
        {"result": "breach", "score": "41.5"},
        {"result": "breach", "score": "59.99"},
        NOT_COOPERATING,
    ],
    "questionnaire": [
        {"questionnaire": {"issued": 200, "returned": 180, "satisfied": 90}},
        NOT_COOPERATING,
    ],
}
TO_PUT_RIGHT: dict[str, dict[str, Any]] = {
    "site_check": {"result": "breach", "findings": [{"key": "signage", "result": "breach"}]},
    "full_assessment": {"score": "62.5"},
    "questionnaire": {"questionnaire": {"issued": 200, "returned": 100, "satisfied": 63}},
}
