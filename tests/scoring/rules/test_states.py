"""The way of an entry: every pair of state and move."""

from itertools import product

import pytest

from services.scoring.rules.states import TRANSITIONS, WITH_PLACE, Move, moved, resumed
from shared.errors import IllegalTransitionError
from shared.project import State


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_pair_outside_the_table_is_refused_with_the_reason(state, move):
    if (state, move) in TRANSITIONS:
        assert moved(state, move) is TRANSITIONS[state, move]
    else:
        with pytest.raises(
            IllegalTransitionError, match=f"'{move}' is not possible in state {state}"
        ):
            moved(state, move)


def test_the_table_is_transitions_7_to_13_and_what_guards_undo():
    assert {(str(state), str(to)) for (state, _move), to in TRANSITIONS.items()} == {
        ("RECOMMENDED", "SCORING"),
        ("SCORING", "SCORED"),
        ("SCORED", "SHORTLISTED"),
        ("SCORED", "NOT_SELECTED"),
        ("SHORTLISTED", "PUBLICISED"),
        ("PUBLICISED", "NOT_SELECTED"),
        ("PUBLICISED", "DESIGNATED"),
        ("SCORED", "SCORING"),
        ("SHORTLISTED", "SCORING"),
        ("PUBLICISED", "SCORING"),
        ("NOT_SELECTED", "SHORTLISTED"),
        ("RECOMMENDED", "NOT_SELECTED"),
        ("SCORING", "NOT_SELECTED"),
        ("SHORTLISTED", "NOT_SELECTED"),
        ("NOT_SELECTED", "NOT_SELECTED"),  # who waits for a place is barred
    }


ROOMS = [state for state in State if state not in WITH_PLACE]


@pytest.mark.parametrize("place", [True, False])
@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("ended_from", State)
def test_whose_bar_was_undone_goes_on_where_it_stood_if_that_still_is(ended_from, place, public):
    to = resumed(ended_from, has_place=place, is_public=public)
    if ended_from in ROOMS:
        assert to is ended_from
    elif not place:
        assert to is State.NOT_SELECTED
    else:
        assert to is (ended_from if public else State.SHORTLISTED)
