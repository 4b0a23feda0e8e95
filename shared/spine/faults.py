"""What may go wrong in code that the spine calls: always an Exception, whatever was raised."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from greenlet import GreenletExit

_log = structlog.get_logger(__name__)


class EscapedError(Exception):
    """Something that is no Exception: a timeout of eventlet, SystemExit, a panic of an extension.

    Left alone it would end the thread that called, and with it all that this thread does.
    """


@contextmanager
def only_errors() -> Iterator[None]:
    """Let out nothing else, but for the two that mean that this thread is to end."""
    try:
        yield
    except (Exception, GreenletExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise EscapedError(f"{type(error).__name__}: {error}") from error


@contextmanager
def contained(event: str, **told: object) -> Iterator[None]:
    """Log what is raised and go on; its words are left out, as they may hold personal data."""
    try:
        with only_errors():
            yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}"
        _log.error(event, error=type(error).__name__, where=where, **told)
