"""Parked events: lists, groups, and what operators decide about one, a group or a query."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from shared.spine.entrypoints import handlers_of
from shared.spine.parking import OPEN, ParkedState, decisions
from shared.spine.parking.decisions import Decision, Wanted
from shared.spine.parking.pointing import point
from shared.web.fields import Instant
from shared.web.spec import Call, route

OPERATOR = ("operator", "official")
FILTERS = ("group", "handler", "type", "error", "subject", "since", "until")
REASON = validate.Length(3, 500, error="must have 3 to 500 characters")


class ParkedFilter(Schema):
    """Which parked events are meant; what is not given does not restrict. Times are real."""

    group = fields.String(load_default=None)
    handler = fields.String(load_default=None)
    type = fields.String(load_default=None)
    error = fields.String(load_default=None)
    subject = fields.String(load_default=None)
    since = Instant(load_default=None)
    until = Instant(load_default=None)


class GroupQuery(ParkedFilter):
    """Which parked events to group."""

    state = fields.String(validate=validate.OneOf([*ParkedState, "open"]), load_default="open")


class ParkedQuery(GroupQuery):
    """Which parked events to list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    after = fields.String(load_default="")


class Asked(ParkedFilter):
    """Which parked events to try again; with `count_only` nothing is changed."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))
    after = fields.String(load_default="")
    count_only = fields.Boolean(load_default=False)


class Reasoned(Asked):
    """Which parked events to discard or restore, and why."""

    reason = fields.String(required=True, validate=REASON)


class Reason(Schema):
    """Why an operator does it."""

    reason = fields.String(required=True, validate=REASON)


class Retry(Schema):
    """Why an event is tried again, and by which handler if not by its own."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))
    to = fields.String(load_default=None, allow_none=True)


class ParkedRoutes:
    """Parked events."""

    @route("GET", "/v1/events/parked", role=OPERATOR, query=ParkedQuery)
    def list_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """List parked events, oldest first, with totals by state."""
        wanted, limit = _wanted(call.query), call.query["limit"]
        found = decisions.page(session, wanted, _states(call), call.query["after"], limit)
        return {
            "items": [_summary(row) for row in found],
            "next": found[-1].id if len(found) == limit else None,
            "totals": decisions.totals(session, wanted),
        }

    @route("GET", "/v1/events/groups", role=OPERATOR, query=GroupQuery)
    def list_groups(self, session: Any, call: Call) -> dict[str, Any]:
        """Group parked events that failed alike, the largest groups first."""
        groups = decisions.groups(session, _wanted(call.query), _states(call))
        return {"items": [_times(dict(row._mapping)) for row in groups]}  # noqa: SLF001 - a Row's public name for it

    @route("GET", "/v1/events/parked/<parked_id>", role=OPERATOR)
    def show_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Show one parked event with its bytes, headers and history."""
        row = decisions.one(session, call.path["parked_id"])
        body = row.body.decode("utf-8", "backslashreplace")
        history = decisions.history(session, row.id)
        return _summary(row) | {"body": body, "headers": row.headers, "history": history}

    @route("POST", "/v1/events/parked/<parked_id>/retry", role="operator", body=Retry, status=202)
    def retry_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Have a parked event tried again at once; asking twice is asking once.

        `to` has another handler of this service take it, when its own is gone or was the wrong one.
        """
        reason, to = call.body["reason"], call.body["to"]
        if to is not None:
            known = handlers_of(self)
            point(session, call.path["parked_id"], to, known, actor=str(call.actor), why=reason)
        return _one(session, call, Decision.RETRY, reason)

    @route("POST", "/v1/events/parked/<parked_id>/discard", role="operator", body=Reason)
    def discard_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Give a parked event up, with a reason; it stays in the table."""
        return _one(session, call, Decision.DISCARD, call.body["reason"])

    @route("POST", "/v1/events/parked/<parked_id>/restore", role="operator", body=Reason)
    def restore_parked(self, session: Any, call: Call) -> dict[str, Any]:
        """Take a discarded event back; it waits for an operator's retry."""
        return _one(session, call, Decision.RESTORE, call.body["reason"])

    @route("POST", "/v1/events/retry", role="operator", body=Asked, status=202)
    def retry_query(self, session: Any, call: Call) -> dict[str, Any]:
        """Have a batch of parked events tried again; go on `after` = `next` until it is null."""
        return _many(session, call, Decision.RETRY)

    @route("POST", "/v1/events/discard", role="operator", body=Reasoned)
    def discard_query(self, session: Any, call: Call) -> dict[str, Any]:
        """Give a batch of parked events up, with a reason; go on as with `retry`."""
        return _many(session, call, Decision.DISCARD)

    @route("POST", "/v1/events/restore", role="operator", body=Reasoned)
    def restore_query(self, session: Any, call: Call) -> dict[str, Any]:
        """Take a batch of discarded events back; go on as with `retry`."""
        return _many(session, call, Decision.RESTORE)


def _one(session: Any, call: Call, decision: Decision, why: str) -> dict[str, Any]:
    parked_id = call.path["parked_id"]
    decisions.decide_one(session, parked_id, decision, actor=str(call.actor), why=why)
    return {"id": parked_id, "state": decisions.TO[decision]}


def _many(session: Any, call: Call, decision: Decision) -> dict[str, Any]:
    wanted = _wanted(call.body)
    changed: Sequence[str] = ()
    if not call.body["count_only"]:
        who, why, after = str(call.actor), call.body["reason"], call.body["after"]
        changed = decisions.decide(session, wanted, decision, actor=who, why=why, after=after)
    return {
        "matching": decisions.count(session, wanted, decision),
        "changed": len(changed),
        "next": changed[-1] if len(changed) == decisions.BATCH else None,
    }


def _wanted(values: dict[str, Any]) -> Wanted:
    return Wanted(**{name: values[name] for name in FILTERS})


def _states(call: Call) -> tuple[str, ...]:
    state = call.query["state"]
    return OPEN if state == "open" else (state,)


def _summary(row: Any) -> dict[str, Any]:
    names = (
        "id",
        "handler",
        "source",
        "subject",
        "state",
        "error",
        "detail",
        "attempts",
        "parked_at",
        "due_at",
        "settled_at",
    )
    told = {name: getattr(row, name) for name in names}
    return _times(told | {"event": row.event_id, "type": row.event_type, "group": row.fingerprint})


def _times(told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in told.items()
    }
