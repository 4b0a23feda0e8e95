"""Timers: everything that waits is a row with a due time; any replica may act on it, once."""

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Select, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.spine.faults import only_errors
from shared.spine.patience import Patience
from shared.telemetry import TIMER_FAILURES

BATCH = 50
PATIENCE = Patience()
_log = structlog.get_logger(__name__)

# Of each database, what failed here: how often, and when (monotonic) it is tried again.
_failed: WeakKeyDictionary[Any, dict[Any, tuple[int, float]]] = WeakKeyDictionary()


def each_due(session: Session, statement: Select[Any], act: Callable[[Any], None]) -> int:
    """Act on each due row of the statement, in a savepoint of its own; returns how many succeeded.

    Rows are locked and skipped by other replicas. One that fails is logged and counted, stays due,
    is tried again ever more rarely, and costs only itself.
    """
    done = passed_over = 0
    while not done and (due := session.scalars(_batch(statement, passed_over)).all()):
        for row in due:
            if _succeeds(session, row, act):
                done += 1
            else:
                passed_over += 1
    return done


def _succeeds(session: Session, row: Any, act: Callable[[Any], None]) -> bool:
    failed = _failed.setdefault(session.get_bind(), {})
    key = inspect(row).identity_key
    tries, again_at = failed.get(key, (0, 0.0))
    if time.monotonic() < again_at:
        return False
    try:
        with session.begin_nested(), only_errors():
            act(row)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        wait = PATIENCE.delay(tries + 1).total_seconds()
        failed[key] = (tries + 1, time.monotonic() + wait)
        TIMER_FAILURES.labels(session.info["service"], inspect(row).mapper.local_table.name).inc()
        _log.exception("timer-row-failed", row=key[1], tries=tries + 1)
        return False
    failed.pop(key, None)
    return True


def _batch(statement: Select[Any], passed_over: int) -> Select[Any]:
    """The next rows past those that fail, so that no number of bad rows starves a good one."""
    return statement.offset(passed_over).limit(BATCH).with_for_update(skip_locked=True)
