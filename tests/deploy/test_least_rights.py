"""The four services and an agency at work, each with its own broker user and no right more."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pika
import pytest
from sqlalchemy import select

from services.inspection.models.revocations import LedgerLine
from shared.catalogue import APPLICATION_SCORED, PROJECT_REVOKED, SERVICES
from shared.server import service_class
from shared.spine.envelope import CONTENT_TYPE
from shared.spine.outbox import record
from shared.spine.tables import inbox, outbox
from shared.testing import Laurel, acting

pytestmark = pytest.mark.long

NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
DECISION = {
    "ground": "inspection_failed",
    "citation": "2020 plan",
    "reasons_zh": ["不合格"],
    "reasons_en": ["failed"],
    "rule_version": "1",
    "actor": "official:developer",
    "inspection": None,
    "acted_by": None,
    "decided_at": NOW,
    "effective_at": NOW,
}
PROJECT = {
    "project": "2020-0001",
    "programme": "2020",
    "unit": "P110000",
    "undertaker": {"uscc": "91110000600037341L", "name": "虚构公司"},
    "title": "虚构项目",
    "direction": 1,
    "epoch": 1,
    "valid_from": None,
    "valid_to": None,
    "rectify_by": None,
    "decision": None,
}


class FourServices:
    """One Laurel a service: they share nothing but the broker, each on a user of its own."""

    def __init__(self, node, postgres_url, directory, stack):
        self.parts = {}
        for name in SERVICES:
            (directory / name).mkdir()
            environ = {"LAUREL_BROKER_URL": node.url(name), "LAUREL_DATABASE_URL": postgres_url}
            part = Laurel(directory / name, environ, classes=[service_class(name)])
            self.parts[name] = stack.enter_context(part)

    def settle(self):
        while sum(part.turn() for part in self.parts.values()):
            pass
        assert [part.parked() for part in self.parts.values()] == [[]] * len(SERVICES)

    def official(self, service, path, body):
        part = self.parts[service]
        answer = part.http(service).post(path, json=body, headers=part.token("official"))
        assert answer.status_code == 201, answer.text

    def publish(self, service, event_type, **data):
        aggregate = SimpleNamespace(event_subject=PROJECT["project"], sequence=0)
        with self.parts[service].session(service) as session:
            record(session, event_type, aggregate, acting(NOW), **PROJECT | data)

    def handled(self, service):
        with self.parts[service].session(service) as session:
            return sorted(session.scalars(select(inbox.c.handler)))

    def published(self, service):
        with self.parts[service].session(service) as session:
            rows = session.execute(select(outbox).order_by(outbox.c.position)).all()
        assert all(row.published_at for row in rows)
        return {row.routing_key for row in rows}


@pytest.fixture
def services(node, postgres_url, tmp_path):
    with ExitStack() as stack:
        yield FourServices(node, postgres_url, tmp_path, stack)


def test_the_services_publish_to_each_other_and_consume_from_each_other(services):
    services.official("intake", "/v1/programmes", {"yaml": PROGRAMME})
    services.publish("scoring", APPLICATION_SCORED, state="SCORED", score="88")
    services.settle()

    services.publish("inspection", PROJECT_REVOKED, state="REVOKED", decision=DECISION)
    services.settle()

    assert {service: services.published(service) for service in SERVICES} == {
        "intake": {"programme.published", "revocation.acknowledged"},
        "scoring": {"application.scored", "revocation.acknowledged"},
        "inspection": {"project.revoked"},
        "notification": {"notice.published", "revocation.acknowledged"},
    }
    with services.parts["inspection"].session("inspection") as session:
        outlets = sorted(session.scalars(select(LedgerLine.outlet)))
    assert outlets == ["bar", "circular", "entry", "register", "status_list"]
    assert services.handled("intake") == [
        "intake.bar_undertaker",
        "intake.follow_project",
        "intake.follow_project",
    ]


def test_an_agency_publishes_and_reads_its_receipt_with_its_own_user(node, services):
    agency = {"code": "A1", "name": "虚构机构", "legal_representative": "Li"}
    services.official("inspection", "/v1/agencies", agency)
    properties = pika.BasicProperties(content_type=CONTENT_TYPE, user_id="agency-A1")

    node.channel("agency-A1").basic_publish(
        "partner.events", "agency.A1.inspection.reported", b"no event", properties, mandatory=True
    )
    services.settle()

    method, _, body = node.channel("agency-A1").basic_get("receipts--A1", auto_ack=True)
    assert method.routing_key == "agency.A1.receipt"
    assert json.loads(body)["data"]["code"] == "undecodable"
