"""Threads of a container that never die of an error and finish what they have in hand.

A thread that met an error logs, waits and goes on, because a container that exits when the broker
is away would take the HTTP door with it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime import Runtime
from shared.spine.broker import BrokerError
from shared.spine.faults import ENDING, only_errors
from shared.spine.inbox import DatabaseAwayError
from shared.spine.relay import RelayError

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 3.0  # consuming again well within 10 s of a broker's return
_log = structlog.get_logger(__name__)
Work = Callable[[], None]


class Loops:
    """Runs each of `loops()` over and over in a thread of its own until told to stop."""

    container: Any

    def loops(self) -> Sequence[tuple[str, Work]]:
        """Name and one stretch of work for each thread; the work may raise."""
        raise NotImplementedError

    @property
    def runtime(self) -> Runtime:
        """What the container was given to run on."""
        runtime: Runtime = self.container.config["runtime"]
        return runtime

    def start(self) -> None:
        """Begin."""
        self.stopping = threading.Event()
        self._threads = {
            name: self.container.spawn_managed_thread(
                partial(self._run, name, work), identifier=name
            )
            for name, work in self.loops()
        }
        self.runtime.loops.append(self)

    def dead(self) -> list[str]:
        """The loops that ended though nobody had them stopped."""
        if self.stopping.is_set():
            return []
        return [name for name, thread in self._threads.items() if thread.dead]

    def stop(self) -> None:
        """Let each stretch in hand finish."""
        self.stopping.set()
        for thread in self._threads.values():
            thread.wait()

    def _run(self, name: str, work: Work) -> None:
        wait = FIRST_WAIT_SECONDS
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                with only_errors(*ENDING):
                    work()
                wait = FIRST_WAIT_SECONDS
            except (BrokerError, RelayError, DatabaseAwayError, SQLAlchemyError) as error:
                if time.monotonic() - began > LONGEST_WAIT_SECONDS:
                    wait = FIRST_WAIT_SECONDS
                _log.warning("waiting", loop=name, error=str(error)[:300], seconds=wait)
                self.stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            except Exception:
                _log.exception("loop-failed", loop=name)
                self.stopping.wait(LONGEST_WAIT_SECONDS)

    def service_instance(self) -> Any:
        """A service object of our own, as nameko makes one a worker."""
        service = self.container.service_cls()
        service.runtime = self.runtime
        return service
