"""How we wait for PostgreSQL: other green threads go on meanwhile, and no wait is for ever.

eventlet's own way knows no bounds: whoever asks a frozen server would never hear of it again
(psycopg.org/docs/advanced.html#support-for-coroutine-libraries).
"""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eventlet import hubs, patcher
from psycopg2 import OperationalError, extensions

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 35.0  # the server gives up a statement before that, and says why
AT_ONCE_MS = 2
CONNECTED = {extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED}
_select = patcher.original("select")  # the patched one has no poll
_limit = threading.local()


def wait_with_bounds() -> None:
    """Have every connection of this process wait as this module says."""
    extensions.set_wait_callback(_wait)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Wait no longer than this for each answer, in this thread and block."""
    _limit.seconds = seconds
    try:
        yield
    finally:
        del _limit.seconds


def _wait(connection: Any) -> None:
    connected = connection.status in CONNECTED
    usual = ANSWER_SECONDS if connected else CONNECT_SECONDS
    ends = time.monotonic() + min(usual, getattr(_limit, "seconds", usual))
    try:
        _poll(connection, ends)
    except OperationalError as error:
        if connected:
            raise
        at = extensions.parse_dsn(connection.dsn)
        where = f'connection to server at "{at.get("host")}", port {at.get("port")} failed'
        raise OperationalError(f"{where}: {error}") from error


def _poll(connection: Any, ends: float) -> None:
    while (state := connection.poll()) != extensions.POLL_OK:
        left = ends - time.monotonic()
        if left <= 0:
            raise OperationalError("PostgreSQL did not answer in time")
        _until_ready(connection.fileno(), state == extensions.POLL_READ, left)


def _until_ready(fileno: int, reads: bool, seconds: float) -> None:
    if patcher.is_monkey_patched("socket"):
        late = OperationalError("PostgreSQL did not answer in time")
        hubs.trampoline(fileno, reads, not reads, timeout=seconds, timeout_exc=late)
        return
    poll = select.poll()
    poll.register(fileno, select.POLLIN if reads else select.POLLOUT)
    poll.poll(seconds * 1000)
