"""Time, injected: the system clock, or a rehearsal clock that several processes follow.

A rehearsal clock is a small JSON file `{"offset_seconds": N}`; every process adds N to real time,
so a whole round can be rehearsed in a minute. Durations are never measured with a Clock.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.errors import SettingError


class Clock(Protocol):
    """Tells the programme's time; `kind` is `system` or `rehearsal`."""

    kind: str

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """Real time."""

    kind = "system"

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class RehearsalClock:
    """Real time plus the offset that the file holds at that moment."""

    kind = "rehearsal"

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        """The present instant of the rehearsal, aware, in UTC."""
        offset = json.loads(self.path.read_text())["offset_seconds"]
        return datetime.now(UTC) + timedelta(seconds=offset)

    def set(self, instant: datetime) -> None:
        """Move the rehearsal to `instant`, for every process that follows the file."""
        offset = (instant - datetime.now(UTC)).total_seconds()
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"offset_seconds": offset}))
        fresh.replace(self.path)


UNREADABLE = (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError)


def clock_from(setting: str) -> Clock:
    """The clock that `LAUREL_CLOCK` names; raises SettingError if its file is not there."""
    if setting == "system":
        return SystemClock()
    clock = RehearsalClock(Path(setting))
    try:
        clock.now()
    except UNREADABLE as error:
        raise SettingError(
            f"LAUREL_CLOCK: {setting!r} is neither 'system' nor a rehearsal clock file "
            f'like {{"offset_seconds": 0}} ({error}).'
        ) from error
    return clock
