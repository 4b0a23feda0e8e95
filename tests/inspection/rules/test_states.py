"""The two state machines, pair by pair, and what time itself does."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.inspection.rules import states
from services.inspection.rules.states import Move, Stage, Step
from shared.errors import IllegalTransitionError
from shared.project import State

NOW = datetime(2021, 3, 1, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1)
DOMAIN = {  # domain: transitions 14 to 22
    (State.DESIGNATED, Move.PASS): State.DESIGNATED,
    (State.DESIGNATED, Move.REVOKE): State.REVOKED,
    (State.DESIGNATED, Move.ORDER_RECTIFICATION): State.RECTIFYING,
    (State.DESIGNATED, Move.REPLACE_UNDERTAKER): State.DESIGNATED,
    (State.DESIGNATED, Move.WITHDRAW): State.WITHDRAWN,
    (State.DESIGNATED, Move.EXPIRE): State.EXPIRED,
    (State.RECTIFYING, Move.CLOSE_RECTIFICATION): State.DESIGNATED,
    (State.RECTIFYING, Move.REVOKE): State.REVOKED,
    (State.RECTIFYING, Move.REPLACE_UNDERTAKER): State.RECTIFYING,
    (State.RECTIFYING, Move.WITHDRAW): State.WITHDRAWN,
    (State.RECTIFYING, Move.EXPIRE): State.EXPIRED,
    (State.REVOKED, Move.REINSTATE): State.DESIGNATED,
}
STEPS = {
    (Stage.PLANNED, Step.DRAW): Stage.DRAWN,
    (Stage.DRAWN, Step.NOTIFY): Stage.NOTIFIED,
    (Stage.NOTIFIED, Step.START): Stage.IN_PROGRESS,
    (Stage.NOTIFIED, Step.REPORT): Stage.REPORTED,
    (Stage.NOTIFIED, Step.VOID): Stage.PUBLISHED,
    (Stage.IN_PROGRESS, Step.REPORT): Stage.REPORTED,
    (Stage.IN_PROGRESS, Step.VOID): Stage.PUBLISHED,
    (Stage.REPORTED, Step.PUBLISH): Stage.PUBLISHED,
}


def refused(way, move):
    return pytest.raises(IllegalTransitionError, match=f"'{move}' is not possible in state {way}")


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_a_project_moves_as_the_domain_says_and_in_no_other_way(state, move):
    if (state, move) in DOMAIN:
        assert states.moved(state, move) is DOMAIN[state, move]
    else:
        with refused(state, move):
            states.moved(state, move)


@pytest.mark.parametrize(("stage", "step"), list(product(Stage, Step)))
def test_an_inspection_steps_on_in_this_way_and_in_no_other(stage, step):
    if (stage, step) in STEPS:
        assert states.stepped(stage, step) is STEPS[stage, step]
    else:
        with refused(stage, step):
            states.stepped(stage, step)


def test_only_a_reinstatement_leads_out_of_revoked():
    assert [move for state, move in states.TRANSITIONS if state is State.REVOKED] == [
        Move.REINSTATE
    ]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("rectify_until", [None, EARLIER, NOW, LATER])
@pytest.mark.parametrize("expire_at", [None, EARLIER, NOW, LATER])
def test_what_fell_due_first_counts_and_of_both_at_once_the_revocation(
    state, rectify_until, expire_at
):
    is_overdue = rectify_until is not None and rectify_until <= NOW
    is_expired = expire_at is not None and expire_at <= NOW
    expected = None
    if state in {State.DESIGNATED, State.RECTIFYING}:
        if is_overdue and (expire_at is None or rectify_until <= expire_at):
            expected = (rectify_until, Move.REVOKE)
        elif is_expired:
            expected = (expire_at, Move.EXPIRE)
    assert states.due_move(state, rectify_until, expire_at, NOW) == expected
