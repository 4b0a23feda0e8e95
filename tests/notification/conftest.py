"""Events as the other services send them, and all services to send them to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.notification.models import Base
from shared.catalogue import CATALOGUE
from shared.spine import tables
from shared.spine.database import Database
from shared.spine.envelope import CONTENT_TYPE, Event, decode, encode, new_id
from shared.testing import Laurel
from tests.notification.ends import letter, mailbox, other_receiver, post, receiver, revoked  # noqa: F401 - fixtures

NOW = datetime(2021, 3, 4, 2, 0, tzinfo=UTC)
PROJECT = "2020-P110000-0003"
STATES = {
    "application.submitted": "SUBMITTED",
    "application.returned": "RETURNED",
    "application.recommended": "RECOMMENDED",
    "application.rejected": "NOT_RECOMMENDED",
    "application.scored": "SCORED",
    "application.not_selected": "NOT_SELECTED",
    "application.resumed": "SHORTLISTED",
    "project.designated": "DESIGNATED",
    "project.revoked": "REVOKED",
    "project.reinstated": "DESIGNATED",
    "project.expired": "EXPIRED",
    "project.changed": "WITHDRAWN",
    "rectification.ordered": "RECTIFYING",
    "rectification.closed": "DESIGNATED",
}
MORE = {
    "application.submitted": {"contact_email": "contact@undertaker.example"},
    "application.recommended": {"opinion": "true", "content_hash": "0" * 64},
    "application.scored": {"score": "81.5"},
    "application.not_selected": {"reasons": ["rank 61 of 60"]},
    "application.resumed": {"reasons": ["a place became free"]},
}


def decision(ground="inspection_failed"):
    return {
        "ground": ground,
        "citation": "实施方案第五条",
        "reasons_zh": ["得分58.5，低于60分"],
        "reasons_en": ["score 58.5 is below 60"],
        "rule_version": "2020-1",
        "actor": "inspection",
        "inspection": "I-1",
        "decided_at": NOW.isoformat(),
        "effective_at": NOW.isoformat(),
    }


def state_data(kind, *, project=PROJECT, epoch=1, **changes):
    return {
        "project": project,
        "programme": "2020",
        "unit": "P110000",
        "undertaker": {"uscc": "91350100M000100Y43", "name": "虚构科技有限公司"},
        "title": "互联网医院平台",
        "direction": 3,
        "state": STATES[kind],
        "epoch": epoch,
        "decision": decision() if kind in {"project.revoked", "project.reinstated"} else None,
        **MORE.get(kind, {}),
        **changes,
    }


def envelope(kind, data, *, subject=PROJECT, sequence=1, owner=None):
    """An event as it goes over the wire, its data still JSON."""
    owner = owner or CATALOGUE[kind].owners[-1]
    event_id = new_id()
    return Event(
        id=event_id,
        source=f"/laurel/{owner}",
        type=kind,
        subject=subject,
        time=NOW + timedelta(hours=sequence),
        sequence=sequence,
        correlation_id=event_id,
        causation_id=None,
        traceparent=None,
        data=data,
    )


def loaded(event):
    """The event as a handler gets it."""
    return replace(event, data=CATALOGUE[event.type].load(event.data))


def project_event(kind, sequence, **changes):
    data = state_data(kind, **changes)
    return loaded(envelope(kind, data, subject=data["project"], sequence=sequence))


def recorded(session, kind):
    """The data of every event of that kind in the outbox."""
    bodies = session.scalars(
        select(tables.outbox.c.body)
        .where(tables.outbox.c.routing_key == kind)
        .order_by(tables.outbox.c.position)
    )
    return [decode(body, CONTENT_TYPE).data for body in bodies]


def new_database(path):
    database = Database("notification", f"sqlite:///{path}/notification.db")
    Base.metadata.create_all(database.engine)
    tables.metadata.create_all(database.engine)
    return database


@pytest.fixture
def database(tmp_path):
    made = new_database(tmp_path)
    yield made
    made.engine.dispose()


class Bench:
    """All services on an embedded stack; events come in by the real queues."""

    def __init__(self, laurel):
        self.laurel = laurel
        self.http = laurel.http("notification")
        self.official = laurel.token("official")

    def receive(self, *events):
        """Let events come in, in that order, and everything that follows happen."""
        for event in events:
            self._publish(event)
            self.laurel.settle()

    def _publish(self, event):
        with self.laurel.session("notification") as session:
            session.execute(
                tables.outbox.insert(),
                [
                    {
                        "event_id": f"{new_id()}",
                        "exchange": f"{event.owner}.events",
                        "routing_key": event.type,
                        "subject": event.subject,
                        "about": event.subject,
                        "sequence": event.sequence,
                        "urgent": False,
                        "body": encode(event),
                        "recorded_at": NOW,
                    }
                ],
            )

    def subscribe(self, kind, address, **more):
        answer = self.http.post(
            "/v1/subscribers",
            json={"kind": kind, "address": address, **more},
            headers=self.official,
        )
        assert answer.status_code == 201, answer.get_json()
        return answer.get_json()

    def deliveries(self, **query):
        return self.http.get(
            "/v1/deliveries", query_string=query, headers=self.official
        ).get_json()["items"]

    def recorded(self, kind):
        with self.laurel.session("notification") as session:
            return recorded(session, kind)


@pytest.fixture
def bench(tmp_path, mailbox):  # noqa: F811 - the fixture
    environ = {"LAUREL_SMTP_URL": mailbox.url, "LAUREL_MAIL_FROM": "laurel@ministry.example"}
    with Laurel(tmp_path, environ) as laurel:
        yield Bench(laurel)


@pytest.fixture(scope="module")
def lasting_bench(tmp_path_factory):
    """One for all tests of a module, which only look; its letters find no mail server."""
    with Laurel(tmp_path_factory.mktemp("bench")) as laurel:
        yield Bench(laurel)


class Said:
    """The helpers above, for tests: pytest's importlib mode lets no test import a conftest."""

    NOW, PROJECT = NOW, PROJECT
    state_data, envelope, loaded = map(staticmethod, (state_data, envelope, loaded))
    project_event, recorded, new_database = map(
        staticmethod, (project_event, recorded, new_database)
    )
    decision = staticmethod(decision)

    @staticmethod
    def on_the_wire(kind, sequence, **changes):
        return envelope(
            kind,
            state_data(kind, **changes),
            subject=changes.get("project", PROJECT),
            sequence=sequence,
        )


@pytest.fixture(scope="session")
def said():
    return Said
