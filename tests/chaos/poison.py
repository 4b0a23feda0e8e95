"""What should never have been sent: bytes that are no event, and events whose handler misbehaves.

Every item says with which error it must end up parked; None means that it must be handled in the end.
"""

import json
from dataclasses import dataclass
from functools import wraps

from eventlet import patcher
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from shared.spine.broker import Message
from shared.spine.broker.choice import broker_at
from shared.spine.envelope import CONTENT_TYPE, MAX_BODY_BYTES, MAX_DEPTH, new_id
from shared.spine.tables import parked

EXCHANGE, ROUTE, HANDLER = "intake.events", "violation.reported", "inspection.open_task"
BLOCKING_SECONDS = 6.0  # past three heartbeats of two seconds
ALWAYS, TWICE, BLOCKS, BREAKS = (
    f"chaos: the handler {what}"
    for what in ("always raises", "raises twice", "blocks", "breaks its session")
)
MISBEHAVING = {ALWAYS: "RuntimeError", TWICE: None, BLOCKS: None, BREAKS: "AbortedTransactionError"}


@dataclass(frozen=True)
class Poison:
    """Bytes for a queue, and the error under which they must be parked."""

    name: str
    body: bytes
    error: str
    content_type: str | None = CONTENT_TYPE


def event(**changes):
    """A violation report as intake would publish it, but for `changes`; None leaves one out."""
    data = {
        "violation": new_id(), "project": "nowhere", "ground": "material_falsehood", "summary": "chaos: poison",
        "reported_at": "2020-10-12T09:00:00+08:00",
    }  # fmt: skip
    attributes = {
        "specversion": "1.0",
        "id": new_id(),
        "source": "/laurel/intake",
        "type": f"laurel.{ROUTE}",
        "subject": data["violation"],
        "time": "2020-10-12T09:00:00+08:00",
        "dataschema": f"/schemas/laurel.{ROUTE}/1",
        "sequence": "1",
        "correlationid": new_id(),
        "data": data,
    } | changes
    return {name: value for name, value in attributes.items() if value is not None}


def raw():
    """One of each kind of bytes that nobody can handle."""

    def as_bytes(**changes):
        return json.dumps(event(**changes)).encode()

    deep = {"leaf": 1}
    for _ in range(MAX_DEPTH + 2):
        deep = {"deeper": deep}
    return [
        Poison("undecodable bytes", b"\xff\xfe\x00" + new_id().encode(), "undecodable"),
        Poison("wrong content type", as_bytes(), "undecodable", "application/json"),
        Poison("no content type", as_bytes(), "undecodable", None),
        Poison("wrong encoding", json.dumps(event()).encode("utf-16"),
               "undecodable"),
        Poison("JSON that is no event", json.dumps([new_id()]).encode(), "undecodable"),
        Poison("unknown type", as_bytes(type="laurel.violation.invented"), "unknown-version"),
        Poison("unknown version", as_bytes(dataschema=f"/schemas/laurel.{ROUTE}/99"),
               "unknown-version"),
        Poison("schema violation", as_bytes(data={"violation": new_id()}), "schema"),
        Poison("missing id", as_bytes(id=None), "undecodable"),
        Poison("oversized body", as_bytes(extra="x" * MAX_BODY_BYTES), "undecodable"),
        Poison("deep nesting", as_bytes(data=deep), "undecodable"),
    ]  # fmt: skip


def duplicate_of(body):
    """Another body under the id of an event that was handled."""
    known = json.loads(body)
    changed = known | {"data": known["data"] | {"summary": "chaos: another body"}}
    return Poison("duplicate id, another body", json.dumps(changed).encode(), "duplicate-id")


def send(url, poisons, exchange=EXCHANGE, route=ROUTE):
    """Put them into the queues behind an exchange; the broker has confirmed them when this ends."""
    publisher = broker_at(url).publisher()
    messages = [Message(exchange, route, p.body, new_id(), p.content_type) for p in poisons]
    outcome = publisher.publish(messages)
    publisher.close()
    if outcome.failure:
        raise RuntimeError(outcome.failure)


def misbehaving(act):
    """The handler's method, which does what the event's summary tells it to do first."""

    @wraps(act)
    def handle(self, session, event, context):
        said = event.data.get("summary")
        if said == ALWAYS or (said == TWICE and _attempts(session, event) < 2):
            raise RuntimeError(said)
        if said == BLOCKS:
            patcher.original("time").sleep(BLOCKING_SECONDS)
        act(self, session, event, context)
        if said == BREAKS:
            _break(session)

    return handle


def _attempts(session, event):
    counted = select(parked.c.attempts).where(parked.c.event_id == event.id)
    return session.scalar(counted.order_by(parked.c.attempts.desc())) or 0


def _break(session):
    """Fail a statement and go on as if nothing had happened."""
    try:
        session.connection().execute(text("SELECT 1 / 0"))
    except DBAPIError:
        return
