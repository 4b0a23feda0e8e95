"""What every service runs beside its own entrypoints, and the container that holds it all."""

import threading
import time
from collections.abc import Iterable
from functools import partial

from nameko.constants import WEB_SERVER_CONFIG_KEY
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.utils.concurrency import SpawningProxy
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime import Runtime
from shared.spine.broker import BrokerError
from shared.spine.entrypoints import handlers_of
from shared.spine.entrypoints.door import Http
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.entrypoints.upkeep import Answers, DeadLetters, Upkeep
from shared.spine.parking.retries import retry_next
from shared.spine.relay import LANES, Relay, RelayError, republish_all
from shared.telemetry import RELAY_FAILURES

SWEEP_SECONDS = 1.0
REST_SECONDS = 0.02  # at most; a relay of single events that never rested would take a whole core


class Spine(Loops, DependencyProvider):
    """What every service runs beside its own entrypoints: HTTP, relays, parked retries."""

    http = Http()

    def setup(self) -> None:
        """Open the door first: requests are accepted whatever the broker does."""
        runtime = self.runtime
        self._relays = {lane: Relay(runtime, lane) for lane in LANES}
        self._wakes = {lane: threading.Event() for lane in LANES}
        runtime.database.on_recorded = self._wake
        self._handlers = handlers_of(self.service_instance())
        if runtime.broker.forgets:
            republish_all(runtime.database)

    def loops(self) -> list[tuple[str, Work]]:
        """A relay for each lane, and the parked retries."""
        relays = [(f"relay {lane}", partial(self._publish, lane)) for lane in LANES]
        return [*relays, ("parked", self._retry)]

    def start(self) -> None:
        """HTTP and the loops."""
        self.http.start()
        super().start()

    def stop(self) -> None:
        """The loops; nameko stops HTTP."""
        self._wake(LANES)
        super().stop()
        for relay in self._relays.values():
            relay.close()

    def _wake(self, lanes: Iterable[str]) -> None:
        for lane in lanes:
            self._wakes[lane].set()

    def _publish(self, lane: str) -> None:
        """Publish until nothing more waits; rest as long as that took, and wait to be woken."""
        began = time.monotonic()
        try:
            self._relays[lane].publish_window()
            while self._relays[lane].is_behind and not self.stopping.is_set():
                self._relays[lane].publish_window()
        except RelayError as error:
            RELAY_FAILURES.labels(self.runtime.service, error.kind).inc()
            raise
        except (BrokerError, SQLAlchemyError):
            RELAY_FAILURES.labels(self.runtime.service, "connection").inc()
            raise
        ended = time.monotonic()
        self._wakes[lane].wait(SWEEP_SECONDS)
        rested = ended + min(REST_SECONDS, ended - began)
        self.stopping.wait(max(0.0, rested - time.monotonic()))
        self._wakes[lane].clear()

    def _retry(self) -> None:
        if not retry_next(self.runtime.database, self._handlers, self.runtime.clock):
            self.stopping.wait(SWEEP_SECONDS)


def host(service_cls: type, runtime: Runtime) -> ServiceContainer:
    """A container that runs the service with all it needs, not yet started."""
    common = {
        "spine": Spine(), "upkeep": Upkeep(), "answers": Answers(), "dead_letters": DeadLetters(),
    }  # fmt: skip
    hosted = type(service_cls.__name__, (service_cls,), common)
    settings = runtime.settings
    address = f"{settings.http_host}:{settings.http_port_of(runtime.service)}"
    config = {"runtime": runtime, WEB_SERVER_CONFIG_KEY: address}
    return ServiceContainer(hosted, config)


def stop_all(containers: Iterable[ServiceContainer]) -> None:
    """Stop all side by side: each finishes what it has in hand."""
    SpawningProxy(containers).stop()
