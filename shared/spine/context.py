"""Who acts, when, and because of what: made at each entrance and handed on to every command.

The entrances are a request (shared/web/app.py), an event and a partner's message
(shared/spine/handlers.py), and a timer (shared/spine/entrypoints). A timer that opens its own
transactions makes its own (services/notification/deliveries.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from shared.spine.envelope import Event


@dataclass(frozen=True)
class Actor:
    """Who acts, in which role, for whom; `str(actor)` stands in records and events."""

    id: str
    role: str
    unit: str | None = None
    undertaker: str | None = None
    expert: str | None = None
    agency: str | None = None

    def __str__(self) -> str:
        return f"{self.role}:{self.id}" if self.id else self.role


@dataclass(frozen=True)
class Cause:
    """What is known of a cause where the event itself is not at hand."""

    id: str
    correlation_id: str
    traceparent: str | None


@dataclass(frozen=True)
class Context:
    """One act. `now` is programme time; what is recorded follows from `cause`, if there is one."""

    actor: Actor
    now: datetime
    cause: Event | Cause | None = None
    traceparent: str | None = None

    def because_of(self, cause: Event | Cause) -> Self:
        """The same act, as a consequence of this: what it records carries on the cause's trace."""
        return replace(self, cause=cause, traceparent=cause.traceparent)

    def by(self, actor: Actor) -> Self:
        """The same act by somebody else: whom the entrance could not know."""
        return replace(self, actor=actor)
