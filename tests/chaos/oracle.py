"""The oracle: set algebra over the ledgers, read straight from the databases.

Committed outbox rows, inbox rows, effects, parked rows and what is public; a finding names the check
that is broken and some of what breaks it.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from shared.catalogue import SERVICES
from shared.server import whole_topology
from tests.chaos.poison import HANDLER

LOST, TWICE, UNPUBLISHED = "lost", "effect twice", "unpublished"
GHOST, HALF = "handled but never published", "effect and inbox differ"
STUCK, UNEXPLAINED, BOTH = "still waiting parked", "parked rows differ", "parked though handled"
STATE, UNPARKED = "public state differs", "poison not parked"
ASIDE = ("BAIT", "CANARY", "chaos:")

PUBLIC = {
    "intake": {
        "applications": "SELECT project, state, epoch, title FROM applications",
        "bars": "SELECT project, is_barred FROM revocation_bars",
        "acknowledged": "SELECT project, epoch FROM acknowledgements",
    },
    "scoring": {
        "entries": "SELECT project, state, epoch, score_text, rank FROM entries",
        "acknowledged": "SELECT project, epoch FROM acknowledgements",
    },
    "inspection": {
        "projects": "SELECT project, state, epoch FROM projects",
        "revocations": "SELECT project, epoch, ground FROM revocations",
        "ledger": "SELECT project, epoch, outlet FROM ledger",
        "tasks": "SELECT project, kind, ground, summary FROM tasks",
        "inspections": "SELECT project, method, stage, outcome FROM inspections",
        "messages": "SELECT status, code FROM messages",
    },
    "notification": {
        "register": "SELECT id, state, epoch, title FROM projects",
        "status list": "SELECT project, status FROM status_slots",
        "circulars": "SELECT project, epoch, kind FROM circulars",
        "acknowledged": "SELECT project, epoch, outlet FROM acknowledgements",
        "deliveries": "SELECT project, epoch, outlet, cause_type, state FROM deliveries",
    },
}


@dataclass(frozen=True)
class Finding:
    """One broken check: how many things break it, and a few of them."""

    check: str
    count: int
    examples: tuple

    def __str__(self):
        return f"{self.check}: {self.count}, for example {self.examples[:3]}"


@dataclass
class Ledgers:
    """What the databases of one run say; pairs are (handler, event id)."""

    published: set = field(default_factory=set)
    unpublished: list = field(default_factory=list)
    events: int = 0
    pairs: set = field(default_factory=set)
    inbox: set = field(default_factory=set)
    effects: Counter = field(default_factory=Counter)
    parked: list = field(default_factory=list)
    public: dict = field(default_factory=dict)

    def held(self):
        """Distinct parked messages that wait for an operator, by handler and error."""
        kept = {(row.handler, row.error, row.digest) for row in self.parked if row.state == "held"}
        return Counter((handler, error) for handler, error, _digest in kept)


@dataclass(frozen=True)
class Parked:
    """One parked row."""

    handler: str
    event_id: str | None
    state: str
    error: str
    digest: str


def subscriptions(topology):
    """Handlers by (exchange, routing key), as the queues are bound."""
    found = {}
    for queue in topology.queues:
        if queue.name.startswith("evt-") and not queue.exchange.startswith("partner"):
            handler = queue.name.rpartition("--")[2]
            found.setdefault((queue.exchange, queue.routing_key), set()).add(handler)
    return found


def read(query, services=SERVICES, topology=None, public=PUBLIC):
    """The ledgers; `query(service, sql)` gives rows."""
    ledgers, bound = Ledgers(), subscriptions(topology or whole_topology())
    for service in services:
        rows = query(
            service, "SELECT event_id, exchange, routing_key, published_at IS NULL FROM outbox"
        )
        for event_id, exchange, key, waits in rows:
            ledgers.events += 1
            ledgers.unpublished += [event_id] if waits else []
            ledgers.published.add(event_id)
            ledgers.pairs |= {(handler, event_id) for handler in bound.get((exchange, key), ())}
        ledgers.unpublished += query(service, "SELECT position, routing_key FROM replays")
        ledgers.inbox |= set(query(service, "SELECT handler, event_id FROM inbox"))
        ledgers.effects.update(query(service, "SELECT handler, event_id FROM chaos_effects"))
        columns = "handler, event_id, state, error, md5(body)"
        ledgers.parked += [Parked(*row) for row in query(service, f"SELECT {columns} FROM parked")]
        for name, sql in public.get(service, {}).items():
            rows = [row for row in query(service, sql) if not _is_aside(row)]
            ledgers.public[f"{service} {name}"] = Counter(rows)
    return ledgers


def check(ledgers, calm=None):
    """Every broken check; with the ledgers of a calm run also what differs from it."""
    parked = {(row.handler, row.event_id) for row in ledgers.parked}
    keeping = {
        (r.handler, r.event_id) for r in ledgers.parked
        if r.state in {"waiting", "held"} and r.error != "duplicate-id"
    }  # fmt: skip
    broken = {
        LOST: ledgers.pairs - ledgers.inbox - parked,
        TWICE: {pair for pair, count in ledgers.effects.items() if count > 1},
        UNPUBLISHED: ledgers.unpublished,
        GHOST: ledgers.inbox - ledgers.pairs,
        HALF: ledgers.inbox ^ set(ledgers.effects),
        STUCK: [row for row in ledgers.parked if row.state == "waiting"],
        BOTH: keeping & ledgers.inbox,
    }
    if calm is not None:
        broken[UNEXPLAINED] = _differences(ledgers.held(), calm.held())
        broken[STATE] = [
            (name, difference)
            for name in sorted(calm.public)
            for difference in _differences(ledgers.public[name], calm.public[name])
        ]
    return [
        Finding(name, len(found), tuple(sorted(map(str, found))[:5]))
        for name, found in broken.items()
        if found
    ]


def _is_aside(row):
    """Whether a row belongs to what only one of two runs was asked: baits and canaries."""
    return any(str(value).startswith(ASIDE) for value in row)


def _differences(found, expected):
    """What there is too much (+) or too little (-) of."""
    extra = [("+", *row) for row in (found - expected).elements()]
    return extra + [("-", *row) for row in (expected - found).elements()]


def is_drained(ledgers):
    """Whether nothing is on its way any more."""
    return not [f for f in check(ledgers) if f.check in {LOST, UNPUBLISHED, STUCK}]


def check_poison(ledgers, sent):
    """What was sent as poison is parked with its bytes and its error, every one."""
    kept = {(row.handler, row.error, row.digest) for row in ledgers.parked}
    missing = [
        item.name
        for item in sent
        if (HANDLER, item.error, hashlib.md5(item.body).hexdigest()) not in kept
    ]
    return [Finding(UNPARKED, len(missing), tuple(missing))] if missing else []
