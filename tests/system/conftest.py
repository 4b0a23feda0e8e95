"""A whole round in miniature on all four services, through the public doors."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from stdnum.cn import uscc as uscc_number

from shared.agency.signing import HEADER, generate_key, public_part, sign
from shared.draws import commitment
from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, decode
from shared.spine.tables import outbox
from shared.testing import Laurel

PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
UNIT = "P110000"
AGENCIES = ("agency-a", "agency-b")
EVIDENCE = [
    {"kind": kind, "filename": f"{kind}.pdf", "sha256": hashlib.sha256(b"x").hexdigest(), "size": 1}
    for kind in ("business_licence", "project_report")
]


def credit_code(number):
    first = f"91110000MA{number:07d}"
    return first + uscc_number.calc_check_digit(first)


class Round(Laurel):
    """All four services, and everybody's part in a round."""

    def __init__(self, directory, environ=None):
        super().__init__(directory, environ)
        self.keys = {}

    def call(self, service, method, path, body=None, who=None, status=None):
        answer = self.http(service).open(path, method=method, json=body, headers=who or {})
        assert answer.status_code < 300 if status is None else answer.status_code == status, (
            path,
            answer.text,
        )
        return answer.json

    def official(self, service, path, body=None, **options):
        return self.call(service, "POST", path, body or {}, self.token("official"), **options)

    def designate(self, count=2, programme=PROGRAMME):
        """Take some applications all the way to designation; gives the project ids."""
        self.official("intake", "/v1/programmes", {"yaml": programme})
        self.settle()
        projects = [self.recommend(number) for number in range(count)]
        for number in range(4):
            self.official("scoring", "/v1/experts", {"code": f"E{number}", "name": "Zhang"})
        self.settle()
        self.official("scoring", "/v1/assignments", {"programme": "2020"})
        for project in projects:
            self.score(project)
        self.official("scoring", "/v1/rankings", {"programme": "2020"})
        self.official("scoring", "/v1/publicity", {"programme": "2020"})
        self.settle()
        self.clock.set(self.clock.now() + timedelta(days=14))
        self.settle()
        return projects

    def recommend(self, number):
        code, body = credit_code(number), self.application(number)
        who, unit = self.token("undertaker", undertaker=code), self.token("unit", unit=UNIT)
        project = self.call("intake", "POST", "/v1/applications", body, who)["project"]
        base = f"/v1/applications/{project}"
        self.call("intake", "POST", f"{base}/submit", {}, who)
        self.call("intake", "POST", f"{base}/review/start", {}, unit)
        items = [{"item": n, "verdict": "verified"} for n in (1, 2)]
        self.call("intake", "POST", f"{base}/review/items", {"items": items}, unit)
        opinion = {"opinion": "good", "signatory": "Wang"}
        self.call("intake", "POST", f"{base}/recommend", opinion, unit)
        return project

    def application(self, number):
        return {
            "programme": "2020",
            "unit": UNIT,
            "uscc": credit_code(number),
            "undertaker_name": f"虚构公司{number}",
            "title": f"虚构项目{number}",
            "direction": 1,
            "contact_email": f"c{number}@example.org",
            "evidence": EVIDENCE,
        }

    def score(self, project):
        for number in range(4):
            expert = self.token("expert", expert=f"E{number}")
            path = f"/v1/entries/{project}/scores"
            scores = {"innovation": "80", "effect": "75.5", "feasibility": "90"}
            answer = self.http("scoring").post(path, json={"scores": scores}, headers=expert)
            assert answer.status_code in (200, 403), answer.text

    def register_agencies(self):
        now = self.clock.now()
        for agency in AGENCIES:
            self.keys[agency] = generate_key()
            body = {"code": agency, "name": agency, "legal_representative": "Li"}
            self.official("inspection", "/v1/agencies", body)
            key = {
                "kid": "k1",
                "public_jwk": public_part(self.keys[agency]),
                "valid_from": (now - timedelta(days=1)).isoformat(),
                "valid_to": (now + timedelta(days=365)).isoformat(),
            }
            self.official("inspection", f"/v1/agencies/{agency}/keys", key)
            for number in range(2):
                body = {"code": f"{agency}-{number}", "name": "Zhao", "agency": agency}
                self.official("inspection", "/v1/inspectors", body)

    def draw(self, method="full_assessment", programme="2020", days=7):
        """Plan and draw inspections of all designated projects; gives them by project."""
        secrets = {"ministry": "the ministry's secret", "observer": "the observer's secret"}
        draw_at = self.clock.now() + timedelta(days=days)
        body = {
            "programme": programme,
            "method": method,
            "target_count": 1000,
            "commitments": {holder: commitment(secret) for holder, secret in secrets.items()},
            "public_value": "closing index of 2 November 2020",
            "draw_at": draw_at.isoformat(),
        }
        plan = self.official("inspection", "/v1/plans", body)
        self.clock.set(draw_at)
        opened = {"secrets": secrets, "public_value": "3225.12"}
        self.official("inspection", f"/v1/plans/{plan['id']}/draw", opened)
        self.settle()
        who = self.token("official")
        found = self.call("inspection", "GET", "/v1/inspections", who=who)["items"]
        return {item["project"]: item for item in found}

    def report(self, inspection, **changes):
        """A good report's event, as an agency would write it."""
        data = {
            "method": inspection["method"],
            "conducted_on": self.clock.now().date().isoformat(),
            "inspectors": inspection["inspectors"],
            "result": "no_breach",
            "findings": [{"key": "operation", "result": "ok"}],
            "score": "88",
            "signed_by": "Zhao",
        }
        return {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": f"/agencies/{inspection['agency']}",
            "type": "laurel.inspection.reported",
            "subject": inspection["inspection"],
            "time": self.clock.now().isoformat(),
            "data": data | changes,
        }

    def send(self, event, *, key=None, kid="k1", route=None, signature=None):
        """Sign and publish a message to the broker."""
        agency = event["source"].rsplit("/", 1)[-1]
        body = json.dumps(event).encode()
        header = signature or sign(body, key or self.keys.get(agency) or generate_key(), kid)
        self.send_raw(body, header, route or f"agency.{agency}.inspection.reported")

    def send_raw(self, body, header, route, content_type=CONTENT_TYPE):
        publisher = self.broker.publisher()
        headers = {} if header is None else {HEADER: header}
        message = Message("partner.events", route, body, str(uuid4()), content_type, headers)
        assert publisher.publish([message]).failure is None
        publisher.close()

    def receipts(self, agency):
        who = self.token("agency", agency=agency)
        path = f"/v1/agencies/{agency}/receipts?limit=200"
        return self.call("inspection", "GET", path, who=who)["items"]

    def revocations(self):
        return self.call("inspection", "GET", "/v1/revocations", who=self.token("official"))[
            "items"
        ]

    def events(self, service, kind):
        with self.session(service) as session:
            rows = session.execute(outbox.select().order_by(outbox.c.position)).all()
        found = [decode(row.body, CONTENT_TYPE) for row in rows if row.exchange.endswith(".events")]
        return [event for event in found if event.type == kind]


@pytest.fixture(params=["embedded", "real"])
def both_stacks(request):
    """The settings of the embedded default, then of RabbitMQ and PostgreSQL."""
    if request.param == "embedded":
        return {}
    return {
        "LAUREL_BROKER_URL": request.getfixturevalue("amqp_url"),
        "LAUREL_DATABASE_URL": request.getfixturevalue("postgres_url"),
    }


@pytest.fixture
def round_(both_stacks, tmp_path):
    with Round(tmp_path, both_stacks) as round_:
        yield round_


@pytest.fixture
def embedded_round(tmp_path):
    with Round(tmp_path) as round_:
        yield round_


NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
