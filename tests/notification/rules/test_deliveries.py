"""The states of a delivery, and who is told about which project."""

from datetime import timedelta
from itertools import product

import pytest

from services.notification.rules.deliveries import (
    DELIVERIES,
    WAIT_SECONDS,
    DeliveryMove,
    DeliveryState,
    check_scope,
    contact_id,
    scopes_of,
    wait_after,
)
from services.notification.rules.register import folded, searches
from shared.errors import IllegalTransitionError, InvalidError
from shared.machine import next_state

WAITING, DELIVERED, FAILED = DeliveryState
TAKEN, GIVEN_UP, RETRIED = DeliveryMove
ALLOWED = {
    (WAITING, TAKEN): DELIVERED,
    (WAITING, GIVEN_UP): FAILED,
    (WAITING, RETRIED): WAITING,
    (FAILED, RETRIED): WAITING,
}


@pytest.mark.parametrize(("state", "move"), list(product(DeliveryState, DeliveryMove)))
def test_every_move_is_as_the_table_says_or_refused(state, move):
    if (state, move) in ALLOWED:
        assert next_state(DELIVERIES, state, move) == ALLOWED[state, move]
    else:
        with pytest.raises(IllegalTransitionError):
            next_state(DELIVERIES, state, move)


def test_a_delivery_is_given_up_after_its_last_wait_and_at_every_attempt_after():
    assert [wait_after(attempt, (1, 60)) for attempt in range(1, 5)] == [
        timedelta(seconds=1), timedelta(seconds=60), None, None,
    ]  # fmt: skip


def test_the_schedule_begins_within_seconds_spans_days_and_never_shrinks():
    assert WAIT_SECONDS[0] <= 5
    assert sum(WAIT_SECONDS) > 3 * 24 * 3600
    assert list(WAIT_SECONDS) == sorted(WAIT_SECONDS)


def test_a_project_is_in_the_scope_of_all_its_unit_and_itself():
    assert scopes_of("P-1", "P110000") == ("all", "unit:P110000", "project:P-1")
    assert contact_id("P-1") == "contact:P-1"


@pytest.mark.parametrize("scope", ["all", "unit:P110000", "project:2020-P110000-0001"])
def test_a_scope_that_can_match_is_taken(scope):
    check_scope(scope)


@pytest.mark.parametrize("scope", ["", "unit", "unit:", "project:", "region:11", "all:1", "ALL"])
def test_a_scope_that_can_match_nothing_is_refused(scope):
    with pytest.raises(InvalidError) as refused:
        check_scope(scope)
    assert [error["field"] for error in refused.value.extra["errors"]] == ["scope"]


def test_a_refused_scope_is_told_what_it_may_be():
    with pytest.raises(InvalidError) as refused:
        check_scope("region:11")
    message = "must be 'all', 'unit:<code>' or 'project:<id>'"
    assert refused.value.detail == f"The field 'scope' {message}."
    assert refused.value.extra["errors"] == [{"field": "scope", "message": message}]


@pytest.mark.parametrize("text", ["9135 0100 m000", "91350100-M000", "９１３５ ０１００Ｍ０００"])
def test_a_code_in_groups_is_found(text):
    assert searches(text)[1:] == ["91350100m000"]


@pytest.mark.parametrize("text", ["91350100m000", "AI 20", "green energy", "- -", "互联网 2020"])
def test_what_is_no_code_is_looked_for_as_it_is(text):
    assert searches(text) == [folded(text)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("ＡＢＣ１２", "abc12"), ("Straße", "strasse"), ("互联网", "互联网"), ("ﬁ", "fi")],
)
def test_a_search_minds_neither_case_nor_width(text, kept):
    assert folded(text) == kept
