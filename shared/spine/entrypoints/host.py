"""What every service runs beside its own entrypoints, and the container that holds it all."""

import threading
from typing import Any

import structlog
from nameko.constants import WEB_SERVER_CONFIG_KEY
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.web.server import WebServer
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime import Runtime
from shared.spine import gauges, parking
from shared.spine.broker import BrokerError, Topology
from shared.spine.entrypoints import handlers_of
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.relay import Relay, RelayError, republish_all
from shared.telemetry import RELAY_FAILURES
from shared.web.app import WebApp

SWEEP_SECONDS = 1.0
GAUGE_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class Http(WebServer):
    """nameko's web server with our WSGI application; a client that hangs up is no reason to die."""

    def get_wsgi_app(self) -> WebApp:
        """All routes of the service."""
        service = self.container.service_cls()
        runtime = service.runtime = self.container.config["runtime"]
        return WebApp(service, runtime)

    def process_request(self, sock: Any, address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request(sock, address)
        except OSError as error:
            _log.debug("connection-lost", error=str(error))


class Spine(Loops, DependencyProvider):
    """What every service runs beside its own entrypoints: HTTP, relay, parked retries, gauges."""

    http = Http()

    def setup(self) -> None:
        """Open the door first: requests are accepted whatever the broker does."""
        runtime, config = self.runtime, self.container.config
        self._wake = threading.Event()
        runtime.database.on_recorded = self._wake.set
        window = runtime.settings.relay_window
        self._relay = Relay(runtime.database, runtime.broker, config["topology"], window=window)
        self._handlers = handlers_of(self.service_instance())
        if runtime.broker.forgets:
            republish_all(runtime.database)

    def loops(self) -> list[tuple[str, Work]]:
        """Relay, parked retries, gauges."""
        return [("relay", self._publish), ("parked", self._retry), ("gauges", self._measure)]

    def start(self) -> None:
        """HTTP and the loops."""
        self.http.start()
        super().start()

    def stop(self) -> None:
        """The loops; nameko stops HTTP."""
        self._wake.set()
        super().stop()
        self._relay.close()

    def _publish(self) -> None:
        try:
            while self._relay.publish_window():
                pass
        except RelayError as error:
            RELAY_FAILURES.labels(self.runtime.service, error.kind).inc()
            raise
        except (BrokerError, SQLAlchemyError):
            self._relay.close()
            RELAY_FAILURES.labels(self.runtime.service, "connection").inc()
            raise
        self._wake.wait(SWEEP_SECONDS)
        self._wake.clear()

    def _retry(self) -> None:
        runtime = self.runtime
        parking.retry_due(runtime.database, self._handlers, runtime.clock)
        self.stopping.wait(SWEEP_SECONDS)

    def _measure(self) -> None:
        gauges.measure(self.runtime.database)
        self.stopping.wait(GAUGE_SECONDS)


def host(service_cls: type, runtime: Runtime, topology: Topology) -> ServiceContainer:
    """A container that runs the service with all it needs, not yet started."""
    hosted = type(service_cls.__name__, (service_cls,), {"spine": Spine()})
    settings = runtime.settings
    address = f"{settings.http_host}:{settings.http_port_of(runtime.service)}"
    config = {"runtime": runtime, "topology": topology, WEB_SERVER_CONFIG_KEY: address}
    return ServiceContainer(hosted, config)
