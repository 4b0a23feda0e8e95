"""What may go wrong in code that the spine calls: always an Exception, whatever was raised."""

from collections.abc import Iterator
from contextlib import contextmanager

from greenlet import GreenletExit


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
