"""State machines as tables: every pair outside the table is refused with the reason."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from shared.errors import IllegalTransitionError

State = TypeVar("State", bound=StrEnum)
Move = TypeVar("Move", bound=StrEnum)


def next_state(table: Mapping[tuple[State, Move], State], state: State, move: Move) -> State:
    """The state that `move` leads to; raises IllegalTransitionError naming what is possible."""
    try:
        return table[state, move]
    except KeyError:
        possible = ", ".join(sorted(m for s, m in table if s == state)) or "nothing: it is final"
        raise IllegalTransitionError(
            f"'{move}' is not possible in state {state}; possible there: {possible}.",
            state=str(state),
            move=str(move),
        ) from None
