"""What operators ask of every service: parked events, and one project's way through the service."""

from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select

from shared.errors import NotFoundError
from shared.spine import parking
from shared.spine.envelope import made_at
from shared.spine.tables import inbox, outbox, parked
from shared.web.spec import Call, route

OPERATOR = ("operator", "official")


class ParkedQuery(Schema):
    """Which parked events to list."""

    state = fields.String(
        validate=validate.OneOf([*parking.ParkedState, "open"]), load_default="open"
    )
    handler = fields.String(load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    after = fields.String(load_default="")


class Reason(Schema):
    """Why an operator does it."""

    reason = fields.String(required=True, validate=validate.Length(3, 500))


class OperationsApi:
    """Routes that every service has beside its own."""

    @route("GET", "/v1/events/parked", role=OPERATOR, query=ParkedQuery)
    def list_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """List parked events, oldest first, with totals by state."""
        wanted = call.query
        states = parking.OPEN if wanted["state"] == "open" else (wanted["state"],)
        rows = select(parked).where(parked.c.state.in_(states), parked.c.id > wanted["after"])
        if wanted["handler"]:
            rows = rows.where(parked.c.handler == wanted["handler"])
        found = session.execute(rows.order_by(parked.c.id).limit(wanted["limit"])).all()
        last = found[-1].id if len(found) == wanted["limit"] else None
        return {
            "items": [_summary(row) for row in found],
            "next": last,
            "totals": parking.counts(session),
        }

    @route("GET", "/v1/events/parked/<parked_id>", role=OPERATOR)
    def show_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Show one parked event with its bytes, headers and history."""
        row = session.execute(select(parked).where(parked.c.id == call.path["parked_id"])).first()
        if row is None:
            raise NotFoundError(f"No parked event has the id {call.path['parked_id']!r}.")
        body = row.body.decode("utf-8", "backslashreplace")
        return _summary(row) | {"body": body, "headers": row.headers, "history": row.history}

    @route("POST", "/v1/events/parked/<parked_id>/retry", role="operator", status=202)
    def retry_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Have a parked event tried again at once; asking twice is asking once."""
        parking.retry(session, call.path["parked_id"], actor=str(call.actor))
        return {"id": call.path["parked_id"], "state": parking.ParkedState.WAITING}

    @route("POST", "/v1/events/parked/<parked_id>/discard", role="operator", body=Reason)
    def discard_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Give a parked event up, with a reason; it stays in the table."""
        parking.discard(
            session, call.path["parked_id"], actor=str(call.actor), reason=call.body["reason"]
        )
        return {"id": call.path["parked_id"], "state": parking.ParkedState.DISCARDED}

    @route("GET", "/v1/timeline/<subject>", role=OPERATOR)
    def show_timeline(self, session: Any, call: Call) -> dict[str, Any]:
        """What this service published and handled about one project, in real time."""
        subject = call.path["subject"]
        published = session.execute(
            select(outbox).where(outbox.c.about == subject).order_by(outbox.c.position)
        )
        handled = session.execute(
            select(inbox).where(inbox.c.about == subject).order_by(inbox.c.handled_at)
        )
        return {
            "published": [_published(row) for row in published],
            "handled": [_handled(row) for row in handled],
        }

    @route("GET", "/v1/ledger", role=OPERATOR)
    def show_ledger(self, session: Any, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """Every event id published, and what each handler has, for reconciling both ends."""
        events = session.execute(
            select(outbox.c.event_id, outbox.c.exchange, outbox.c.routing_key)
            .where(outbox.c.exchange.like("%.events"))
            .order_by(outbox.c.position)
        )
        handled = session.execute(select(inbox.c.handler, inbox.c.event_id))
        kept = session.execute(
            select(parked.c.handler, parked.c.event_id).where(parked.c.event_id.is_not(None))
        )
        pending = select(func.count()).where(outbox.c.published_at.is_(None))
        return {
            "published": [list(row) for row in events],
            "handled": [list(row) for row in handled],
            "parked": [list(row) for row in kept],
            "pending": session.scalar(pending),
        }


def _summary(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "handler": row.handler,
        "event": row.event_id,
        "type": row.event_type,
        "subject": row.subject,
        "state": row.state,
        "error": row.error,
        "detail": row.detail,
        "attempts": row.attempts,
        "parked_at": row.parked_at.isoformat(),
        "due_at": row.due_at.isoformat() if row.due_at else None,
    }


def _published(row: Any) -> dict[str, Any]:
    return {
        "event": row.event_id,
        "type": row.routing_key,
        "subject": row.subject,
        "sequence": row.sequence,
        "recorded_at": row.recorded_at.isoformat(),
        "published_at": row.published_at.isoformat() if row.published_at else None,
    }


def _handled(row: Any) -> dict[str, Any]:
    recorded = made_at(row.event_id)
    delay = (row.handled_at - recorded).total_seconds() if recorded else None
    return {
        "event": row.event_id,
        "handler": row.handler,
        "handled_at": row.handled_at.isoformat(),
        "delay_seconds": delay,
    }
