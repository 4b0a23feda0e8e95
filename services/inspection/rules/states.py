"""States of a designated project and stages of an inspection (transitions 14 to 22)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from shared.machine import next_state
from shared.project import State


class Move(StrEnum):
    """What can happen to a designated project."""

    PASS = "pass inspection"  # noqa: S105 - not a password
    REVOKE = "revoke"
    ORDER_RECTIFICATION = "order rectification"
    CLOSE_RECTIFICATION = "close rectification"
    REPLACE_UNDERTAKER = "replace undertaker"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REINSTATE = "reinstate"


ACTIVE = (State.DESIGNATED, State.RECTIFYING)
TRANSITIONS: Mapping[tuple[State, Move], State] = {
    (State.DESIGNATED, Move.PASS): State.DESIGNATED,
    (State.DESIGNATED, Move.ORDER_RECTIFICATION): State.RECTIFYING,
    (State.RECTIFYING, Move.CLOSE_RECTIFICATION): State.DESIGNATED,
    (State.REVOKED, Move.REINSTATE): State.DESIGNATED,
    **{(state, Move.REVOKE): State.REVOKED for state in ACTIVE},
    **{(state, Move.EXPIRE): State.EXPIRED for state in ACTIVE},
    **{(state, Move.WITHDRAW): State.WITHDRAWN for state in ACTIVE},
    **{(state, Move.REPLACE_UNDERTAKER): state for state in ACTIVE},
}


class Stage(StrEnum):
    """Stages of one inspection."""

    PLANNED = "PLANNED"
    DRAWN = "DRAWN"
    NOTIFIED = "NOTIFIED"
    IN_PROGRESS = "IN_PROGRESS"
    REPORTED = "REPORTED"
    PUBLISHED = "PUBLISHED"


class Step(StrEnum):
    """What can happen to an inspection."""

    DRAW = "draw"
    NOTIFY = "notify"
    START = "start"
    REPORT = "report"
    PUBLISH = "publish"
    VOID = "void"


OPEN = (Stage.NOTIFIED, Stage.IN_PROGRESS)
STAGES: Mapping[tuple[Stage, Step], Stage] = {
    (Stage.PLANNED, Step.DRAW): Stage.DRAWN,
    (Stage.DRAWN, Step.NOTIFY): Stage.NOTIFIED,
    (Stage.NOTIFIED, Step.START): Stage.IN_PROGRESS,
    (Stage.NOTIFIED, Step.REPORT): Stage.REPORTED,
    (Stage.IN_PROGRESS, Step.REPORT): Stage.REPORTED,
    (Stage.REPORTED, Step.PUBLISH): Stage.PUBLISHED,
    **{(stage, Step.VOID): Stage.PUBLISHED for stage in OPEN},
}


def moved(state: State, move: Move) -> State:
    """The state after a move; raises IllegalTransitionError for every pair outside the table."""
    return next_state(TRANSITIONS, state, move)


def due_move(
    state: State, rectify_until: datetime | None, expire_at: datetime | None, now: datetime
) -> tuple[datetime, Move] | None:
    """What time itself has done by now (transitions 18 and 21), and since when; None for nothing.

    What fell due first counts, however late it is noticed; of both at once, the revocation.
    """
    if state not in ACTIVE:
        return None
    due = [(rectify_until, Move.REVOKE), (expire_at, Move.EXPIRE)]
    passed = [(at, move) for at, move in due if at is not None and at <= now]
    return min(passed, key=lambda pair: pair[0], default=None)


def stepped(stage: Stage, step: Step) -> Stage:
    """The stage after a step; raises IllegalTransitionError for every pair outside the table."""
    return next_state(STAGES, stage, step)
