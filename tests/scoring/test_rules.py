from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring import rules
from services.scoring.rules import Move
from shared.errors import IllegalTransitionError
from shared.programme.values import Criterion
from shared.project import State


def criterion(key, weight, maximum):
    return Criterion(key, "", "", Decimal(weight), Decimal(maximum))


RUBRIC = [
    criterion("innovation", "0.35", 100),
    criterion("effect", "0.65", 30),
]
POINTS = st.decimals(0, 100, places=2)
TOTALS = st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=9)


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_pair_outside_the_table_is_refused_with_the_reason(state, move):
    if (state, move) in rules.TRANSITIONS:
        assert rules.moved(state, move) is rules.TRANSITIONS[state, move]
    else:
        with pytest.raises(
            IllegalTransitionError, match=f"'{move}' is not possible in state {state}"
        ):
            rules.moved(state, move)


def test_the_table_is_transitions_7_to_13_and_what_guards_undo():
    assert {(str(state), str(to)) for (state, _move), to in rules.TRANSITIONS.items()} == {
        ("RECOMMENDED", "SCORING"),
        ("SCORING", "SCORED"),
        ("SCORED", "SHORTLISTED"),
        ("SCORED", "NOT_SELECTED"),
        ("SHORTLISTED", "PUBLICISED"),
        ("PUBLICISED", "NOT_SELECTED"),
        ("PUBLICISED", "DESIGNATED"),
        ("SCORED", "SCORING"),
        ("NOT_SELECTED", "SHORTLISTED"),
        ("RECOMMENDED", "NOT_SELECTED"),
        ("SCORING", "NOT_SELECTED"),
        ("SHORTLISTED", "NOT_SELECTED"),
    }


def test_the_total_is_the_weighted_share_of_each_maximum_in_points_of_100():
    scores = {"innovation": Decimal("80.5"), "effect": Decimal(24)}
    assert rules.weighted_total(scores, RUBRIC) == Decimal("80.1750")
    assert str(rules.weighted_total(scores, RUBRIC)) == "80.1750"


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
    assert str(rules.shown(rules.exact_mean([Decimal(total) for total in totals]))) == mean


@given(TOTALS)
def test_a_mean_is_the_exact_mean_to_half_a_unit_of_its_last_place(totals):
    exact = sum(map(Fraction, totals)) / len(totals)
    found = rules.shown(rules.exact_mean(totals))
    assert abs(Fraction(found) - exact) <= Fraction(1, 20_000)
    assert found.as_tuple().exponent == -4


def test_a_tie_made_of_thirds_is_seen_as_a_tie():
    rubric = [criterion(key, "0.5", 3) for key in ("a", "b")]
    scores = {"a": Decimal("0.000007"), "b": Decimal("0.000002")}  # 1.5 of 10,000 parts of a point
    assert rules.weighted_total(scores, rubric) == Decimal("0.0002")


@given(st.permutations([Decimal("80.1"), Decimal("79.95"), Decimal("61.4"), Decimal("99.99")]))
def test_the_mean_does_not_depend_on_the_order_of_the_experts(totals):
    assert rules.shown(rules.exact_mean(totals)) == Decimal("80.3600")


@given(POINTS, st.decimals(0, 30, places=2))
def test_every_score_within_its_scale_is_taken_and_totals_stay_within_100(innovation, effect):
    scores = {"innovation": innovation, "effect": effect}
    rules.check_scores(scores, RUBRIC)
    assert 0 <= rules.weighted_total(scores, RUBRIC) <= 100


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
    with pytest.raises(rules.WrongScoreError) as refusal:
        rules.check_scores(scores, RUBRIC)
    assert refusal.value.extra["errors"] == [{"field": field, "message": message}]


def test_every_missing_criterion_is_named():
    with pytest.raises(rules.WrongScoreError) as refusal:
        rules.check_scores({}, RUBRIC)
    assert [error["field"] for error in refusal.value.extra["errors"]] == [
        "scores.effect",
        "scores.innovation",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "王伟",
        "李 娜",
        "欧阳修",
        "阿卜杜拉·买买提",
        "Li Na",
        "Ananya None",
        "Ὀδυσσεύς Λ.",
        "O'Neill",
    ],
)
def test_a_real_name_is_taken_two_chinese_characters_suffice(name):
    rules.check_objection(name, 1)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "-", "—— ——", "123456", "…", "王", "X", "xxx",
        "anonymous", "Anonymous", " ANONYMOUS. ", "a n o n y m o u s", "(anonymous)",
        "ａｎｏｎｙｍｏｕｓ", "Anonymous citizen", "anon", "nobody", "No name", "None", "N/A", "n.a.",
        "匿名", "匿 名", "【匿名】", "匿\u200b名", "匿名者", "匿名举报人", "佚名", "无名氏", "不愿具名",
        "某某", "张某", "某公司员工", "热心市民", "群众", "知情人", "知情者", "热心人", "热心人士",
        "一名群众", "群众甲", "网友甲", "路人甲", "举报人", "不愿透露", "业内人士", "员工", "消费者",
        "用户", "王先生", "市民王先生", "张XX", "老百姓", "Mr X", "A citizen", "user123", "test",
        "whistleblower", "Someone", "a consumer",
    ],
)  # fmt: skip
def test_an_anonymous_objection_is_refused_however_it_is_spelt(name):
    with pytest.raises(rules.AnonymousObjectionError) as refusal:
        rules.check_objection(name, 1)
    assert refusal.value.extra["errors"] == [
        {"field": "real_name", "message": "must be your real name"}
    ]


def test_an_objection_without_evidence_is_refused():
    with pytest.raises(rules.EvidenceMissingError):
        rules.check_objection("王伟", 0)
