"""Starts services in this process: settings, clock, database, broker, container. Nothing else."""

import importlib
import signal
import threading
from collections.abc import Sequence
from typing import Any

import structlog

from shared.catalogue import SERVICES
from shared.clock import Clock, clock_from
from shared.errors import LaurelError
from shared.runtime import Runtime
from shared.settings import Settings
from shared.spine import migrate, parking
from shared.spine.broker import Broker, Topology, broker_at
from shared.spine.database import Database
from shared.spine.entrypoints import topology_from
from shared.spine.entrypoints.host import host

_log = structlog.get_logger(__name__)


def service_class(name: str) -> Any:
    """The nameko class of one service, found by its name; services are never imported otherwise."""
    module = importlib.import_module(f"services.{name}.service")
    return next(item for item in vars(module).values() if getattr(item, "name", None) == name)


def whole_topology() -> Topology:
    """What all four services need together; declared before anything is published."""
    return topology_from([service_class(name) for name in SERVICES])


def runtime_for(service: str, settings: Settings, broker: Broker, clock: Clock) -> Runtime:
    """What one service runs on; raises SchemaVersionError or SettingError if it must not start."""
    database = Database(service, settings.database_url)
    migrate.check(database)
    database.follow_clock(clock.kind)
    return Runtime(
        settings=settings, clock=clock, database=database, broker=broker, service=service
    )


class Server:
    """Some services of one process, from start to stop."""

    def __init__(self, names: Sequence[str], settings: Settings) -> None:
        """Check everything that could be wrong before anything is started."""
        parking.PATIENCE = parking.Patience(
            settings.parked_attempts, settings.retry_base_seconds, settings.retry_cap_seconds
        )
        self.clock = clock_from(settings.clock)
        timeout = settings.confirm_timeout_seconds
        self.broker = broker_at(settings.broker_url, confirm_timeout=timeout)
        topology = whole_topology()
        self.runtimes = {
            name: runtime_for(name, settings, self.broker, self.clock) for name in names
        }
        self.containers = {
            name: host(service_class(name), runtime, topology)
            for name, runtime in self.runtimes.items()
        }

    def start(self) -> None:
        """Open the doors and begin to consume; raises LaurelError when a port is taken."""
        if self.broker.forgets:
            self.broker.declare(whole_topology())
        for name, container in self.containers.items():
            try:
                container.start()
            except OSError as error:
                raise LaurelError(
                    f"The {name} service cannot listen: {error}. Free the port or set "
                    "LAUREL_HTTP_PORT to the first of four free ports."
                ) from error
            _log.info("started", service=name, clock=self.clock.kind)

    def stop(self) -> None:
        """Finish what is in hand, then end."""
        for name, container in self.containers.items():
            container.stop()
            _log.info("stopped", service=name)

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT."""
        asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.set())
        self.start()
        asked.wait()
        self.stop()
