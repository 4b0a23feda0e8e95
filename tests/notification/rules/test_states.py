"""What each state means in the status list; whoever is in doubt is not designated."""

import pytest

from services.notification.rules.states import ENROLLED, Status, shown_state, status_of
from shared.project import State


def test_the_numbers_are_those_that_clients_know():
    assert {status.name: int(status) for status in Status} == {
        "DESIGNATED": 0, "NOT_DESIGNATED": 1, "SUSPENDED": 2,
    }  # fmt: skip


def test_only_designated_and_rectifying_are_more_than_not_designated():
    assert {state: status_of(state) for state in ENROLLED} == {
        State.DESIGNATED: Status.DESIGNATED,
        State.RECTIFYING: Status.SUSPENDED,
        State.REVOKED: Status.NOT_DESIGNATED,
        State.EXPIRED: Status.NOT_DESIGNATED,
        State.WITHDRAWN: Status.NOT_DESIGNATED,
    }
    others = set(State) - {State.DESIGNATED, State.RECTIFYING}
    assert {status_of(state) for state in others} == {Status.NOT_DESIGNATED}


def test_a_state_that_nobody_knows_is_an_error():
    with pytest.raises(ValueError, match="is not a valid State"):
        status_of("FINE")


@pytest.mark.parametrize("state", State)
def test_publicity_is_shown_only_for_what_has_gone_no_further(state):
    moved_on = state in {"RECOMMENDED", "SCORING", "SCORED", "SHORTLISTED"}
    for stated in (3, 4):
        assert shown_state(state, stated, 4) == ("PUBLICISED" if moved_on else state)
    assert shown_state(state, 5, 4) == shown_state(state, 5, None) == state
