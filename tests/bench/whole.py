"""The four real services: how fast a revocation is everywhere, and a door whose broker is away."""

import importlib.resources
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from types import SimpleNamespace

from deploy.local.process import wait_until
from shared.agency.signing import HEADER
from shared.catalogue import (
    APPLICATION_SCORED,
    CHANGE_REPORTED,
    INSPECTION,
    INTAKE,
    NOTIFICATION,
    PARTNER_EVENTS,
    PROJECT_DESIGNATED,
    SCORING,
)
from shared.cli.demo.cast import Cast
from shared.cli.demo.doors import Doors
from shared.cli.demo.screen import Screen
from shared.cli.demo.supervision import Agencies
from shared.clock import RehearsalClock
from shared.programme.definition import parse
from shared.project import NEEDED_OUTLETS
from shared.settings import Settings
from shared.spine.broker import Message
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database
from shared.spine.envelope import CONTENT_TYPE, Event, encode, new_id
from shared.spine.outbox import record
from shared.testing import acting
from tests.bench.field import QUORUM
from tests.bench.figures import AT_MOST, Goal, Table, percentile
from tests.bench.stack import BenchStack

DEFINITION = importlib.resources.files("services.intake.data") / "programme-2020.yaml"
INTERNAL, LIMIT_SECONDS = NEEDED_OUTLETS, 300
BACKLOG, AT_ONCE, PER_SECOND = 100_000, 1_000, 10
DAY, NOW = date(2020, 10, 12), datetime(2020, 10, 12, 1, tzinfo=UTC)
CONDITIONS = {"queue": QUORUM, "window": "500 unconfirmed, prefetch 400", "batch": "up to 200"}
ACTED = """
SELECT project, count(*), extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))
FROM acknowledgements WHERE project = ANY(%s) GROUP BY project
"""
FILL = """
INSERT INTO outbox (event_id, exchange, routing_key, subject, about, sequence, urgent, body,
                    recorded_at)
SELECT %(ids)s || lpad(n::text, 12, '0'), %(exchange)s, %(key)s, 'B-' || n, 'B-' || n, 1, false,
       convert_to(replace(replace(%(body)s, '@ID', %(ids)s || lpad(n::text, 12, '0')),
                          'B-@', 'B-' || n), 'UTF8'), now()
FROM generate_series(1, %(count)s) AS n
"""


def state(project, name, number):
    """The whole public state of an invented project."""
    return {
        "project": project, "programme": "2020", "unit": "P110000", "title": f"Project {number}",
        "undertaker": {"uscc": f"91110000MA{number:08}", "name": f"Undertaker {number}"},
        "direction": 1, "state": name, "epoch": 1, "valid_from": DAY,
        "valid_to": DAY.replace(year=2023), "rectify_by": None, "decision": None,
    }  # fmt: skip


class Supervised:
    """Designated projects with a drawn inspection each, and the agencies that report them."""

    def __init__(self, stack):
        self.stack, self.settings = stack, Settings.from_environ(stack.settings())
        self.clock = RehearsalClock(stack.home / "clock.json")
        self.doors, self.cast = Doors(self.settings), Cast(2020, 1)
        self._agencies = Agencies(self.doors, self.cast, Screen(), self.clock)

    def prepare(self, count):
        """Publish a programme, designate so many projects as scoring does, and draw them all."""
        text = DEFINITION.read_text().replace(
            "agency_cap_per_year: 15", f"agency_cap_per_year: {count}"
        )
        self.doors.post(INTAKE, "/v1/programmes", {"yaml": text})
        projects = [f"2020-P110000-{number:05}" for number in range(count)]
        with Database(SCORING, self.settings.database_url).transaction() as session:
            for number, project in enumerate(projects):
                designated = SimpleNamespace(
                    **state(project, "DESIGNATED", number), event_subject=project, sequence=5
                )
                record(session, PROJECT_DESIGNATED, designated, acting(self.clock.now()))
        self._agencies.register()
        self.inspections = iter(self._agencies.draw("2020", projects))

    def reports(self, count):
        """Signed messages that report so many inspections as failed, by project."""
        return {item["project"]: self._message(item) for item in islice(self.inspections, count)}

    def revoke_at_once(self, count):
        """Seconds from the sending to the last internal outlet, one for each project."""
        reports, publisher = self.reports(count), broker_at(self.settings.broker_url).publisher()
        began = time.time()
        outcome = publisher.publish(list(reports.values()))
        assert outcome.failure is None, outcome.failure
        publisher.close()
        return self._propagation(dict.fromkeys(reports, began))

    def revoke_paced(self, count):
        """The same at a fixed rate, from the intended sending."""
        reports, publisher = self.reports(count), broker_at(self.settings.broker_url).publisher()
        sent, began = {}, time.time() + 0.1
        for index, (project, message) in enumerate(reports.items()):
            sent[project] = began + index / PER_SECOND
            time.sleep(max(0.0, sent[project] - time.time()))
            outcome = publisher.publish([message])
            assert outcome.failure is None, outcome.failure
        publisher.close()
        return self._propagation(sent)

    def _message(self, inspection):
        kept = []
        agencies = SimpleNamespace(_publish=lambda *signed: kept.append(signed))
        agencies.__dict__.update(_keys=self._agencies._keys, _kid=self._agencies._kid)
        Agencies.send(agencies, self._agencies.message(inspection, result="non_cooperation"))
        ((body, signature, agency),) = kept
        route = f"agency.{agency}.inspection.reported"
        return Message(PARTNER_EVENTS, route, body, new_id(), CONTENT_TYPE, {HEADER: signature})

    def _propagation(self, sent):
        found = partial(self._acted, list(sent))
        wait_until(lambda: len(found()) == len(sent), LIMIT_SECONDS, "every outlet to act")
        return [ended - sent[project] for project, ended in found().items()]

    def _acted(self, projects):
        """When the last internal outlet acted, of those projects for which all did."""
        counts, last = dict.fromkeys(projects, 0), dict.fromkeys(projects, 0.0)
        for service in (INTAKE, SCORING, NOTIFICATION):
            for project, count, at in self.stack.rows(service, ACTED, projects):
                counts[project] += count
                last[project] = max(last[project], float(at))
        return {p: last[p] for p in projects if counts[p] == len(INTERNAL)}


@contextmanager
def supervised(ground, count):
    """The four services as processes, with so many projects to revoke."""
    with BenchStack(ground.directory / f"whole-{new_id()}") as stack:
        found = Supervised(stack)
        found.prepare(count)
        yield found


def measure_revocation(ground, plan):
    """Agency message to last internal outlet: idle, many at once, behind a backlog."""
    table = Table("revocation", "Agency's message to the last of five outlets", "ms")
    paced, at_once = plan.sized(200), plan.sized(AT_ONCE)
    with supervised(ground, 2 * paced + at_once + 20) as whole:
        whole.revoke_paced(20)
        idle = whole.revoke_paced(paced)
        burst = whole.revoke_at_once(at_once)
        left, total = fill_backlog(whole.stack, plan.sized(BACKLOG)), plan.sized(BACKLOG)
        behind = whole.revoke_paced(paced)
        note = f"{left()} of {total} other events still waiting after the last"
    for name, title, found in (
        ("idle", "idle", idle),
        ("burst", f"{at_once:,} at once", burst),
        ("behind", f"behind a backlog of {total:,} other events", behind),
    ):
        for share in (50, 99):
            value = 1000 * percentile(found, share)
            plan.say(table, f"{title}, p{share}", value)
            table.add(
                f"{name}_p{share}",
                f"{title}, p{share}",
                value,
                revocations=len(found),
                **CONDITIONS,
            )
    return [table], [
        Goal("revocation propagation, idle, p99", table.rows["idle_p99"].rounds, "ms", 100, AT_MOST),
        Goal(f"revocation propagation, {at_once:,} at once, p99", table.rows["burst_p99"].rounds,
             "ms"),
        Goal("revocation propagation behind a backlog against idle, p99",
             table.ratios("behind_p99", "idle_p99"), "×", 2, AT_MOST, note),
    ]  # fmt: skip


def fill_backlog(stack, count):
    """Have other events wait in two outboxes; gives how many have not been handled yet."""
    scored = state("B-@", "SCORED", 0) | {"score": "80"}
    change = {
        "change": "B-@",
        "project": "B-@",
        "kind": "name",
        "occurred_on": DAY,
        "summary": "s",
        "reported_at": NOW,
    }
    for service, kind, data in (
        (SCORING, APPLICATION_SCORED, scored),
        (INTAKE, CHANGE_REPORTED, change),
    ):
        told = kind.dump(SimpleNamespace(**data), {})
        event = Event(
            "@ID", f"/laurel/{service}", kind.name, "B-@", NOW, 1, "@ID", None, None, told
        )
        values = {
            "ids": new_id()[:24],
            "exchange": f"{service}.events",
            "key": kind.name,
            "body": encode(event).decode(),
            "count": count // 2,
        }
        stack.rows(service, FILL, values)
    handled = "SELECT count(*) FROM inbox WHERE about LIKE 'B-%%' AND handler = %s"

    def left():
        done = [
            stack.rows(service, handled, f"{service}.{method}")[0][0]
            for service, method in ((NOTIFICATION, "follow_application"), (INSPECTION, "open_task"))
        ]
        return 2 * (count // 2) - sum(done)

    return left


def measure_door(ground, plan):
    """Submitting applications over HTTP while the broker is there and while it is away."""
    tables = {
        share: Table(f"door_p{share}", f"Submission over HTTP, p{share}", "ms")
        for share in (50, 99)
    }
    count = plan.sized(400)
    rounds = list(plan.rounds(("up", "down"), 2))
    titles = {"up": "broker up", "down": "broker down"}
    with BenchStack(ground.directory / f"whole-{new_id()}") as stack:
        whole = Supervised(stack)
        projects = iter(applications(whole, count * len(rounds) + 50))
        submissions(whole, islice(projects, 50))
        for name in rounds:
            if name == "down":
                stack.broker.stop()
            found = submissions(whole, islice(projects, count))
            if name == "down":
                stack.broker.start()
            for share, table in tables.items():
                value = 1000 * percentile(found, share)
                plan.say(table, titles[name], value)
                table.add(name, titles[name], value, submissions=count)
    ratios = tables[99].ratios("down", "up")
    return list(tables.values()), [
        Goal("p99 of an HTTP submission, broker down against up", ratios, "×", 1.1, AT_MOST)
    ]


def applications(whole, count):
    """So many applications, begun and not submitted: (project, undertaker)."""
    doors = whole.doors
    doors.post(INTAKE, "/v1/programmes", {"yaml": DEFINITION.read_text()})
    units = sorted(doors.every(INTAKE, "/v1/units"), key=lambda unit: str(unit["code"]))
    published = doors.get(INTAKE, "/v1/programmes/2020")["definition"]
    for one in whole.cast.applicants(count, units, parse(published)):
        answer = doors.post(
            INTAKE, "/v1/applications", one.application("2020"), "undertaker", undertaker=one.uscc
        )
        yield answer["project"], one.uscc


def submissions(whole, projects):
    """Seconds of each submission, from its intended sending, 20 a second."""
    found, ready = [], list(projects)
    began = time.time()
    for index, (project, uscc) in enumerate(ready):
        intended = began + index / 20
        time.sleep(max(0.0, intended - time.time()))
        path = f"/v1/applications/{project}/submit"
        whole.doors.post(INTAKE, path, {}, "undertaker", undertaker=uscc)
        found.append(time.time() - intended)
    return found
