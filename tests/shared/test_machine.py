"""A state machine says where it leads, or what is possible instead."""

from enum import StrEnum

import pytest

from shared.errors import IllegalTransitionError
from shared.machine import next_state


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    OFF = "OFF"


class Act(StrEnum):
    GO = "go"
    STOP = "stop"
    END = "end"


TABLE = {
    (Light.RED, Act.GO): Light.GREEN,
    (Light.RED, Act.END): Light.OFF,
    (Light.GREEN, Act.STOP): Light.RED,
}


def test_a_move_of_the_table_leads_on():
    for (state, move), to in TABLE.items():
        assert next_state(TABLE, state, move) is to


@pytest.mark.parametrize(
    ("state", "possible"), [("RED", "end, go"), ("OFF", "nothing: it is final")]
)
def test_any_other_is_refused_with_what_is_possible(state, possible):
    with pytest.raises(IllegalTransitionError) as refusal:
        next_state(TABLE, Light(state), Act.STOP)
    assert refusal.value.detail == (
        f"'stop' is not possible in state {state}; possible there: {possible}."
    )
    assert refusal.value.extra == {"state": state, "move": "stop"}
    assert {type(value) for value in refusal.value.extra.values()} == {str}
