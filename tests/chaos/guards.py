"""Every guard of the spine is taken away on purpose, and something must notice.

A fault is aimed at each guard twice, on the run's own broker and database: with the guard in place
every check must hold, with the guard taken away one must break. A guard that nothing misses fails
the run.
"""

from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from shared.spine.broker import BrokerError
from shared.spine.broker.link import opening
from shared.spine.relay import RelayError
from tests.chaos import oracle
from tests.chaos.effects import prepare, witness
from tests.shared.spine.conftest import Keeper, Stack
from tests.shared.spine.proxy import Proxy

SERVICES = ("intake", "scoring")
ROUNDS = 40
NAMES = [f"p{number}" for number in range(20)]
SETTINGS = {"LAUREL_CONFIRM_TIMEOUT_SECONDS": "1", "LAUREL_RECONCILE_SECONDS": "0.1"}
GUARDS = []


@dataclass(frozen=True)
class Guard:
    """How to take it away, and the fault aimed at it; `watched` are the checks that count, or all."""

    name: str
    fault: str
    removed: object
    strike: object
    watched: frozenset | None = None
    is_quick: bool = False


@dataclass
class Caught:
    """What broke without the guard, and what broke with it (which should be nothing)."""

    name: str
    fault: str
    caught_by: list = field(default_factory=list)
    with_it: list = field(default_factory=list)

    as_dict = asdict


def guard(name, fault, removed, *, watched=None, quick=False):
    """Enter a fault aimed at a guard; `removed` is a context manager of the bench."""

    def enter(strike):
        GUARDS.append(Guard(name, fault, removed, strike, watched, quick))
        return strike

    return enter


@contextmanager
def replaced(owner, name, value):
    """An attribute or an entry with another value for a while."""
    old = owner[name] if isinstance(owner, dict) else getattr(owner, name)
    put = owner.__setitem__ if isinstance(owner, dict) else lambda n, v: setattr(owner, n, v)
    put(name, value)
    try:
        yield old
    finally:
        put(name, old)


class Bench(Stack):
    """Two small services, each handler's effect witnessed, behind a proxy."""

    def __init__(self, directory, environ, proxy):
        watched = type("Watched", (Keeper,), {})
        witness(watched)
        super().__init__(directory, environ, keeper=watched)
        prepare(self.runtime("scoring").database.engine)
        prepare(self.runtime("intake").database.engine)
        self.proxy = proxy
        self.found = []

    def note(self, check, things):
        """Note what broke a check that only this fault's scene can see."""
        if things:
            self.found.append(oracle.Finding(check, len(things), tuple(things)))

    def on_queue(self, act):
        """Do something to the keeper's queue on a channel of our own."""
        with opening(self.environ["LAUREL_BROKER_URL"]) as link:
            act(link.channel)
        link.close()

    def take_all(self):
        """Everything in the keeper's queue, not acknowledged and given back."""
        consumer, found = self.consumer(), []
        while batch := consumer.receive(100, 1.0):
            found += batch
        consumer.close()
        return found

    def relay_some(self, relay=None, times=3):
        """Publish; what fails is tried again, as a relay's loop does."""
        for one in [relay] if relay else self.relays():
            for _ in range(times):
                try:
                    one.publish_window()
                except (RelayError, BrokerError):
                    continue

    def drain(self):
        """Turn until nothing moves, whatever the relays meet."""
        quiet = 0
        for _ in range(ROUNDS):
            self.make_due()
            try:
                moved = self.turn() + self.retry_parked()
            except (RelayError, BrokerError, SQLAlchemyError):
                continue
            quiet = 0 if moved else quiet + 1
            if quiet == 3:
                return

    def findings(self):
        """What the oracle says of the two ledgers."""
        ledgers = oracle.read(self._query, SERVICES, self.topology, {})
        return [*self.found, *oracle.check(ledgers)]

    def _query(self, service, sql):
        with self.session(service) as session:
            rows = session.connection().exec_driver_sql(sql).all()
        return [tuple(row) for row in rows]


def remove_each(foundation, is_short, began, say):
    """Take every guard away by turns; gives what caught each."""
    chosen = [one for one in GUARDS if one.is_quick or not is_short]
    names = [f"guard{number}{way}" for number in range(len(chosen)) for way in "ab"]
    foundation.cluster.nodes[0].add_vhosts(names)
    caught = []
    for number, one in enumerate(chosen):
        with_it = _try(foundation, one, f"guard{number}a", nullcontext)
        without = _try(foundation, one, f"guard{number}b", one.removed)
        by = [] if with_it else sorted({finding.check for finding in without})
        caught.append(Caught(one.name, one.fault, by, [str(finding) for finding in with_it]))
        told = f"red even with it: {caught[-1].with_it}" if with_it else ", ".join(by) or "NOTHING"
        say(began, f"without {one.name}: caught by {told}")
    return caught


def _try(foundation, one, name, removed):
    """The findings under the fault; `removed` takes the guard away, or nothing."""
    directory = foundation.home / name
    directory.mkdir()
    foundation.postgres.create_databases([f"{name}_{service}" for service in SERVICES])
    proxy = Proxy(*(node.port for node in foundation.cluster.nodes))
    environ = SETTINGS | {
        "LAUREL_BROKER_URL": proxy.url(foundation.cluster.url(name)),
        "LAUREL_DATABASE_URL": foundation.postgres.url(f"{name}_{{service}}"),
    }
    try:
        with Bench(directory, environ, proxy) as bench:
            arguments = (bench,) if removed is not nullcontext else ()
            with removed(*arguments):
                one.strike(bench)
                bench.drain()
            found = bench.findings()
    finally:
        proxy.close()
    return [item for item in found if one.watched is None or item.check in one.watched]
