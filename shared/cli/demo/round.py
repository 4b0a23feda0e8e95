"""One round from its definition to the ledgers."""

import importlib.resources
import io
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from shared.catalogue import INSPECTION, INTAKE, NOTIFICATION, SCORING, SERVICES
from shared.cli.demo import report
from shared.cli.demo.cast import Cast
from shared.cli.demo.doors import Doors, patiently
from shared.cli.demo.mischief import (
    await_parked,
    forge_reports,
    parked_count,
    poison,
    repeat_reports,
)
from shared.cli.demo.receivers import Hook, Mailbox
from shared.cli.demo.report import Outcome
from shared.cli.demo.screen import Screen
from shared.cli.demo.selection import Selecting, Selection
from shared.cli.demo.supervision import Agencies, Inspection
from shared.clock import RehearsalClock
from shared.errors import LaurelError
from shared.programme.definition import parse
from shared.project import Outlet
from shared.server import whole_topology
from shared.settings import Settings
from shared.spine.envelope import new_id

DEFINITION = ("services.intake.data", "programme-2020.yaml")
OPENED_BEFORE, CLOSES_AFTER = timedelta(hours=1), timedelta(days=19)
"""The definition's own dates are the ministry's; a rehearsal has its window around its day."""


def play(  # noqa: PLR0917 - what one run needs
    settings: Settings,
    receivers: tuple[Mailbox, Hook],
    screen: Screen,
    applications: int,
    seed: int,
    began: float,
) -> Outcome:
    """Play it, wait until every outlet has acted, and read the ledgers."""
    played = Round(Doors(settings), RehearsalClock(Path(settings.clock)), screen, seed)
    played.subscribe(receivers[1])
    selection = played.select(applications)
    inspections = played.supervise(selection)
    with screen.bar("outlets acknowledged", 1) as advance:
        ledgers = played.settle()
        advance()
    return played.outcome(selection, inspections, receivers, ledgers, began)


class Round:
    """One run on running services."""

    def __init__(self, doors: Doors, clock: RehearsalClock, screen: Screen, seed: int) -> None:
        self._doors, self._clock, self._screen = doors, clock, screen
        earlier = {item["id"] for item in doors.every(INTAKE, "/v1/programmes")}
        self._base = _definition()
        names = (
            self._base["id"] if n == 1 else f"{self._base['id']}R{n}" for n in range(1, 10_000)
        )
        self._programme = next(name for name in names if name not in earlier)
        self._cast = Cast(seed, run=len(earlier) + 1)

    def subscribe(self, hook: Hook) -> None:
        """One public webhook; those of earlier runs, whose receivers are gone, are ended."""
        for subscriber in self._doors.every(NOTIFICATION, "/v1/subscribers"):
            if subscriber["kind"] == "webhook" and subscriber["ended_at"] is None:
                self._doors.delete(NOTIFICATION, f"/v1/subscribers/{subscriber['id']}")
        wanted = {"kind": "webhook", "address": hook.url}
        hook.secret = self._doors.post(NOTIFICATION, "/v1/subscribers", wanted)["secret"]

    def select(self, count: int) -> Selection:
        """Publish the definition, then play the selection."""
        self._doors.post(INTAKE, "/v1/programmes", {"yaml": self._yaml()})
        units = sorted(self._doors.every(INTAKE, "/v1/units"), key=lambda unit: str(unit["code"]))
        published = self._doors.get(INTAKE, f"/v1/programmes/{self._programme}")["definition"]
        programme = parse(published)
        selection = Selection(programme, self._cast.applicants(count, units, programme))
        Selecting(self._doors, self._cast, self._screen, self._clock).run(selection)
        return selection

    def supervise(self, selection: Selection) -> list[Inspection]:
        """Draw, let the bad messages come first and between, and report."""
        agencies = Agencies(self._doors, self._cast, self._screen, self._clock)
        agencies.register()
        inspections = agencies.draw(self._programme, selection.designated)
        failing = self._cast.failing([inspection["project"] for inspection in inspections])
        inspections.sort(key=lambda i: (i["project"] in failing, i["project"]))
        forge_reports(agencies, inspections, inspections[0], self._clock)
        repeated = [i for i in inspections[1:2] if i["project"] not in failing]
        for inspection in repeated:
            repeat_reports(agencies, inspection)
        agencies.report([i for i in inspections if i not in repeated], failing)
        self._poison(inspections[0]["project"])
        patiently(self._all_published, "every inspection to be published")
        return list(self._inspections())

    def settle(self) -> report.Ledgers:
        """The ledgers once every outlet has acknowledged and nothing is on its way.

        These, and no later ones, can be judged: a letter that is taken afterwards is a new event.
        What does not come however long we wait is for them to tell.
        """
        patiently(self._all_acknowledged, "every outlet to acknowledge every revocation")
        read: list[report.Ledgers] = []

        def is_quiet() -> bool:
            if self._has_unsent():
                return False
            read.append(self._ledgers())
            return not report.pending(read[-1]) and not report.lost(read[-1])

        with suppress(LaurelError):
            patiently(is_quiet, "the last events to arrive")
        return read[-1] if read else self._ledgers()

    def outcome(
        self,
        selection: Selection,
        inspections: list[Inspection],
        receivers: tuple[Mailbox, Hook],
        ledgers: report.Ledgers,
        began: float,
    ) -> Outcome:
        """What the ledgers say."""
        doors, (mailbox, hook) = self._doors, receivers
        everything = list(doors.every(INSPECTION, "/v1/revocations"))
        circulars = list(doors.every(NOTIFICATION, "/v1/circulars"))
        deliveries = list(doors.every(NOTIFICATION, "/v1/deliveries"))
        epochs = [(line["project"], line["epoch"]) for line in everything]
        ours = {item["project"] for item in inspections}
        parked = [item for name in SERVICES for item in self._parked(name)]
        return Outcome(
            applications=len(selection.applicants),
            recommended=len(selection.recommended),
            designated=len(selection.designated),
            inspected=len(inspections),
            failed=sum(1 for i in inspections if i["outcome"] in {"fail", "not_cooperating"}),
            revocations=[line for line in everything if line["project"] in ours],
            lost=len(report.lost(ledgers)),
            duplicates=report.duplicates(ledgers, circulars, deliveries, epochs),
            elapsed_seconds=time.monotonic() - began,
            pairs=len(report.pairs(ledgers)),
            refused=dict(selection.refused),
            quarantined=report.counted(doors.every(INSPECTION, "/v1/quarantine"), "code"),
            parked=report.counted(parked, "error", "detail"),
            letters=len(mailbox.letters),
            webhooks=len(hook.webhooks),
            repeated=sum(c.total() - len(c) for c in (mailbox.letters, hook.webhooks)),
        )

    def _yaml(self) -> str:
        now = self._clock.now()
        definition = self._base
        definition["id"] = self._programme
        definition["submission"]["opens_at"] = (now - OPENED_BEFORE).isoformat()
        definition["submission"]["closes_at"] = (now + CLOSES_AFTER).isoformat()
        text = io.StringIO()
        YAML().dump(definition, text)
        return text.getvalue()

    def _poison(self, project: str) -> None:
        before = parked_count(self._doors)
        kinds = poison(self._doors, self._known_event(project))
        handlers = sum(1 for queue in whole_topology().queues if _is_designated(queue))
        await_parked(self._doors, before + kinds * handlers)

    def _known_event(self, project: str) -> dict[str, Any]:
        """An event that scoring published and everybody has handled, written down again."""
        told = self._doors.get(SCORING, f"/v1/timeline/{project}")["published"]
        (event,) = [row for row in told if row["type"] == "project.designated"]
        data = self._doors.get(INSPECTION, f"/v1/projects/{project}")
        data.pop("sequence")
        return {
            "specversion": "1.0",
            "id": event["event"],
            "source": "/laurel/scoring",
            "type": "laurel.project.designated",
            "subject": project,
            "time": self._clock.now().isoformat(),
            "dataschema": "/schemas/laurel.project.designated/1",
            "sequence": str(event["sequence"]),
            "correlationid": new_id(),
            "data": data,
        }

    def _inspections(self) -> list[Inspection]:
        return list(self._doors.every(INSPECTION, "/v1/inspections", programme=self._programme))

    def _all_published(self) -> bool:
        return all(item["stage"] == "PUBLISHED" for item in self._inspections())

    def _all_acknowledged(self) -> bool:
        revocations = self._doors.every(INSPECTION, "/v1/revocations")
        ours = [r for r in revocations if r["project"].startswith(f"{self._programme}-")]
        return all(set(Outlet) <= r["outlets"].keys() and r["circular"] for r in ours)

    def _has_unsent(self) -> bool:
        """Whether events or letters have not gone yet; far cheaper to ask than the ledgers."""
        if any(self._doors.get(name, "/v1/ledger")["pending"] for name in SERVICES):
            return True
        waiting = self._doors.get(NOTIFICATION, "/v1/deliveries", state="waiting", limit=20)
        return any(delivery["attempts"] == 0 for delivery in waiting["items"])

    def _ledgers(self) -> report.Ledgers:
        return report.read_ledgers(self._doors.get)

    def _parked(self, service: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = self._doors.get(service, "/v1/events/parked", limit=200, after=after)
            items += page["items"]
            after = page["next"]
        return items


def _definition() -> Any:
    place, name = DEFINITION
    return YAML().load((importlib.resources.files(place) / name).read_text())


def _is_designated(queue: Any) -> bool:
    return (queue.exchange, queue.routing_key) == (f"{SCORING}.events", "project.designated")
