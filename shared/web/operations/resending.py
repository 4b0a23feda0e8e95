"""Sending events again: replay on an operator's word, reconciliation by what is missing."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from shared.errors import NotFoundError
from shared.runtime import Runtime
from shared.spine import reconcile, replay
from shared.spine.envelope import made_at
from shared.web.fields import Instant
from shared.web.operations.parked import OPERATOR
from shared.web.spec import Call, route


class ReplayIn(Schema):
    """Which published events to send again, and to whom; no `consumer` means to all."""

    types = fields.List(fields.String(), load_default=list)
    subject = fields.String(load_default=None)
    since = Instant(load_default=None)
    until = Instant(load_default=None)
    consumer = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[a-z]+\.[a-z_]+\Z", error="must be service.method"),
    )
    after = fields.Integer(load_default=0, validate=validate.Range(0, 2**63 - 1))
    count_only = fields.Boolean(load_default=False)


class ReconcileIn(Schema):
    """How to compare; `whole` from the first retained event, `dry_run` without sending again."""

    whole = fields.Boolean(load_default=False)
    dry_run = fields.Boolean(load_default=False)


class ResendingRoutes:
    """Replay and reconciliation."""

    runtime: Runtime

    @route("POST", "/v1/events/replay", role="operator", body=ReplayIn, status=202)
    def replay_events(self, session: Any, call: Call) -> dict[str, Any]:
        """Send a batch of published events again; go on with `after` = `next` until it is null."""
        wanted = self._published(call.body)
        if call.body["count_only"]:
            return {"matching": replay.count(session, wanted), "replayed": 0, "next": None}
        done, following = replay.replay(session, wanted, call.body["consumer"], call.body["after"])
        return {"replayed": done, "next": following}

    @route("POST", "/v1/events/reconcile", role="operator", body=ReconcileIn, status=202)
    def reconcile_events(self, session: Any, call: Call) -> dict[str, Any]:
        """Compare all inboxes of this service with what was published, within seconds."""
        reconcile.demand(session, **call.body)
        return {"asked_at": datetime.now(UTC).isoformat()}

    @route("GET", "/v1/events/reconciliation", role=OPERATOR)
    def show_reconciliation(self, session: Any, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """Show for each handler and source until when both ends agree, and what is missing."""
        rows = reconcile.pairs(session, self.runtime.topology, self.runtime.service)
        return {"items": [_pair(row) for row in rows]}

    def _published(self, body: dict[str, Any]) -> replay.Published:
        types, consumer = body["types"], body["consumer"]
        if consumer is not None:
            service, topology = self.runtime.service, self.runtime.topology
            taken = replay.types_for(topology, service, consumer)
            chosen = [name for name in taken if not types or name in types]
            if not chosen:
                raise NotFoundError(f"{consumer} takes {', '.join(taken)}; not {', '.join(types)}.")
            types = chosen
        names = ("subject", "since", "until")
        return replay.Published(types=types, **{name: body[name] for name in names})


def _pair(row: Any) -> dict[str, Any]:
    agreed = made_at(row.agreed_to) if row.agreed_to else None
    return {
        "handler": row.handler,
        "source": row.source,
        "agreed_to": agreed.isoformat() if agreed else None,
        "checked_at": row.checked_at.isoformat() if row.checked_at else None,
        "is_demanded": row.demanded_at is not None,
        "missing": row.missing,
        "foreign": row.foreign,
    }
