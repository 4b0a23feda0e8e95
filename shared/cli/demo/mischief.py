"""What should never get through: bad agency messages, and poison on an internal queue."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from shared.agency.signing import generate_key
from shared.catalogue import PROJECT_DESIGNATED, SCORING, SERVICES
from shared.cli.demo.doors import Doors, patiently
from shared.cli.demo.supervision import Agencies, Inspection
from shared.clock import RehearsalClock
from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, MAX_BODY_BYTES, MAX_DEPTH, new_id

ROUTE = PROJECT_DESIGNATED.name


def forge_reports(
    agencies: Agencies, inspections: Sequence[Inspection], spared: Inspection, clock: RehearsalClock
) -> None:
    """Send one of each kind of bad message; each would revoke a sound project if it were believed.

    `spared` has not been reported yet and passes later: nothing that is refused may change that.
    """
    failing = {"result": "non_cooperation"}
    send, message = agencies.send, agencies.message
    other = next((i for i in inspections if i["agency"] != spared["agency"]), None)
    late = (clock.now() - timedelta(days=8)).isoformat()
    ahead = (clock.now() + timedelta(days=1)).isoformat()
    bad = message(spared, **failing)
    send(bad, key=generate_key())
    send(message(spared, **failing), kid="never-registered", by_https=True)
    send(message(spared, **failing) | {"source": "/agencies/nobody"}, by_https=True)
    send(message(spared, **failing) | {"time": late})
    send(message(spared, **failing) | {"time": ahead}, by_https=True)
    send(message(spared, **failing) | {"subject": str(uuid4())})
    send(message(spared, result="splendid"), by_https=True)
    send(message(spared, **failing, inspectors=["stranger-1", "stranger-2"]))
    send(b"\xff\xfe no JSON at all", route=spared["agency"])
    if other is not None:
        foreign = message(spared, **failing) | {"source": f"/agencies/{other['agency']}"}
        send(foreign)
        send(message(spared, **failing), route=other["agency"])


def repeat_reports(agencies: Agencies, reported: Inspection) -> None:
    """The same bytes over both channels, an id used again, and a second verdict."""
    first = agencies.message(reported)
    body = agencies.send(first, by_https=True)
    agencies.send(body, by_https=True)
    agencies.send(body)
    failing = {"result": "non_cooperation"}
    agencies.send(agencies.message(reported, **failing) | {"id": first["id"]})
    agencies.send(agencies.message(reported, **failing), by_https=True)


def poison(doors: Doors, known: dict[str, Any]) -> int:
    """Put one of each kind of poison on the queues of one event type; gives how many.

    `known` is an event that was handled before: its id comes again with another body.
    """
    kinds = list(_poison(known))
    for body, content_type in kinds:
        message = Message(f"{SCORING}.events", ROUTE, body, new_id(), content_type)
        doors.publish(message)
    return len(kinds)


def await_parked(doors: Doors, at_least: int) -> None:
    """Return once so many events are parked in all services together."""
    patiently(lambda: parked_count(doors) >= at_least, f"{at_least} parked events")


def parked_count(doors: Doors) -> int:
    """Parked events of all services, settled ones too."""
    totals = [doors.get(service, "/v1/events/parked", limit=1)["totals"] for service in SERVICES]
    return sum(sum(total.values()) for total in totals)


def _poison(known: dict[str, Any]) -> Iterator[tuple[bytes, str]]:
    event = known | {"id": new_id()}
    yield b"\x00\xff\xfe\x80 not even text", CONTENT_TYPE
    yield _bytes(event), "text/plain"
    yield json.dumps(event).encode("utf-16"), CONTENT_TYPE
    yield b'{"hello": "world"}', CONTENT_TYPE
    yield _bytes(event | {"id": new_id(), "type": "laurel.project.exploded"}), CONTENT_TYPE
    schema = str(event["dataschema"]).rsplit("/", 1)[0]
    yield _bytes(event | {"id": new_id(), "dataschema": f"{schema}/99"}), CONTENT_TYPE
    yield _bytes(event | {"id": new_id(), "data": {"project": 7}}), CONTENT_TYPE
    yield _bytes({name: value for name, value in event.items() if name != "id"}), CONTENT_TYPE
    yield _bytes(event | {"padding": "x" * MAX_BODY_BYTES}), CONTENT_TYPE
    depth = MAX_DEPTH + 1
    yield b'{"specversion": "1.0", "data": ' + b"[" * depth + b"]" * depth + b"}", CONTENT_TYPE
    yield _bytes(known | {"data": known["data"] | {"title": "another body"}}), CONTENT_TYPE


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
