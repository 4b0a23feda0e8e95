"""Starts services in this process: settings, clock, database, broker, container. Nothing else."""

import gc
import importlib
import signal
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from shared.catalogue import NOTIFICATION, SERVICES
from shared.clock import Clock, clock_from
from shared.errors import LaurelError, SettingError
from shared.runtime import Runtime
from shared.settings import Settings
from shared.spine import migrate
from shared.spine.broker import Broker, Topology
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database
from shared.spine.entrypoints import topology_from
from shared.spine.entrypoints.host import host, stop_all
from shared.spine.patience import Patience
from shared.telemetry import REHEARSAL
from shared.web.access import load_or_create_key

_log = structlog.get_logger(__name__)


def service_class(name: str) -> Any:
    """The nameko class of one service, found by its name; services are never imported otherwise."""
    module = importlib.import_module(f"services.{name}.service")
    return next(item for item in vars(module).values() if getattr(item, "name", None) == name)


def whole_topology(services: Sequence[str] = SERVICES) -> Topology:
    """What these services need together, all four unless said; declared before all publishing."""
    return topology_from([service_class(name) for name in services])


def runtime_for(
    service: str, settings: Settings, broker: Broker, clock: Clock, topology: Topology
) -> Runtime:
    """What one service runs on; raises SchemaVersionError or SettingError if it must not start."""
    patience = Patience(
        settings.parked_attempts, settings.retry_base_seconds, settings.retry_cap_seconds
    )
    database = Database(service, settings.database_url, patience)
    migrate.check(database)
    database.follow_clock(clock.kind)
    return Runtime(settings, clock, database, broker, topology, service)


class ContainerError(LaurelError):
    """A container ended though nobody asked it to; whoever started this process may start anew."""

    slug = "container-ended"
    status = 500


class Server:
    """Some services of one process, from start to stop."""

    def __init__(self, names: Sequence[str], settings: Settings) -> None:
        """Check everything that could be wrong before anything is started."""
        _check_host(settings)
        self.clock = clock_from(settings.clock)
        timeout = settings.confirm_timeout_seconds
        self.broker = broker_at(settings.broker_url, confirm_timeout=timeout)
        topology = whole_topology()
        self.runtimes = {
            name: runtime_for(name, settings, self.broker, self.clock, topology) for name in names
        }
        self.containers = {
            name: host(service_class(name), runtime) for name, runtime in self.runtimes.items()
        }
        _check_tokens(settings)
        _check_keys(names, settings)
        for name in names:
            _check_port(name, settings)

    def start(self) -> None:
        """Open the doors and begin to consume."""
        if self.broker.forgets:
            self.broker.declare(whole_topology())
        for name, container in self.containers.items():
            container.start()
            REHEARSAL.labels(name).set(self.clock.kind == "rehearsal")
            _log.info("started", service=name, clock=self.clock.kind)
        gc.collect()
        gc.freeze()  # what is there now stays: else each full collection stops all threads for it

    def stop(self) -> None:
        """Finish what is in hand, then end."""
        stop_all(self.containers.values())
        for name in self.containers:
            _log.info("stopped", service=name)

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT; raises ContainerError when a container ended by itself."""
        asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.set())
        self.start()
        with ThreadPoolExecutor(len(self.containers)) as watchers:
            ends = {name: watchers.submit(one.wait) for name, one in self.containers.items()}
            for end in ends.values():
                end.add_done_callback(lambda _: asked.set())
            asked.wait()
            self.stop()
        for name, end in ends.items():
            if error := end.exception():
                raise ContainerError(f"The {name} service ended by itself: {error!r}.") from error


def _check_host(settings: Settings) -> None:
    if ":" in settings.http_host:
        raise SettingError(
            f"LAUREL_HTTP_HOST: {settings.http_host} is an IPv6 address, which the HTTP server "
            "does not take; give an IPv4 address or a name."
        )


def _check_tokens(settings: Settings) -> None:
    """Raise SettingError if others could come in by a key that lies in a file of ours."""
    if not settings.jwks_url and not settings.is_local:
        raise SettingError(
            f"LAUREL_HTTP_HOST: {settings.http_host} can be called from elsewhere, and development "
            "tokens must open nothing there; set LAUREL_JWKS_URL to your issuer's key set, or "
            "listen on 127.0.0.1."
        )


def _check_keys(names: Sequence[str], settings: Settings) -> None:
    if not settings.jwks_url:
        load_or_create_key(Path(settings.jwt_key))
    if NOTIFICATION in names:
        load_or_create_key(Path(settings.status_key))


def _check_port(name: str, settings: Settings) -> None:
    """Raise SettingError if the port is taken: eventlet would share it (SO_REUSEPORT)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.http_host, settings.http_port_of(name)))
        except socket.gaierror as error:
            raise SettingError(
                f"LAUREL_HTTP_HOST: {settings.http_host} is no address of this machine."
            ) from error
        except OSError as error:
            raise SettingError(
                f"The {name} service cannot listen: {error}. Free the port or set "
                "LAUREL_HTTP_PORT to the first of four free ports."
            ) from error
