"""All four services on one temporary stack, without processes, for tests: `Laurel.settle()`.

Real databases, real queues (memory or RabbitMQ), the real HTTP application; only the threads are
missing: `settle` runs relays, consumers and timers by turns until nothing moves any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import Client

from shared.catalogue import SERVICES
from shared.clock import RehearsalClock
from shared.runtime import Runtime
from shared.server import runtime_for, service_class
from shared.settings import Settings
from shared.spine import migrate, parking
from shared.spine.broker import Broker, Consumer, broker_at
from shared.spine.database import Database
from shared.spine.entrypoints import (
    Consuming,
    EventHandler,
    Timer,
    entrypoints_of,
    handlers_of,
    take_partner_messages,
    topology_from,
)
from shared.spine.inbox import handle_batch
from shared.spine.relay import Relay
from shared.spine.tables import parked
from shared.web.access import issue_token, load_or_create_key
from shared.web.app import WebApp

START = datetime.fromisoformat("2020-10-12T09:00:00+08:00")


class Laurel:
    """A whole Laurel in a directory; a context manager."""

    def __init__(
        self, directory: Path, environ: Mapping[str, str] | None = None,
        classes: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        self.clock = RehearsalClock(directory / "clock.json")
        self.clock.set(START)
        defaults = {
            "LAUREL_DATABASE_URL": f"sqlite:///{directory}/{{service}}.sqlite3",
            "LAUREL_CLOCK": str(self.clock.path),
            "LAUREL_JWT_KEY": str(directory / "token-key.json"),
            "LAUREL_STATUS_KEY": str(directory / "status-key.json"),
        }
        self.settings = Settings.from_environ(defaults | dict(environ or {}))
        self.broker: Broker = broker_at(self.settings.broker_url)
        self._classes = list(classes or map(service_class, SERVICES))
        self.topology = topology_from(self._classes)
        self.services = {cls.name: self._service(cls) for cls in self._classes}
        self._relays = {name: self._relay(service) for name, service in self.services.items()}
        self._consumers = list(self._open_consumers())

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
        moved = sum(relay.publish_window() for relay in self._relays.values())
        for consumer, take in self._consumers:
            if deliveries := consumer.receive(200, self._patience):
                take(deliveries)
                consumer.ack(deliveries[-1])
                moved += len(deliveries)
        return moved + self.tick()

    def tick(self) -> int:
        """Fire every timer once; returns how much they did."""
        done = 0
        for service in self.services.values():
            for name, entrypoint in entrypoints_of(type(service)):
                if isinstance(entrypoint, Timer):
                    entrypoint.method_name = name
                    done += entrypoint.fire(service)
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
            parking.retry_due(service.runtime.database, handlers_of(service), self.clock)
            for service in self.services.values()
        )

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
        """A client of that service's real WSGI application."""
        return Client(WebApp(self.services[service], self.runtime(service)))

    def token(self, role: str, **claims: Any) -> dict[str, str]:
        """Headers with a bearer token for that role."""
        key = load_or_create_key(Path(self.settings.jwt_key))
        token = issue_token(key, self.settings, role=role, **claims)
        return {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        """Give channels and connections up."""
        for consumer, _take in self._consumers:
            consumer.close()
        for relay in self._relays.values():
            relay.close()
        for service in self.services.values():
            service.runtime.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def _patience(self) -> float:
        return 0.0 if self.broker.forgets else 0.02

    def _service(self, cls: Any) -> Any:
        migrate.migrate(Database(cls.name, self.settings.database_url))
        service = cls()
        service.runtime = runtime_for(cls.name, self.settings, self.broker, self.clock)
        return service

    def _relay(self, service: Any) -> Relay:
        return Relay(service.runtime.database, self.broker, self.topology, window=500)

    def _open_consumers(self) -> Iterator[tuple[Consumer, Callable[[list[Any]], None]]]:
        self.broker.declare(self.topology)
        for service in self.services.values():
            for name, entrypoint in entrypoints_of(type(service)):
                if isinstance(entrypoint, Consuming):
                    entrypoint.method_name = name
                    for queue in entrypoint.queues(service.name):
                        take = self._taker(service, name, isinstance(entrypoint, EventHandler))
                        yield self.broker.consumer(queue.name, 400), take

    def _taker(self, service: Any, method: str, is_event: bool) -> Callable[[list[Any]], None]:
        if not is_event:
            return lambda deliveries: take_partner_messages(service, method, deliveries)
        handler = handlers_of(service)[f"{service.name}.{method}"]
        database = service.runtime.database
        return lambda deliveries: handle_batch(database, handler, deliveries, self.clock)
