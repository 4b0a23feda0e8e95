"""The way of an entry from formal check to designation: transitions 7 to 13 of the life cycle."""

from collections.abc import Mapping
from enum import StrEnum

from shared.machine import next_state
from shared.project import State

UNDECIDED = (State.RECOMMENDED, State.SCORING, State.SCORED, State.SHORTLISTED, State.PUBLICISED)

WITH_PLACE = (State.SHORTLISTED, State.PUBLICISED)
WITH_SCORE = (State.SCORED, *WITH_PLACE)
# It may lose a score, a place or its undertaker's freedom while one is looked into.
OPEN_TO_OBJECTION = (State.SCORING, *WITH_SCORE, State.NOT_SELECTED)


class Move(StrEnum):
    """What can happen to an entry."""

    FIND_COMPLETE = "find complete"
    FIND_INCOMPLETE = "find incomplete"
    COMPLETE_SCORES = "complete scores"
    LOSE_SCORE = "lose a score"
    SHORTLIST = "shortlist"
    NOT_SELECT = "not select"
    PUBLICISE = "publicise"
    FREE_PLACE = "free place"
    UPHOLD_OBJECTION = "uphold objection"
    BAR = "bar"
    DESIGNATE = "designate"


TRANSITIONS: Mapping[tuple[State, Move], State] = {
    (State.RECOMMENDED, Move.FIND_COMPLETE): State.SCORING,
    (State.RECOMMENDED, Move.FIND_INCOMPLETE): State.NOT_SELECTED,
    (State.SCORING, Move.COMPLETE_SCORES): State.SCORED,
    (State.SCORED, Move.SHORTLIST): State.SHORTLISTED,
    (State.SCORED, Move.NOT_SELECT): State.NOT_SELECTED,
    (State.NOT_SELECTED, Move.FREE_PLACE): State.SHORTLISTED,
    (State.SHORTLISTED, Move.PUBLICISE): State.PUBLICISED,
    (State.PUBLICISED, Move.DESIGNATE): State.DESIGNATED,
    **{(state, Move.LOSE_SCORE): State.SCORING for state in WITH_SCORE},
    **{(state, Move.UPHOLD_OBJECTION): State.NOT_SELECTED for state in OPEN_TO_OBJECTION},
    **{(state, Move.BAR): State.NOT_SELECTED for state in (*UNDECIDED, State.NOT_SELECTED)},
}


def resumed(ended_from: State, *, has_place: bool, is_public: bool) -> State:
    """Where an entry goes on whose bar was undone: where it stood, if that still is.

    Without its place it waits for another, as before if it had none; after its publicity it needs
    a new one.
    """
    if ended_from not in WITH_PLACE:
        return ended_from
    if not has_place:
        return State.NOT_SELECTED
    return ended_from if is_public else State.SHORTLISTED


def moved(state: State, move: Move) -> State:
    """The state after a move; raises IllegalTransitionError for every pair outside the table."""
    return next_state(TRANSITIONS, state, move)
