"""A scoring service of its own: events as the others send them, and the people who use it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from services.scoring import models
from services.scoring.service import ScoringService
from shared.catalogue import CATALOGUE
from shared.programme.lint import read_programme
from shared.spine.broker import Delivery
from shared.spine.entrypoints import handlers_of
from shared.spine.envelope import CONTENT_TYPE, Event, decode, encode, new_id
from shared.spine.inbox import handle_batch
from shared.spine.tables import outbox
from shared.testing import Laurel

NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
USCC = "91350100M000100Y43"
ANOTHER = {"uscc": "91310000MA1FL00015", "name": "另一公司"}
DATA = Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml"
DEFINITION = read_programme(DATA.read_text())
EVIDENCE = [{"description": "a patent", "sha256": hashlib.sha256(b"patent").hexdigest()}]
SCORES = {"innovation": "80", "effect": "80", "feasibility": "80"}


class Scoring(Laurel):
    """The service, and what units' events, officials, experts and the public do with it."""

    DEFINITION = DEFINITION

    def __init__(self, directory, environ=None):
        super().__init__(directory, environ, classes=[ScoringService])
        self.client = self.http("scoring")
        self.official = self.token("official", subject="Zhao")

    def receive(self, *events):
        """Events come in, in that order, and none is parked."""
        self.deliver(*events)
        assert self.parked() == []

    def deliver(self, *events):
        """Events come in, in that order, each in a batch of its own."""
        handlers = handlers_of(self.services["scoring"]).values()
        for event in events:
            (handler,) = [h for h in handlers if event.type in h.event_types]
            delivery = Delivery(encode(event), {}, CONTENT_TYPE, event.type, None, 1)
            handle_batch(self.runtime("scoring").database, handler, [delivery], self.clock)

    def publish(self, edition=1, **changes):
        data = {"programme": "2020", "edition": edition, "definition": DEFINITION | changes}
        self.receive(event("programme.published", data, subject="2020", sequence=edition))

    def enter(self, *names, **changes):
        for name in names:
            self.receive(recommended(name, **changes))

    def register(self, *codes, **changes):
        for code in codes:
            body = {"code": code, "name": f"专家{code}", "directions": [1, 2, 3]}
            assert self.post("experts", body | changes).status_code == 201

    def post(self, path, body, who=None):
        return self.client.post(f"/v1/{path}", json=body, headers=who or self.official)

    def assign(self):
        return self.post("assignments", {"programme": "2020"})

    def expert(self, code):
        return self.token("expert", expert=code)

    def assigned(self, project):
        """Codes of the experts who have the entry and were not recused."""
        with self.session("scoring") as session:
            rows = session.get_one(models.Entry, project).assignments
            return [row.expert for row in rows if row.recused is None]

    def score(self, project, code, scores=SCORES):
        body = {"scores": scores, "comment": "sound"}
        return self.post(f"entries/{project}/scores", body, self.expert(code))

    def score_all(self, points):
        """Assign, and have every assigned expert give each project its points, of 100."""
        assert self.assign().status_code == 201
        for project, given in points.items():
            for code in self.assigned(project):
                answer = self.score(project, code, dict.fromkeys(SCORES, given))
                assert answer.status_code == 200, answer.text

    def shortlist(self, points, others=(), **changes):
        """A whole round up to the ranking: experts, entries (`others` are of ANOTHER), scores."""
        self.publish(**changes)
        self.register("E1", "E2", "E3")
        for name in points:
            self.enter(name, **{"undertaker": ANOTHER} if name in others else {})
        self.score_all(points)
        return self.rank()

    def rank(self):
        return self.post("rankings", {"programme": "2020"})

    def publicise(self):
        answer = self.post("publicity", {"programme": "2020"})
        assert answer.status_code == 201, answer.text
        return answer.json

    def object(self, project, **changes):
        body = {
            "project": project,
            "real_name": "王伟",
            "contact": "wangwei@objector.example",
            "statement": "The patent is not theirs.",
            "evidence": EVIDENCE,
        }
        return self.client.post("/v1/objections", json=body | changes)

    def decide(self, objection, *, upheld, **more):
        body = {"upheld": upheld, "reason": "the register of patents", **more}
        return self.post(f"objections/{objection}/decide", body)

    def entry(self, project):
        return self.client.get(f"/v1/entries/{project}", headers=self.official).json

    def states(self):
        answer = self.client.get("/v1/entries?limit=200", headers=self.official)
        return {item["project"]: item["state"] for item in answer.json["items"]}

    def events(self, kind=None):
        with self.session("scoring") as session:
            rows = session.scalars(select(outbox.c.body).order_by(outbox.c.position)).all()
        found = [decode(row, CONTENT_TYPE) for row in rows]
        return [event for event in found if kind in (None, event.type)]


def event(kind, data, *, subject, sequence, owner=None):
    """An event as its owner sends it."""
    event_id = new_id()
    return Event(
        id=event_id,
        source=f"/laurel/{owner or CATALOGUE[kind].owners[0]}",
        type=kind,
        subject=subject,
        time=NOW,
        sequence=sequence,
        correlation_id=event_id,
        causation_id=None,
        traceparent=None,
        data=data,
    )


def project_state(project, state, **changes):
    return {
        "project": project,
        "programme": "2020",
        "unit": "P110000",
        "undertaker": {"uscc": USCC, "name": "某某公司"},
        "title": "某项目",
        "direction": 1,
        "state": state,
        "epoch": 0,
        **changes,
    }


def recommended(project, **changes):
    content_hash = hashlib.sha256(project.encode()).hexdigest()
    data = project_state(project, "RECOMMENDED", opinion="good", content_hash=content_hash)
    return event("application.recommended", data | changes, subject=project, sequence=2)


def revoked(project, sequence=9, epoch=1, **changes):
    data = project_state(project, "REVOKED", epoch=epoch, **changes)
    return event("project.revoked", data, subject=project, sequence=sequence)


def reinstated(project, sequence=10, epoch=2, **changes):
    data = project_state(project, "DESIGNATED", epoch=epoch, **changes)
    return event("project.reinstated", data, subject=project, sequence=sequence)


class Said:
    """The helpers above, for tests: pytest's importlib mode lets no test import a conftest."""

    USCC, DEFINITION, SCORES = USCC, DEFINITION, SCORES
    event = staticmethod(event)
    recommended = staticmethod(recommended)
    revoked = staticmethod(revoked)
    reinstated = staticmethod(reinstated)


@pytest.fixture(scope="session")
def said():
    return Said


@pytest.fixture
def scoring(tmp_path):
    with Scoring(tmp_path) as scoring:
        yield scoring


@pytest.fixture
def on_postgres(tmp_path, postgres_url):
    with Scoring(tmp_path, {"LAUREL_DATABASE_URL": postgres_url}) as scoring:
        yield scoring


@pytest.fixture
def replica(on_postgres, tmp_path_factory, postgres_url):
    """The same service once more, on the same database, with a clock of its own."""
    directory = tmp_path_factory.mktemp("replica")
    with Scoring(directory, {"LAUREL_DATABASE_URL": postgres_url}) as scoring:
        yield scoring
