"""An inspection service of its own, the events it is fed, and the people who use it."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from ruamel.yaml import YAML
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select
from stdnum.cn import uscc as uscc_number

from services.inspection.models.inspections import Inspection
from services.inspection.service import InspectionService
from shared.agency.signing import HEADER, generate_key, public_part, sign
from shared.catalogue import CATALOGUE
from shared.draws import commitment
from shared.programme.definition import normalise
from shared.spine.broker import Delivery
from shared.spine.database import Database
from shared.spine.entrypoints import handlers_of
from shared.spine.envelope import CONTENT_TYPE, Event, decode, encode, new_id
from shared.spine.inbox import handle_batch
from shared.spine.tables import outbox
from shared.testing import Laurel

PROGRAMME = Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml"
SECRET = "the ministry's secret"
SECRETS = {"ministry": SECRET, "observer": "the observer's secret"}
COMMITMENTS = {holder: commitment(secret) for holder, secret in SECRETS.items()}
OPENED = {"secrets": SECRETS, "public_value": "3225.12"}
NOTICE = timedelta(days=5)  # three working days, whatever the week
HEARING = timedelta(days=15)  # the same, whatever the holidays
DECISION = {
    "ground": "material_falsehood",
    "citation": "实施方案三（四）2",
    "reason_zh": "申报材料虚假",
    "reason_en": "the application was false",
    "evidence": [{"description": "the licence", "sha256": "0" * 64}],
    "notice_at": "2020-09-23T08:00:00+08:00",
    "statement": "waived in writing",
}
QUASHED = {
    "decision": "复议决定〔2021〕第3号",
    "reason_zh": "依据撤销",
    "reason_en": "basis quashed",
}


class Inspectorate(Laurel):
    """The service alone: fed with events as from the wire, used through its doors."""

    SECRET, OPENED, DECISION, QUASHED = SECRET, OPENED, DECISION, QUASHED
    COMMITMENTS, NOTICE = COMMITMENTS, NOTICE

    def __init__(self, directory, environ=None, policy="immediate"):
        super().__init__(directory, environ, classes=[InspectionService])
        self.directory, self.keys = directory, {}
        self.numbers = itertools.count(10)  # of editions and projects that no test names
        if policy:
            self.publish_programme(policy)

    @property
    def service(self):
        return self.services["inspection"]

    @property
    def database(self):
        return self.runtime("inspection").database

    def another_replica(self):
        return Database("inspection", self.settings.database_url)

    def receive(self, *events):
        """Let events come in, through the inbox of every handler that takes them."""
        for event in events:
            delivery = Delivery(encode(event), {}, CONTENT_TYPE, event.type, None, 1)
            for handler in handlers_of(self.service).values():
                if event.type in handler.event_types:
                    handle_batch(self.database, handler, [delivery], self.clock)
        assert self.parked() == []

    def event(self, kind, subject, data, sequence=1, owner=None):
        owner, event_id = owner or CATALOGUE[kind].owners[0], new_id()
        return Event(
            id=event_id,
            source=f"/laurel/{owner}",
            type=kind,
            subject=subject,
            time=self.clock.now(),
            sequence=sequence,
            correlation_id=event_id,
            causation_id=None,
            traceparent=None,
            data=data,
        )

    def publish_programme(self, policy="immediate", edition=1, **inspection):
        self.receive(self.programme_event(policy, edition, **inspection))

    def programme_event(self, policy="immediate", edition=1, **inspection):
        definition = YAML(typ="safe").load(PROGRAMME.read_text())
        definition["inspection"] |= {"policy": policy, **inspection}
        data = {"programme": "2020", "edition": edition, "definition": normalise(definition)}
        return self.event("programme.published", "2020", data, edition)

    def designation(self, number=1, *, sequence=9, **changes):
        first = f"91110000MA{number:07d}"
        data = {
            "project": f"2020-P110000-{number:04d}", "programme": "2020", "unit": "P110000",
            "undertaker": {"uscc": first + uscc_number.calc_check_digit(first), "name": "虚构"},
            "title": "虚构项目", "direction": 1, "state": "DESIGNATED", "epoch": 1,
            "valid_from": "2020-09-10", "valid_to": "2023-10-11",
        }  # fmt: skip
        data |= changes
        return self.event("project.designated", data["project"], data, sequence)

    def designate(self, count=1, **changes):
        """Put projects under supervision; gives their ids."""
        events = [self.designation(number, **changes) for number in range(1, count + 1)]
        self.receive(*events)
        return [event.subject for event in events]

    def call(self, method, path, body=None, who="official", status=(200, 201), **claims):
        headers = self.token(who, **claims) if who else {}
        answer = self.http("inspection").open(path, method=method, json=body, headers=headers)
        expected = (status,) if isinstance(status, int) else status
        assert answer.status_code in expected, (path, answer.text)
        return answer.json

    def post(self, path, body=None, **options):
        return self.call("POST", path, body or {}, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def register(self, *agencies, inspectors=2, conflicts=()):
        """Register agencies with a key and inspectors each."""
        for code in agencies:
            self.post("/v1/agencies", {"code": code, "name": code, "legal_representative": "Li"})
            self.keys[code] = generate_key()
            self.post(f"/v1/agencies/{code}/keys", self.key(public_part(self.keys[code])))
            for number in range(inspectors):
                body = {"code": f"{code}-{number}", "name": "Zhao", "agency": code}
                self.post("/v1/inspectors", body | {"conflicts": list(conflicts)})

    def key(self, public_jwk, kid="k1", days=3650):
        now = self.clock.now()
        return {
            "kid": kid, "public_jwk": public_jwk,
            "valid_from": (now - timedelta(days=1)).isoformat(),
            "valid_to": (now + timedelta(days=days)).isoformat(),
        }  # fmt: skip

    def plan(self, *projects, status=201, **changes):
        """Announce a draw of today, in time before it."""
        now = self.clock.now()
        body = {
            "programme": "2020", "method": "full_assessment", "target_count": 1000,
            "projects": list(projects), "draw_at": now.isoformat(),
            "commitments": COMMITMENTS,
            "public_value": "closing index of 2 November 2020",
        }  # fmt: skip
        if "draw_at" in changes:
            return self.post("/v1/plans", body | changes, status=status)
        self.clock.set(now - NOTICE)
        answer = self.post("/v1/plans", body | changes, status=status)
        self.clock.set(now)
        return answer

    def draw(self, *projects, **changes):
        """Plan and draw; gives the drawn inspections by project."""
        plan = self.plan(*projects, **changes)
        self.post(f"/v1/plans/{plan['id']}/draw", OPENED)
        with self.database.reading() as session:
            drawn = select(Inspection.project, Inspection.inspection)
            return dict(session.execute(drawn.where(Inspection.plan == plan["id"])).all())

    def signed(self, inspection_id, **changes):
        """A good report's bytes and their signature."""
        with self.database.reading() as session:
            inspection = session.get(Inspection, inspection_id)
        data = {
            "method": inspection.method, "conducted_on": self.today.isoformat(),
            "inspectors": inspection.inspectors, "result": "no_breach", "score": "88",
            "signed_by": "Zhao",
        }  # fmt: skip
        message = {
            "specversion": "1.0", "id": str(uuid4()), "source": f"/agencies/{inspection.agency}",
            "type": "laurel.inspection.reported", "subject": inspection_id,
            "time": self.clock.now().isoformat(), "data": data | changes,
        }  # fmt: skip
        body = json.dumps(message).encode()
        return body, sign(body, self.keys[inspection.agency], "k1")

    def report(self, inspection_id, **changes):
        """Report as the drawn agency, over HTTPS; gives the receipt."""
        body, signature = self.signed(inspection_id, **changes)
        headers = {HEADER: signature, "Content-Type": CONTENT_TYPE}
        answer = self.http("inspection").post("/v1/agency-messages", data=body, headers=headers)
        return answer.json if answer.status_code == 200 else answer.json["receipt"]

    def fail(self, inspection_id):
        return self.report(inspection_id, score="41.5", result="breach")

    def project(self, project):
        return self.get(f"/v1/projects/{project}")

    def state(self, project):
        return self.project(project)["state"]

    def events(self, *kinds):
        """The events of these kinds recorded so far."""
        with self.database.reading() as session:
            rows = session.execute(outbox.select().order_by(outbox.c.position)).all()
        found = [decode(row.body, CONTENT_TYPE) for row in rows]
        return [event for event in found if event.type in kinds]

    def wait(self, **duration):
        """Let programme time pass, and fire the timers once."""
        self.clock.set(self.clock.now() + timedelta(**duration))
        self.tick()

    def heard(self):
        """A decision after a notice given now and the days in which its undertaker was heard."""
        notice_at = self.clock.now().isoformat()
        self.clock.set(self.clock.now() + HEARING)
        return DECISION | {"notice_at": notice_at}

    def side_by_side(self, act, count):
        """Call `act` with 0, 1, ... at the same time; gives what each came to."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(act, range(count)))

    @property
    def today(self):
        return (self.clock.now() + timedelta(hours=8)).date()

    @contextmanager
    def counting(self):
        """The SQL statements that run meanwhile."""
        seen = []

        def note(_connection, _cursor, statement, *_more):
            seen.append(statement)

        sqlalchemy_event.listen(self.database.engine, "before_cursor_execute", note)
        yield seen
        sqlalchemy_event.remove(self.database.engine, "before_cursor_execute", note)


@pytest.fixture
def office(tmp_path):
    """Policy `immediate`."""
    with Inspectorate(tmp_path) as office:
        yield office


@pytest.fixture
def lenient(tmp_path):
    """Policy `rectify`."""
    with Inspectorate(tmp_path, policy="rectify") as office:
        yield office


@pytest.fixture
def busy(tmp_path, amqp_url, postgres_url):
    """Policy `rectify` on RabbitMQ and PostgreSQL, where replicas really run side by side."""
    environ = {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": postgres_url}
    with Inspectorate(tmp_path, environ, policy="rectify") as office:
        yield office
