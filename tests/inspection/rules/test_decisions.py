"""What a decision on grounds 2 to 4 must rest on."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from services.inspection.rules import decisions
from services.inspection.rules.decisions import DecisionIncompleteError
from shared.project import DECIDED_GROUNDS, Ground

NOW = datetime(2021, 3, 1, tzinfo=UTC)
DESIGNATED_AT = NOW - timedelta(days=100)
HEARING = {"hearing_days": 3, "overrides": {}}
GOOD = {
    "ground": Ground.MATERIAL_FALSEHOOD,
    "evidence": [{"description": "the licence", "sha256": "0" * 64}],
    "notice_at": NOW - timedelta(days=10),
    "statement": "the undertaker disputes it",
}
BAD = {
    "ground": [Ground.INSPECTION_FAILED],
    "evidence": [[]],
    "notice_at": [NOW, NOW + timedelta(days=1), DESIGNATED_AT - timedelta(seconds=1)],
    "statement": [None, "", " \n"],
}


def check(decision, now=NOW, **hearing):
    decisions.check_decision(decision, since=DESIGNATED_AT, now=now, **HEARING | hearing)


@pytest.mark.parametrize("ground", DECIDED_GROUNDS)
def test_a_complete_decision_stands_on_each_of_the_grounds_2_to_4(ground):
    check(GOOD | {"ground": ground})


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD.items() for value in values]
)
def test_each_missing_part_is_refused_by_its_name(field, value):
    with pytest.raises(DecisionIncompleteError, match=field) as refusal:
        check(GOOD | {field: value})
    assert [error["field"] for error in refusal.value.extra["errors"]] == [field]


def test_all_missing_parts_are_named_at_once():
    for absent in product((False, True), repeat=4):
        bad = {field: BAD[field][0] for field, gone in zip(BAD, absent, strict=True) if gone}
        if bad:
            with pytest.raises(DecisionIncompleteError) as refusal:
                check(GOOD | bad)
            assert [error["field"] for error in refusal.value.extra["errors"]] == list(bad)


@pytest.mark.parametrize(
    ("days", "overrides", "last"),
    [
        (3, {}, 3),
        (1, {}, 1),
        (5, {}, 7),
        (3, {date(2021, 3, 2): False}, 4),
        (6, {date(2021, 3, 6): True}, 7),
    ],
)
def test_nothing_is_decided_before_the_last_day_on_which_the_undertaker_can_be_heard(
    days, overrides, last
):
    served = datetime(2021, 2, 28, 17, tzinfo=UTC)  # 1 March in China, a Monday
    over = datetime(2021, 3, 1 + last, 16, tzinfo=UTC)
    notice = GOOD | {"notice_at": served}
    with pytest.raises(DecisionIncompleteError, match=f"until 2021-03-{1 + last:02}: decide after"):
        check(notice, over - timedelta(seconds=1), hearing_days=days, overrides=overrides)
    check(notice, over, hearing_days=days, overrides=overrides)


def test_a_programme_without_days_for_hearing_asks_for_the_notice_alone():
    check(GOOD | {"notice_at": NOW - timedelta(seconds=1)}, hearing_days=0)


def test_a_refusal_says_of_each_part_what_it_lacks():
    words = {
        "ground": "inspection_failed follows from a report, never from a decision",
        "evidence": "must have at least one item",
        "notice_at": "must lie before the decision",
        "statement": "give the undertaker's statement, or how it was waived",
    }
    with pytest.raises(DecisionIncompleteError) as refusal:
        check({field: values[0] for field, values in BAD.items()})
    told = {error["field"]: error["message"] for error in refusal.value.extra["errors"]}
    assert told == words
    assert refusal.value.detail == f"ground: {words['ground']}."
    for notice_at, message in (
        (
            DESIGNATED_AT - timedelta(seconds=1),
            "must not lie before the designation or reinstatement",
        ),
        (NOW - timedelta(days=1), "the undertaker can be heard until 2021-03-03: decide after it"),
    ):
        with pytest.raises(DecisionIncompleteError) as refusal:
            check(GOOD | {"notice_at": notice_at})
        assert refusal.value.detail == f"notice_at: {message}."
