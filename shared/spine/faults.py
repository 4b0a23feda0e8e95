"""What may go wrong in code that the spine calls: always an Exception, whatever was raised."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from greenlet import GreenletExit

from shared.spine.texts import storable

_log = structlog.get_logger(__name__)


class EscapedError(Exception):
    """Something that is no Exception: a timeout of eventlet, SystemExit, a panic of an extension.

    Left alone it would end the thread that called, and with it all that this thread does.
    """


ENDING = (GreenletExit, KeyboardInterrupt)  # in a loop of ours: this thread is to end
LONGEST_WORDS = 2_000


@contextmanager
def only_errors(*let_out: type[BaseException]) -> Iterator[None]:
    """Let out nothing else, but for what is named."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if isinstance(error, let_out):
            raise
        words = storable(error, LONGEST_WORDS)
        raise EscapedError(f"{type(error).__name__}: {words}") from error


@contextmanager
def contained(event: str, **told: object) -> Iterator[None]:
    """Log what is raised and go on; its words are left out, as they may hold personal data."""
    try:
        with only_errors(*ENDING):
            yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}"
        _log.error(event, error=type(error).__name__, where=where, **told)
