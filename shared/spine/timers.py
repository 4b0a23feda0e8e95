"""Timers: everything that waits is a row with a due time; any replica may act on it, once."""

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

BATCH = 50
_log = structlog.get_logger(__name__)


def each_due(session: Session, statement: Select[Any], act: Callable[[Any], None]) -> int:
    """Act on each due row of the statement, in a savepoint of its own; returns how many succeeded.

    Rows are locked and skipped by other replicas. One that fails is logged, stays due, and costs
    only itself.
    """
    done = failed = 0
    while not done and (due := session.scalars(_batch(statement, failed)).all()):
        for row in due:
            try:
                with session.begin_nested():
                    act(row)
            except DBAPIError:
                raise
            except Exception:  # one bad row must not hold the others up
                _log.exception("timer-row-failed", row=repr(row))
                failed += 1
            else:
                done += 1
    return done


def _batch(statement: Select[Any], failed: int) -> Select[Any]:
    """The next rows past those that failed, so that no number of bad rows starves a good one."""
    return statement.offset(failed).limit(BATCH).with_for_update(skip_locked=True)
