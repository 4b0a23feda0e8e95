"""What a service published and handled, for one project or for both ends' comparison."""

from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import Column, Select, func, literal, select, tuple_

from shared.catalogue import PARTNER_RECEIPTS
from shared.errors import InvalidError
from shared.spine import backlog
from shared.spine.envelope import made_at
from shared.spine.tables import inbox, outbox, parked
from shared.web.incoming import MAX_INTEGER
from shared.web.operations.parked import OPERATOR
from shared.web.paging import MAX_LIMIT
from shared.web.spec import Call, route

PAIR = (inbox.c.handler, inbox.c.event_id)


class LedgerQuery(Schema):
    """Where in a part of the ledger to go on: `after` is the `next` of the page before."""

    after = fields.String(load_default="", validate=validate.Length(max=200))
    limit = fields.Integer(load_default=1000, validate=validate.Range(1, 5000))


class AuditRoutes:
    """Timeline and ledger."""

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
    def show_pending(self, session: Any, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """Tell how many events the outbox still has to publish; the ledger's parts stand below."""
        pending = select(func.count()).where(outbox.c.published_at.is_(None))
        return {"pending": session.scalar(pending)}

    @route("GET", "/v1/ledger/refused", role=OPERATOR)
    def list_refused(self, session: Any, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """List the oldest events that the broker refuses, how often they were tried, and why."""
        rows = backlog.refused(session, MAX_LIMIT)
        return {"items": [row._asdict() for row in rows], "count": backlog.refused_count(session)}

    @route("GET", "/v1/ledger/published", role=OPERATOR, query=LedgerQuery)
    def list_published(self, session: Any, call: Call) -> dict[str, Any]:
        """List [event id, exchange, routing key, subject] of every event published."""
        columns = (outbox.c.event_id, outbox.c.exchange, outbox.c.routing_key, outbox.c.subject)
        rows = select(outbox.c.position, *columns).where(outbox.c.exchange != PARTNER_RECEIPTS)
        return _page(session, rows, (outbox.c.position,), call)

    @route("GET", "/v1/ledger/handled", role=OPERATOR, query=LedgerQuery)
    def list_handled(self, session: Any, call: Call) -> dict[str, Any]:
        """List [handler, event id] of everything handled."""
        return _page(session, select(*PAIR, *PAIR), PAIR, call)

    @route("GET", "/v1/ledger/parked", role=OPERATOR, query=LedgerQuery)
    def list_kept(self, session: Any, call: Call) -> dict[str, Any]:
        """List [handler, event id] of everything parked, settled or not."""
        rows = select(parked.c.id, parked.c.handler, parked.c.event_id)
        return _page(session, rows.where(parked.c.event_id.is_not(None)), (parked.c.id,), call)


def _page(
    session: Any, rows: Select[Any], key: tuple[Column[Any], ...], call: Call
) -> dict[str, Any]:
    """Rows that begin with their key, which is the cursor and not shown."""
    limit, after = call.query["limit"], call.query["after"].split()
    if after:
        rows = rows.where(tuple_(*key) > tuple_(*_key_values(key, after)))
    found = session.execute(rows.order_by(*key).limit(limit)).all()
    last = " ".join(map(str, found[-1][: len(key)])) if len(found) == limit else None
    return {"items": [list(row[len(key) :]) for row in found], "next": last}


def _key_values(key: tuple[Column[Any], ...], after: list[str]) -> list[Any]:
    try:
        return [_key_value(*pair) for pair in zip(key, after, strict=True)]
    except ValueError as error:
        message = "must be the 'next' of the page before"
        errors = [{"field": "after", "message": message}]
        raise InvalidError(f"The query parameter 'after' {message}.", errors=errors) from error


def _key_value(column: Column[Any], text: str) -> Any:
    value = column.type.python_type(text)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError(f"{text} is no position")
    return literal(value, column.type)


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
