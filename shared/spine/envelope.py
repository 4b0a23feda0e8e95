"""The envelope: CloudEvents 1.0 in JSON structured mode; not who sends or handles it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isinf
from typing import Any

import uuid_utils

from shared.errors import LaurelError
from shared.spine.texts import is_storable

CONTENT_TYPE = "application/cloudevents+json"
MAX_BODY_BYTES = 1_048_576
MAX_DEPTH = 32
TOO_LARGE = f"The body has {{}} bytes; at most {MAX_BODY_BYTES} are read."
MAX_ID, MAX_TEXT = 64, 120  # they stand in indexes, which no database has for texts of any length
NAMED = ("id", "source", "type", "subject", "correlationid")
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class UndecodableError(LaurelError):
    """These bytes are no event of ours; parked at once, never retried by itself."""

    slug = "undecodable"


class UnencodableError(LaurelError):
    """No reader would take this event, so it is not recorded; a fault of whoever records it."""

    slug = "unencodable"
    status = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that happened: who says so, about what, when (programme time), and its data."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    data: dict[str, Any]
    version: int = 1
    actor: str | None = None

    @property
    def owner(self) -> str:
        """The service that published it: the last part of the source."""
        return self.source.rsplit("/", 1)[-1]

    @property
    def recorded_at(self) -> datetime | None:
        """The real instant of its recording, told by its id; None for a foreign kind of id."""
        return made_at(self.id)


def new_id() -> str:
    """A UUIDv7 (RFC 9562): sorts by, and tells, the real time of its making."""
    return str(uuid_utils.uuid7())


def made_at(event_id: str) -> datetime | None:
    """The real instant in a UUIDv7, to the millisecond; None for ids of no year that we know."""
    try:
        identifier = uuid_utils.UUID(event_id)
        if identifier.version != 7:  # noqa: PLR2004 - the UUID version that carries time
            return None
        return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def first_id_at(instant: datetime) -> str:
    """The lowest UUIDv7 of that millisecond: every id made before sorts below it, as text."""
    digits = f"{int(instant.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def encode(event: Event) -> bytes:
    """The bytes that go over the wire.

    Raises UnencodableError for what every reader would refuse.
    """
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": f"laurel.{event.type}",
        "subject": event.subject,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"/schemas/laurel.{event.type}/{event.version}",
        "sequence": str(event.sequence),
        "correlationid": event.correlation_id,
        "causationid": event.causation_id,
        "traceparent": event.traceparent,
        "actor": event.actor,
        "data": event.data,
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    try:
        for name in NAMED:
            _text(present, name)
        _counting(str(event.sequence))
        body = _dumps(present).encode()
        _check(present, body)
    except (UndecodableError, ValueError, RecursionError) as error:
        raise UnencodableError(f"{event.type} cannot be recorded: {error}") from error
    return body


def decode(body: bytes, content_type: str | None) -> Event:
    """The event in these bytes; raises UndecodableError saying what is wrong with them."""
    attributes = parse(body, content_type)
    try:
        return Event(
            id=_text(attributes, "id"),
            source=_text(attributes, "source"),
            type=_text(attributes, "type").removeprefix("laurel."),
            subject=_text(attributes, "subject"),
            time=_instant(_text(attributes, "time")),
            sequence=_counting(_text(attributes, "sequence")),
            correlation_id=_text(attributes, "correlationid"),
            causation_id=attributes.get("causationid"),
            traceparent=traceparent_of(attributes.get("traceparent")),
            data=_mapping(attributes.get("data")),
            version=_counting(_text(attributes, "dataschema").rsplit("/", 1)[-1]),
            actor=_named(attributes.get("actor")),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise UndecodableError(f"Not a CloudEvents 1.0 event of Laurel: {error}.") from error


def decoded(body: bytes, content_type: str | None) -> Event | None:
    """The event in these bytes, or None where there is none."""
    try:
        return decode(body, content_type)
    except Exception:  # only what is known of it is asked
        return None


def parse(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The JSON object in these bytes, bounded in size and depth; raises UndecodableError."""
    if content_type is None or content_type.split(";")[0].strip().lower() != CONTENT_TYPE:
        raise UndecodableError(f"Content type is {content_type!r}; it must be {CONTENT_TYPE!r}.")
    if len(body) > MAX_BODY_BYTES:
        raise UndecodableError(TOO_LARGE.format(len(body)))
    try:
        parsed = json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise UndecodableError(f"The body is not JSON in UTF-8: {error}.") from error
    if not isinstance(parsed, dict):
        raise UndecodableError("The body is JSON, but not an object.")
    _check(parsed, body)
    if parsed.get("specversion") != "1.0":
        raise UndecodableError("The body is no CloudEvent: 'specversion' must be \"1.0\".")
    return parsed


def traceparent_of(value: object) -> str | None:
    """A trace as W3C Trace Context writes it; what is not well-formed is no trace."""
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


def _check(parsed: dict[str, Any], body: bytes) -> None:
    """What writer and reader refuse alike, though it is JSON."""
    if len(body) > MAX_BODY_BYTES:
        raise UndecodableError(TOO_LARGE.format(len(body)))
    if _depth(parsed) > MAX_DEPTH:
        raise UndecodableError(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u" in body and not all(map(is_storable, _texts(parsed))):
        raise UndecodableError("The body holds NUL or half of a surrogate pair.")


def _named(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        inner = (item for item in level if isinstance(item, dict | list | tuple))
        level = [one for i in inner for one in (i.values() if isinstance(i, dict) else i)]
    return deepest


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield name
            yield from _texts(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _texts(child)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number, as long as a JSON writer could give it back."""
    if isinf(value := float(text)):
        _refuse_constant(text)
    return value


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"attribute '{name}' must be a non-empty string")
    if len(value) > (longest := MAX_ID if name == "id" else MAX_TEXT):
        raise ValueError(f"attribute '{name}' has {len(value)} characters; at most {longest}")
    return value


def _counting(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"{text!r} is not a whole number from 1")
    return int(text)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("attribute 'data' must be an object")
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset from UTC")
    return instant.astimezone(UTC)
