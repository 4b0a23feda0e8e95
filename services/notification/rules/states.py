"""The states of a project as the public sees them, and what each means in the status list."""

from enum import IntEnum

from shared.project import State

BEFORE_PUBLICITY = frozenset({State.RECOMMENDED, State.SCORING, State.SCORED, State.SHORTLISTED})
ENROLLED = frozenset(
    {State.DESIGNATED, State.RECTIFYING, State.REVOKED, State.EXPIRED, State.WITHDRAWN}
)
REGISTERED = ENROLLED | {State.PUBLICISED}


class Status(IntEnum):
    """Two bits for each project in the status list; what nobody was given reads NOT_DESIGNATED."""

    DESIGNATED = 0
    NOT_DESIGNATED = 1
    SUSPENDED = 2


_STATUS = {State.DESIGNATED: Status.DESIGNATED, State.RECTIFYING: Status.SUSPENDED}


def status_of(state: str) -> Status:
    """What the status list says of a project in this state; fails closed."""
    return _STATUS.get(State(state), Status.NOT_DESIGNATED)


def shown_state(stated: str, sequence: int, listed: int | None) -> str:
    """The state to show: a publicity list moves its entries on without events of their own.

    `listed` is the version that a list has: what is stated later is newer than the list.
    """
    if listed is not None and sequence <= listed and stated in BEFORE_PUBLICITY:
        return State.PUBLICISED
    return stated
