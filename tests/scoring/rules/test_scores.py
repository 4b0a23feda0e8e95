"""Exact scores: totals, means, and what is shown of them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.rules.scores import (
    WrongScoreError,
    check_scores,
    exact_mean,
    shown,
    weighted_total,
)
from shared.programme.values import Criterion


def criterion(key, weight, maximum):
    return Criterion(key, "", "", Decimal(weight), Decimal(maximum))


RUBRIC = [criterion("innovation", "0.35", 100), criterion("effect", "0.65", 30)]
POINTS = st.decimals(0, 100, places=2)
TOTALS = st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=9)


def test_the_total_is_the_weighted_share_of_each_maximum_in_points_of_100():
    scores = {"innovation": Decimal("80.5"), "effect": Decimal(24)}
    assert weighted_total(scores, RUBRIC) == Decimal("80.1750")
    assert str(weighted_total(scores, RUBRIC)) == "80.1750"


@pytest.mark.parametrize(
    ("totals", "mean"),
    [
        (["0.0000", "0.0001"], "0.0000"),
        (["0.0001", "0.0002"], "0.0002"),
        (["80.0001", "80.0002"], "80.0002"),
        (["80.0002", "80.0003"], "80.0002"),
        (["1", "1", "2"], "1.3333"),
        (["1", "2", "2"], "1.6667"),
        (["100", "100", "100"], "100.0000"),
    ],
)
def test_means_are_rounded_half_to_even_at_the_fourth_place(totals, mean):
    assert str(shown(exact_mean([Decimal(total) for total in totals]))) == mean


@given(TOTALS)
def test_a_mean_is_the_exact_mean_to_half_a_unit_of_its_last_place(totals):
    exact = sum(map(Fraction, totals)) / len(totals)
    found = shown(exact_mean(totals))
    assert abs(Fraction(found) - exact) <= Fraction(1, 20_000)
    assert found.as_tuple().exponent == -4


def test_a_tie_made_of_thirds_is_seen_as_a_tie():
    rubric = [criterion(key, "0.5", 3) for key in ("a", "b")]
    scores = {"a": Decimal("0.000007"), "b": Decimal("0.000002")}  # 1.5 of 10,000 parts of a point
    assert weighted_total(scores, rubric) == Decimal("0.0002")


@given(st.permutations([Decimal("80.1"), Decimal("79.95"), Decimal("61.4"), Decimal("99.99")]))
def test_the_mean_does_not_depend_on_the_order_of_the_experts(totals):
    assert shown(exact_mean(totals)) == Decimal("80.3600")


@given(POINTS, st.decimals(0, 30, places=2))
def test_every_score_within_its_scale_is_taken_and_totals_stay_within_100(innovation, effect):
    scores = {"innovation": innovation, "effect": effect}
    check_scores(scores, RUBRIC)
    assert 0 <= weighted_total(scores, RUBRIC) <= 100


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"effect": Decimal("30.01")}, "scores.effect", "must be from 0 to 30"),
        ({"effect": Decimal("-0.01")}, "scores.effect", "must be from 0 to 30"),
        ({"effect": Decimal("1.005")}, "scores.effect", "must have at most 2 decimal places"),
        ({"colour": Decimal(1)}, "scores.colour", "is not in the rubric"),
    ],
)
def test_a_score_outside_its_scale_or_the_rubric_is_refused_by_name(changes, field, message):
    scores = {"innovation": Decimal(80), "effect": Decimal(24)} | changes
    with pytest.raises(WrongScoreError) as refusal:
        check_scores(scores, RUBRIC)
    assert refusal.value.extra["errors"] == [{"field": field, "message": message}]


def test_every_missing_criterion_is_named():
    with pytest.raises(WrongScoreError) as refusal:
        check_scores({}, RUBRIC)
    assert [error["field"] for error in refusal.value.extra["errors"]] == [
        "scores.effect",
        "scores.innovation",
    ]
