"""What came of a run, computed from the services' ledgers at the end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from shared.catalogue import PROJECT_DESIGNATED, PROJECT_REVOKED, REVOCATION_ACKNOWLEDGED, SERVICES
from shared.server import whole_topology

LONGEST = 70
PARTS = ("published", "handled", "parked")
Ledgers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """The answer of a run; times in real seconds."""

    applications: int
    recommended: int
    designated: int
    inspected: int
    failed: int
    revocations: list[dict[str, Any]]
    lost: int
    duplicates: int
    elapsed_seconds: float
    pairs: int
    refused: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    letters: int = 0
    webhooks: int = 0
    repeated: int = 0

    @property
    def funnel(self) -> dict[str, int]:
        """How many came how far."""
        return {
            "applications": self.applications,
            "recommended": self.recommended,
            "designated": self.designated,
            "inspected": self.inspected,
            "failed": self.failed,
            "revoked": len(self.revocations),
        }

    def as_dict(self) -> dict[str, Any]:
        """The answer for machines."""
        shown = ("project", "ground", "circular", "outlets")
        return {
            **self.funnel,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "revocations": [{name: line[name] for name in shown} for line in self.revocations],
        }


def read_ledgers(get: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """What every service published, handled and parked; `get(service, path, **query)` asks it."""
    return {
        service: {part: list(_every(get, service, part)) for part in PARTS}
        | {"pending": get(service, "/v1/ledger")["pending"]}
        for service in SERVICES
    }


def _every(get: Callable[..., Any], service: str, part: str) -> Iterator[Any]:
    after: str | None = ""
    while after is not None:
        page = get(service, f"/v1/ledger/{part}", after=after, limit=5000)
        yield from page["items"]
        after = page["next"]


def pairs(ledgers: Ledgers) -> set[tuple[str, str]]:
    """Every (handler, event id) that has to be: each event published, each queue bound to it."""
    subscribed: dict[tuple[str, str], list[str]] = {}
    for queue in whole_topology().queues:
        handler = queue.name.rpartition("--")[2]
        subscribed.setdefault((queue.exchange, queue.routing_key), []).append(handler)
    return {
        (handler, event_id)
        for ledger in ledgers.values()
        for event_id, exchange, routing_key, _subject in ledger["published"]
        for handler in subscribed.get((exchange, routing_key), ())
    }


def lost(ledgers: Ledgers) -> set[tuple[str, str]]:
    """The pairs that have neither an inbox row nor a parked row."""
    rows = chain.from_iterable(own["handled"] + own["parked"] for own in ledgers.values())
    return pairs(ledgers) - {(handler, event_id) for handler, event_id in rows}


def duplicates(
    ledgers: Ledgers,
    circulars: Iterable[Mapping[str, Any]],
    deliveries: Iterable[Mapping[str, Any]],
    epochs: Iterable[tuple[str, int]],
) -> int:
    """Effects beyond one for each cause.

    Revocations per epoch, circulars per decision, acknowledgements per outlet and receiver,
    designations per project, letters and webhooks per cause and addressee.
    """
    published = Counter(
        (routing_key, subject)
        for ledger in ledgers.values()
        for _id, _exchange, routing_key, subject in ledger["published"]
    )
    revoked = Counter(project for project, _epoch in epochs)
    extra = sum(
        max(0, count - (revoked[subject] if kind == PROJECT_REVOKED.name else 1))
        for (kind, subject), count in published.items()
        if kind in {e.name for e in (PROJECT_DESIGNATED, PROJECT_REVOKED, REVOCATION_ACKNOWLEDGED)}
    )
    extra += _repeated((c["project"], c["epoch"], c["kind"]) for c in circulars)
    return extra + _repeated((d["cause"], d["subscriber"]) for d in deliveries)


def pending(ledgers: Ledgers) -> int:
    """Events that no broker has confirmed yet."""
    return sum(int(ledgers[service]["pending"]) for service in SERVICES)


def _repeated(keys: Iterable[Any]) -> int:
    counts = Counter(keys)
    return counts.total() - len(counts)


def counted(items: Iterable[Mapping[str, Any]], *names: str) -> dict[str, int]:
    """How many items there are of each kind, told by these members."""
    kinds = Counter(": ".join(str(item[name])[:LONGEST] for name in names) for item in items)
    return dict(sorted(kinds.items()))
