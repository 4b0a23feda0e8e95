"""RabbitMQ's definitions: the whole topology, and for every user the least rights it works with.

Importing them adds and never removes; it sets no passwords but those given.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.catalogue import (
    AGENCY_RECEIPT,
    CATALOGUE,
    INSPECTION,
    PARTNER_EVENTS,
    PARTNER_RECEIPTS,
    SERVICES,
)
from shared.errors import LaurelError
from shared.spine.broker.topology import (
    DEAD_LETTERS,
    Queue,
    Topology,
    conversation_queue,
    receipts_queue,
)

NOTHING = "^$"
HASHING = "rabbit_password_hashing_sha256"


@dataclass(frozen=True)
class User:
    """What one user may configure, write and read; `topics` maps exchanges to keys likewise."""

    name: str
    configure: str
    write: str
    read: str
    topics: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def service_user(service: str, queues: Sequence[Queue]) -> User:
    """Declares and reads its own queues, binds them to what it consumes, publishes its own events.

    Declaring a queue that dead-letters needs the right to write dead letters: its own alone.
    """
    own = [rf"evt-[a-z]+-[a-z._]+--{service}\.[a-z_]+", conversation_queue(service).name]
    consumed = _keys_by_exchange(
        queue for queue in queues if queue.service == service and queue.exchange != DEAD_LETTERS
    )
    published = {
        f"{service}.events": _exactly(
            {*_events_of(service), *_keys_on(f"{service}.events", queues)}
        ),
        DEAD_LETTERS: _exactly([service]),
    }
    if service in AGENCY_RECEIPT.owners:
        own.append("receipts--.+")
        consumed[PARTNER_RECEIPTS] = r"^agency\.[^.]+\.#$"
        published[PARTNER_RECEIPTS] = r"^agency\.[^.]+\.receipt$"
    topics = {
        exchange: (published.get(exchange, NOTHING), consumed.get(exchange, NOTHING))
        for exchange in sorted({*published, *consumed})
    }
    return User(
        name=service,
        configure=_any(own),
        write=_any([*own, *map(re.escape, published)]),
        read=_any([*own, f"dead--{service}", *map(re.escape, consumed)]),
        topics=topics,
    )


def agency_user(code: str) -> User:
    """Publishes under its own keys, reads its own receipts, declares nothing."""
    return User(
        name=f"agency-{code}",
        configure=NOTHING,
        write=_exactly([PARTNER_EVENTS]),
        read=_exactly([receipts_queue(code, INSPECTION).name]),
        topics={PARTNER_EVENTS: (rf"^agency\.{re.escape(code)}\..+$", NOTHING)},
    )


def definitions(
    topology: Topology, vhost: str, agencies: Sequence[str], passwords: Mapping[str, str]
) -> dict[str, Any]:
    """What `rabbitmqctl import_definitions` reads; users whose password is not given must exist.

    Raises LaurelError for a password of somebody else.
    """
    users = [service_user(name, topology.queues) for name in SERVICES]
    users += [agency_user(code) for code in agencies]
    names = [user.name for user in users]
    if strangers := sorted(set(passwords) - set(names)):
        raise LaurelError(f"Passwords for {strangers}, but the users are {names}.")
    receipts = [receipts_queue(code, INSPECTION) for code in agencies]
    queues = [*topology.queues, *receipts]
    there = {"vhost": vhost, "durable": True, "auto_delete": False}
    return {
        "users": [_login(name, password) for name, password in passwords.items()],
        "vhosts": [{"name": vhost}],
        "permissions": [_permission(user, vhost) for user in users],
        "topic_permissions": [row for user in users for row in _topic_permissions(user, vhost)],
        "exchanges": [
            {"name": name, "type": "topic", "internal": False, "arguments": {}} | there
            for name in topology.exchanges
        ],
        "queues": [
            {"name": queue.name, "arguments": dict(queue.arguments)} | there for queue in queues
        ],
        "bindings": [
            _binding(exchange, queue.name, key, vhost)
            for queue in queues
            for exchange, key in queue.bindings
        ],
    }


def _events_of(service: str) -> list[str]:
    return [name for name, event in CATALOGUE.items() if service in event.owners]


def _keys_on(exchange: str, queues: Iterable[Queue]) -> set[str]:
    return {key for queue in queues for bound_to, key in queue.bindings if bound_to == exchange}


def _keys_by_exchange(queues: Iterable[Queue]) -> dict[str, str]:
    keys: dict[str, set[str]] = {}
    for queue in queues:
        for exchange, key in queue.bindings:
            keys.setdefault(exchange, set()).add(key)
    return {exchange: _exactly(keys[exchange]) for exchange in sorted(keys)}


def _exactly(names: Iterable[str]) -> str:
    return _any(map(re.escape, sorted(names)))


def _any(patterns: Iterable[str]) -> str:
    return f"^({'|'.join(patterns)})$"


def _login(name: str, password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    hashed = base64.b64encode(salt + digest).decode()
    return {"name": name, "password_hash": hashed, "hashing_algorithm": HASHING, "tags": ""}


def _permission(user: User, vhost: str) -> dict[str, str]:
    rights = {"configure": user.configure, "write": user.write, "read": user.read}
    return {"user": user.name, "vhost": vhost} | rights


def _topic_permissions(user: User, vhost: str) -> list[dict[str, str]]:
    return [
        {"user": user.name, "vhost": vhost, "exchange": exchange, "write": write, "read": read}
        for exchange, (write, read) in user.topics.items()
    ]


def _binding(exchange: str, queue: str, key: str, vhost: str) -> dict[str, Any]:
    return {
        "source": exchange, "vhost": vhost, "destination": queue, "destination_type": "queue",
        "routing_key": key, "arguments": {},
    }  # fmt: skip
