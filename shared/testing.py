"""All four services on one temporary stack, without processes, for tests: `Laurel.settle()`.

Real databases, real queues (memory or RabbitMQ), the real HTTP application; only the threads are
missing: `settle` runs relays, consumers and timers by turns until nothing moves any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import Client

from shared.catalogue import SERVICES
from shared.clock import RehearsalClock
from shared.runtime import Runtime
from shared.server import runtime_for, service_class
from shared.settings import Settings
from shared.spine import migrate, parking, reconcile
from shared.spine.broker import Broker, Consumer, Delivery
from shared.spine.broker.choice import broker_at
from shared.spine.broker.topology import conversation_queue, dead_letter_queue
from shared.spine.context import Actor, Context
from shared.spine.conversation import Conversation
from shared.spine.database import Database
from shared.spine.deadletters import park_dead_letters
from shared.spine.entrypoints import Timer, entrypoints_of, handlers_of, inlets_of, topology_from
from shared.spine.entrypoints.consuming import Take
from shared.spine.envelope import Event
from shared.spine.parking.retries import retry_due
from shared.spine.relay import LANES, Relay
from shared.spine.tables import parked
from shared.web.access import issue_token, load_or_create_key

START = datetime.fromisoformat("2020-10-12T09:00:00+08:00")


def acting(now: datetime, cause: Event | None = None) -> Context:
    """The context of an official's act, or of what follows from an event, for one command alone."""
    context = Context(Actor("li", "official"), now)
    return context.because_of(cause) if cause else context


class Laurel:
    """A whole Laurel in a directory; a context manager."""

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str] | None = None,
        classes: Sequence[Any] | None = None,
    ) -> None:
        self.clock = RehearsalClock(directory / "clock.json")
        self.clock.set(START)
        defaults = {
            "LAUREL_DATABASE_URL": f"sqlite:///{directory}/{{service}}.sqlite3",
            "LAUREL_CLOCK": str(self.clock.path),
            "LAUREL_JWT_KEY": str(directory / "token-key.json"),
            "LAUREL_STATUS_KEY": str(directory / "status-key.json"),
        }
        self.settings = Settings.from_environ(defaults | dict(environ or {}))
        timeout = self.settings.confirm_timeout_seconds
        self.broker: Broker = broker_at(self.settings.broker_url, confirm_timeout=timeout)
        self._classes = list(classes or map(service_class, SERVICES))
        self.topology = topology_from(self._classes)
        self.services = {cls.name: self._service(cls) for cls in self._classes}
        self._apps = {name: service.wsgi_app() for name, service in self.services.items()}
        self._relays = [
            Relay(service.runtime, lane) for service in self.services.values() for lane in LANES
        ]
        self._conversations = [self._conversation(service) for service in self.services.values()]
        self._consumers = list(self._open_consumers())
        self._waiting = ThreadPoolExecutor(len(self._consumers) or 1)

    def settle(self, rounds: int = 500) -> None:
        """Deliver everything until nothing moves; raises AssertionError for what was parked."""
        for _ in range(rounds):
            if not self.turn():
                break
        else:
            raise AssertionError(f"still moving after {rounds} rounds")
        if stuck := self.parked():
            raise AssertionError(f"parked: {stuck}")

    def turn(self) -> int:
        """One round of relays, consumers and timers; returns how much moved."""
        moved = sum(relay.publish_window() for relay in self._relays)
        arrived = self._waiting.map(self._receive, [pair[0] for pair in self._consumers])
        for (consumer, take), deliveries in zip(self._consumers, list(arrived), strict=True):
            if deliveries:
                take(deliveries)
                consumer.ack(deliveries[-1])
                moved += len(deliveries)
        return moved + self.tick()

    def tick(self) -> int:
        """Fire every timer once; returns how much they did."""
        done = 0
        for service in self.services.values():
            for name, timer in entrypoints_of(type(service), Timer):
                done += timer.fire(service, name)
        return done

    def parked(self) -> list[tuple[str, str, str]]:
        """(handler, error, detail) of everything parked and not settled."""
        found: list[tuple[str, str, str]] = []
        for service in self.services:
            with self.session(service) as session:
                rows = session.execute(select(parked).where(parked.c.state.in_(parking.OPEN)))
                found += [(row.handler, row.error, row.detail) for row in rows]
        return found

    def retry_parked(self) -> int:
        """Run the parked retries that are due; returns how many were tried."""
        return sum(
            retry_due(service.runtime.database, handlers_of(service), self.clock)
            for service in self.services.values()
        )

    def reconcile(self, *, whole: bool = False, dry_run: bool = False) -> None:
        """Compare every inbox with every outbox, and deliver what was missing."""
        for name in self.services:
            with self.session(name) as session:
                reconcile.demand(session, whole=whole, dry_run=dry_run)
        for conversation in self._conversations:
            conversation.begin_due()
        self.settle()

    @contextmanager
    def session(self, service: str) -> Iterator[Session]:
        """A transaction of that service's database."""
        with self.runtime(service).database.transaction() as session:
            yield session

    def runtime(self, service: str) -> Runtime:
        """What that service runs on."""
        runtime: Runtime = self.services[service].runtime
        return runtime

    def http(self, service: str) -> Client:
        """A client of that service's real WSGI application, on this machine."""
        app = self._apps[service]
        return Client(lambda environ, start: app({"REMOTE_ADDR": "127.0.0.1"} | environ, start))

    def token(self, role: str, **claims: Any) -> dict[str, str]:
        """Headers with a bearer token for that role."""
        key = load_or_create_key(Path(self.settings.jwt_key))
        token = issue_token(key, self.settings, role=role, **claims)
        return {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        """Give channels and connections up."""
        self._waiting.shutdown()
        for consumer, _take in self._consumers:
            consumer.close()
        for relay in self._relays:
            relay.close()
        for service in self.services.values():
            service.runtime.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _receive(self, consumer: Consumer) -> list[Delivery]:
        return consumer.receive(200, 0.0 if self.broker.forgets else 0.05)

    def _service(self, cls: Any) -> Any:
        prepare(Database(cls.name, self.settings.database_url))
        service = cls()
        service.runtime = runtime_for(
            cls.name, self.settings, self.broker, self.clock, self.topology
        )
        return service

    def _conversation(self, service: Any) -> Conversation:
        conversation = Conversation(service.runtime, handlers_of(service))
        conversation.prepare()
        return conversation

    def _open_consumers(self) -> Iterator[tuple[Consumer, Take]]:
        self.broker.declare(self.topology)
        for service, conversation in zip(self.services.values(), self._conversations, strict=True):
            dead, talk = dead_letter_queue(service.name), conversation_queue(service.name)
            yield self.broker.consumer(talk.name, 400), conversation.take
            database = service.runtime.database
            yield self.broker.consumer(dead.name, 400), partial(park_dead_letters, database)
            for queue, take in inlets_of(service):
                yield self.broker.consumer(queue.name, 400), take


def prepare(database: Database) -> None:
    """Bring the database to this code's schema, a new SQLite file by copying one that has it."""
    file = Path(database.engine.url.database or "")
    if database.is_sqlite and not file.exists():
        file.write_bytes(_empty(database.service))
    else:
        migrate.migrate(database)


@cache
def _empty(service: str) -> bytes:
    """A migrated SQLite file without rows; migrating anew took most of a test's time."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "empty.sqlite3"
        database = Database(service, f"sqlite:///{file}")
        migrate.migrate(database)
        database.engine.dispose()
        return file.read_bytes()
