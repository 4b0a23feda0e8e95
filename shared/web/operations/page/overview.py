"""The first page: whether the service is well, what waits, what is parked, what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields
from werkzeug.wrappers import Response

from shared.errors import SchemaVersionError
from shared.runtime import Runtime
from shared.spine import backlog, migrate, reconcile
from shared.spine.parking import OPEN, decisions
from shared.spine.parking.decisions import Wanted
from shared.web.browsers import PLACE
from shared.web.operations.page import flow, render
from shared.web.operations.page.sections import Section
from shared.web.operations.parked import OPERATOR
from shared.web.operations.resending import ResendingRoutes
from shared.web.spec import Call, route

GROUPS = 50
OLD_SECONDS = 60  # as the alert LaurelOutboxStuck has it
REFRESH_SECONDS = 10


class OverviewQuery(Schema):
    """How to show the page."""

    refresh = fields.Boolean(load_default=False)


@dataclass(frozen=True)
class Tile:
    """One figure at the top: `level` is ok, warn or bad, `anchor` where more is said."""

    label: str
    value: str
    note: str
    level: str
    anchor: str


class OverviewPage(ResendingRoutes):
    """The service at a glance."""

    def operator_sections(self, session: Any) -> Sequence[Section]:  # noqa: ARG002 - for services to override
        """What this service adds to the page."""
        return ()

    @route("GET", PLACE, role=OPERATOR, query=OverviewQuery, produces="text/html", browser=True)
    def show_operations(self, session: Any, call: Call) -> Response:
        """Show operators how the service is: flow, outbox, queues, parked groups, both ends."""
        sections = self.operator_sections(session)
        totals = decisions.totals(session, Wanted())
        pairs = self.show_reconciliation(session, call)["items"]
        groups = decisions.groups(session, Wanted(), OPEN)
        tiles = [
            *_delivery_tiles(self.runtime, *backlog.backlog(session)),
            _parked_tile(sum(totals.get(state, 0) for state in OPEN)),
            _missing_tile(pairs),
            *map(_section_tile, sections),
        ]
        service = self.runtime.service
        return render.page(
            "overview.html",
            self.runtime,
            actor=call.actor,
            tiles=tiles,
            sections=sections,
            fault=_fault(self.runtime),
            totals=totals,
            more_groups=len(groups) > GROUPS,
            groups=[row._asdict() for row in groups[:GROUPS]],
            pairs=pairs,
            queues=flow.queues(self.runtime),
            consumers=flow.consumers(service),
            flow=flow.events(service),
            troubles=flow.troubles(service),
            refresh=REFRESH_SECONDS if call.query["refresh"] else None,
        )

    @route(
        "POST", f"{PLACE}/compare", role="operator", status=303, produces="text/html", browser=True
    )
    def compare_now(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Have both ends compared at once, and go back."""
        reconcile.demand(session, whole=False, dry_run=False)
        return render.go_to(f"{PLACE}#reconciliation")


def _fault(runtime: Runtime) -> str | None:
    """Why no requests are accepted, if so; without a database there is no page at all."""
    try:
        migrate.check(runtime.database)
    except SchemaVersionError as error:
        return error.detail
    return None


def _delivery_tiles(runtime: Runtime, pending: int, oldest: float) -> list[Tile]:
    waiting = sum(depth or 0 for _name, depth in flow.queues(runtime))
    running, expected = flow.consumers(runtime.service)
    age = f"oldest {render.duration(oldest)}" if pending else "all published"
    return [
        Tile("Outbox", f"{pending:,}", age, "bad" if oldest > OLD_SECONDS else "ok", "flow"),
        Tile("In queues", f"{waiting:,}", "as last measured", "ok", "queues"),
        Tile("Consumers", f"{running} of {expected}", "running in this process",
             "bad" if running < expected else "ok", "queues"),
    ]  # fmt: skip


def _parked_tile(count: int) -> Tile:
    return Tile("Parked", f"{count:,}", "not settled", "warn" if count else "ok", "parked")


def _missing_tile(pairs: Sequence[dict[str, Any]]) -> Tile:
    missing = sum(pair["missing"] for pair in pairs)
    note = "at the last comparison"
    return Tile("Missing", f"{missing:,}", note, "bad" if missing else "ok", "reconciliation")


def _section_tile(section: Section) -> Tile:
    level = "bad" if section.count else "ok"
    return Tile(section.title, f"{section.count:,}", "", level, section.name)
