"""An intake service of its own, with a published round and the people who use it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.intake.service import IntakeService
from shared.spine.envelope import CONTENT_TYPE, decode
from shared.spine.tables import outbox
from shared.testing import Laurel

USCC = "91350100M000100Y43"
UNIT = "P110000"
PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
ITEM = {
    "kind": "business_licence",
    "filename": "licence.pdf",
    "sha256": hashlib.sha256(b"licence").hexdigest(),
    "size": 7,
}
EVIDENCE = [ITEM, ITEM | {"kind": "project_report", "filename": "report.pdf"}]


class Intake(Laurel):
    """The service, and what an undertaker, a reviewer and an official do with it."""

    def __init__(self, directory, environ=None):
        super().__init__(directory, environ, classes=[IntakeService])
        self.client = self.http("intake")
        self.official = self.token("official")
        self.undertaker = self.token("undertaker", undertaker=USCC)
        self.reviewer = self.token("unit", unit=UNIT)

    def post(self, path, body, who):
        return self.client.post(path, json=body, headers=who)

    def publish(self, text=PROGRAMME):
        answer = self.post("/v1/programmes", {"yaml": text}, self.official)
        assert answer.status_code == 201, answer.text
        return answer.json

    def draft(self, **changes):
        body = {
            "programme": "2020",
            "unit": UNIT,
            "uscc": USCC,
            "undertaker_name": "某某公司",
            "title": "某项目",
            "direction": 1,
            "contact_email": "li@example.org",
            "evidence": EVIDENCE,
        }
        answer = self.post("/v1/applications", body | changes, self.undertaker)
        assert answer.status_code == 201, answer.text
        return answer.json["project"]

    def act(self, project, action, body=None, who=None):
        path = f"/v1/applications/{project}/{action}"
        return self.post(path, body or {}, who or self.reviewer)

    def submit(self, **changes):
        project = self.draft(**changes)
        answer = self.act(project, "submit", who=self.undertaker)
        assert answer.status_code == 200, answer.text
        return project

    def review(self, verdict="verified", **changes):
        project = self.submit(**changes)
        assert self.act(project, "review/start").status_code == 200
        items = [{"item": n, "verdict": verdict, "reason": "unclear"} for n in (1, 2)]
        assert self.act(project, "review/items", {"items": items}).status_code == 200
        return project

    def recommend(self, project):
        return self.act(project, "recommend", {"opinion": "good", "signatory": "Wang"})

    def events(self):
        with self.session("intake") as session:
            rows = session.execute(outbox.select().order_by(outbox.c.position)).all()
        return [decode(row.body, CONTENT_TYPE) for row in rows]


@pytest.fixture
def intake(tmp_path):
    with Intake(tmp_path) as intake:
        intake.publish()
        yield intake


@pytest.fixture(params=["embedded", "real"])
def intake_on_both(request, tmp_path):
    environ = {}
    if request.param == "real":
        environ = {
            "LAUREL_BROKER_URL": request.getfixturevalue("amqp_url"),
            "LAUREL_DATABASE_URL": request.getfixturevalue("postgres_url"),
        }
    with Intake(tmp_path, environ) as intake:
        intake.publish()
        yield intake


NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
