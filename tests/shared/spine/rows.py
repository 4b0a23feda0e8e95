"""Rows as the spine would have written them at another time, put in at once."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from shared.spine.envelope import CONTENT_TYPE, first_id_at, new_id
from shared.spine.parking import fingerprint
from shared.spine.tables import inbox, outbox, parked

HANDLER = "scoring.keep_programme"
HEADERS = {
    "content_type": CONTENT_TYPE,
    "routing_key": "programme.published",
    "user_id": None,
    "headers": {},
}


def ago(**span):
    return datetime.now(UTC) - timedelta(**span)


def id_at(instant, number=0):
    """An id as if made then; a number tells those of one instant apart."""
    return f"{first_id_at(instant)[:-12]}{number:012x}"


def parked_row(**values):
    """A parked event, waiting for an operator unless said otherwise."""
    row = {
        "id": new_id(), "handler": HANDLER, "event_id": new_id(), "source": "intake",
        "event_type": "programme.published", "subject": "2020", "body": b"{}", "headers": HEADERS,
        "state": "held", "urgent": False, "error": "RuntimeError", "detail": "no luck",
        "attempts": 1, "parked_at": datetime.now(UTC), "due_at": None, "settled_at": None,
    } | values  # fmt: skip
    return row | {"fingerprint": fingerprint(row["handler"], row["error"], row["detail"])}


def outbox_row(recorded_at, number=0, **values):
    """An event recorded, and published, at an instant."""
    return {
        "event_id": id_at(recorded_at, number), "exchange": "intake.events",
        "routing_key": "programme.published", "subject": "2020", "about": "2020", "sequence": 1,
        "urgent": False, "body": b"{}", "recorded_at": recorded_at, "published_at": recorded_at,
    } | values  # fmt: skip


def inbox_row(handled_at, number=0, **values):
    """An event recorded and handled at an instant."""
    return {
        "handler": HANDLER, "event_id": id_at(handled_at, number), "source": "intake",
        "about": "2020", "digest": b"0" * 32, "handled_at": handled_at,
    } | values  # fmt: skip


def put(stack, service, table, *rows):
    """Have these rows in a table of a service."""
    with stack.session(service) as session:
        session.execute(insert(table), list(rows))
    return rows


def park(stack, *rows):
    return put(stack, "scoring", parked, *rows)


def handled(stack, *rows):
    return put(stack, "scoring", inbox, *rows)


def published(stack, *rows):
    return put(stack, "intake", outbox, *rows)
