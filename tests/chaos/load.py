"""What is put in while faults come and go, the same for the same seed: rounds, reports, bulk.

Rounds and reports go through the public doors. Bulk are reports too, taken by intake's own command
many to a transaction, as an import of a list would be.
"""

import io
import itertools
import random
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

from ruamel.yaml import YAML
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from deploy.local import process
from services.intake import models
from services.intake.commands.reports import report_violation
from shared.catalogue import INTAKE
from shared.cli.demo import doors
from shared.project import DECIDED_GROUNDS, State
from shared.spine.context import Actor, Context
from shared.spine.database import AbortedTransactionError, Database
from tests.chaos import poison
from tests.shared.spine.running import DEFINITION

UNIT, CODE = "P110000", "91110000MA0000000H"
EVIDENCE = tuple(
    {"kind": kind, "filename": f"{kind}.pdf", "sha256": "5e" * 32, "size": 1}
    for kind in ("business_licence", "project_report")
)
BAIT, CANARY = "BAIT", "CANARY"
PROJECTS, WINDOW = 4, timedelta(days=100)
SECONDS, PER_SECOND = 600, 400
doors.TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Size:
    """How much: rounds of so many applications, reports a second and in all, bulk likewise."""

    rounds: int
    applications: int
    reports: int
    bulk: int
    batch: int = 250


SHORT = Size(rounds=1, applications=6, reports=100, bulk=1_000, batch=100)
FULL = Size(rounds=4, applications=110, reports=6_000, bulk=90_000)


class Load:
    """Puts everything in; with `paced`, only as far as `allow` says, and at a steady rate."""

    def __init__(self, scene, seed, size, paced):
        self._scene, self._seed, self._size = scene, seed, size
        self._doors = doors.Doors(scene.settings)
        self._doors._http.headers["Connection"] = "close"  # every request to the next replica
        self._database = Database(INTAKE, scene.settings.database_url)
        self._paced, self._allowed = paced, 0.0 if paced else 1.0
        self._turn = threading.Condition()
        self._errors = []
        self._threads = []
        self._begun = None

    def start(self):
        """The programme and its projects first, then everything side by side."""
        self._projects = self._draft()
        self._begun = self._scene.home / "rounds.allowed"
        self._begun.touch()
        arguments = (self._seed, self._size.applications, self._size.rounds, self._begun)
        command = [sys.executable, "-m", "tests.chaos.rounds", *map(str, arguments)]
        log = self._scene.home / "rounds.log"
        self._rounds = process.start(command, log, self._scene.environment())
        self._begin_rounds()
        for work in (self._report, self._import, self._misbehave):
            thread = threading.Thread(target=self._guarded, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def allow(self, share):
        """Go on up to this share of all."""
        with self._turn:
            self._allowed = max(self._allowed, share)
            self._turn.notify_all()
        if self._begun is not None:
            self._begin_rounds()

    def finish(self):
        """Put in what is left; returns when all of it was accepted."""
        self.allow(1.0)
        for thread in self._threads:
            thread.join(SECONDS)
            if thread.is_alive():
                raise TimeoutError("the load did not get through the doors")
        self.raise_errors()
        process.wait_until(self._all_played, SECONDS, "the rounds to be played")

    def close(self):
        """Take the rounds' mail server and webhook receiver away."""
        process.end(self._rounds)
        self._database.engine.dispose()

    def raise_errors(self):
        """Raise what a part of the load met that it should not have met."""
        if self._errors:
            raise self._errors[0]

    def report_that_is_parked(self):
        """One more report, whose handler raises twice before it works."""
        report = {
            "project": self._projects[0],
            "ground": DECIDED_GROUNDS[0],
            "summary": poison.TWICE,
        }
        self._doors.post(INTAKE, "/v1/violations", report)

    def apply(self):
        """One more application goes in and is rejected, of which a letter tells its undertaker."""
        self._publish(BAIT)
        base = f"/v1/applications/{self._create(BAIT, evidence=EVIDENCE)}"
        self._doors.post(INTAKE, f"{base}/submit", {}, "undertaker", undertaker=CODE)
        self._doors.post(INTAKE, f"{base}/review/start", {}, "unit", unit=UNIT)
        self._doors.post(INTAKE, f"{base}/ineligible", {"reason": "bait"}, "unit", unit=UNIT)

    def canary(self):
        """One more edition of a programme that three services keep."""
        self._publish(CANARY)

    def _guarded(self, work):
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by who waits for the load
            self._errors.append(error)

    def _begin_rounds(self):
        """A line in the file for every round that may begin."""
        count = self._size.rounds
        due = sum(number / count <= self._allowed for number in range(count))
        self._begun.write_text("\n" * due)

    def _all_played(self):
        log = (self._scene.home / "rounds.log").read_text()
        if process.born(self._rounds) is None:
            raise RuntimeError(f"the rounds ended: {log[-2000:]}")
        return log.count("played") == self._size.rounds

    def _draft(self):
        """Projects that can be reported: designated, as far as intake knows."""
        self._publish("LOAD")
        drafts = [self._create("LOAD") for _ in range(PROJECTS)]
        own = update(models.Application).where(models.Application.project.in_(drafts))
        with self._database.transaction() as session:
            session.execute(own.values(state=State.DESIGNATED))
        return drafts

    def _publish(self, programme):
        """Publish the next edition of a programme whose window is open now."""
        definition = YAML().load(DEFINITION.read_text())
        now = self._scene.clock.now()
        definition["id"] = programme
        definition["submission"]["opens_at"] = (now - WINDOW).isoformat()
        definition["submission"]["closes_at"] = (now + WINDOW).isoformat()
        text = io.StringIO()
        YAML().dump(definition, text)
        self._doors.post(INTAKE, "/v1/programmes", {"yaml": text.getvalue()})

    def _create(self, programme, evidence=()):
        body = {
            "programme": programme, "unit": UNIT, "uscc": CODE, "undertaker_name": "虚构公司",
            "title": "虚构项目", "direction": 1, "contact_email": "c@undertaker.example",
            "evidence": list(evidence),
        }  # fmt: skip
        made = self._doors.post(INTAKE, "/v1/applications", body, "undertaker", undertaker=CODE)
        return made["project"]

    def _reports(self, kind, count):
        """The reports of one kind, the same for the same seed."""
        dice = random.Random(f"{self._seed}/{kind}")
        for number in range(count):
            yield {
                "project": dice.choice(self._projects),
                "ground": dice.choice(DECIDED_GROUNDS),
                "summary": f"{kind} {number}",
            }

    def _report(self):
        """One by one through the door."""
        count = self._size.reports
        for number, report in enumerate(self._reports("report", count)):
            self._await_turn(number / count)
            self._doors.post(INTAKE, "/v1/violations", report)

    def _misbehave(self):
        """Reports whose handler will raise, block, or break its session."""
        for number, summary in enumerate(poison.MISBEHAVING):
            self._await_turn((number + 1) / (len(poison.MISBEHAVING) + 1))
            report = {
                "project": self._projects[0],
                "ground": DECIDED_GROUNDS[0],
                "summary": summary,
            }
            self._doors.post(INTAKE, "/v1/violations", report)

    def _import(self):
        """Many to a transaction, which is repeated until it is committed, and counts once."""
        count, batch = self._size.bulk, self._size.batch
        reports = self._reports("bulk", count)
        for first in range(0, count, batch):
            self._await_turn(first / count)
            self._import_once(list(itertools.islice(reports, batch)))
            time.sleep(batch / PER_SECOND if self._paced else 0)

    def _import_once(self, reports):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                with self._database.transaction() as session:
                    if not _is_there(session, reports[0]["summary"]):
                        _take(session, reports, self._scene.clock.now())
            except (SQLAlchemyError, AbortedTransactionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(doors.PAUSE_SECONDS)
            else:
                return

    def _await_turn(self, share):
        with self._turn:
            if not self._turn.wait_for(lambda: share <= self._allowed, SECONDS):
                raise TimeoutError("nobody let the load go on")


def _is_there(session, summary):
    found = select(func.count()).where(models.Report.summary == summary)
    return session.scalar(found) > 0


def _take(session, reports, now):
    context = Context(Actor("import", "official"), now)
    for report in reports:
        report_violation(session, report, context)
