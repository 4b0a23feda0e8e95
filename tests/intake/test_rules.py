from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from services.intake import rules
from services.intake.rules import Move, Verdict
from shared.errors import EvidenceMissingError, IllegalTransitionError, InvalidError
from shared.project import State

OPENS = datetime(2020, 10, 12, tzinfo=UTC)
CLOSES = datetime(2020, 10, 31, tzinfo=UTC)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_pair_outside_the_table_is_refused_with_the_reason(state, move):
    if (state, move) in rules.TRANSITIONS:
        assert rules.moved(state, move) is rules.TRANSITIONS[state, move]
    else:
        with pytest.raises(
            IllegalTransitionError, match=f"'{move}' is not possible in state {state}"
        ):
            rules.moved(state, move)


def check(now, present=("a", "b")):
    rules.check_submission(
        opens_at=OPENS, closes_at=CLOSES, now=now, required=("a", "b"), present=present
    )


def test_submission_is_possible_from_the_opening_until_just_before_the_close():
    check(OPENS)
    check(CLOSES - timedelta(microseconds=1))


@pytest.mark.parametrize("now", [OPENS - timedelta(microseconds=1), CLOSES])
def test_submission_outside_the_window_is_refused(now):
    with pytest.raises(rules.OutsideWindowError):
        check(now)


def test_missing_evidence_is_named():
    with pytest.raises(EvidenceMissingError, match="b"):
        check(OPENS, present=("a",))


@given(st.dictionaries(st.text(min_size=1), st.sampled_from([None, *Verdict])))
def test_only_wholly_verified_evidence_is_recommendable(verdicts):
    if all(verdict is Verdict.VERIFIED for verdict in verdicts.values()):
        rules.check_recommendable(verdicts)
    else:
        with pytest.raises(rules.EvidenceNotVerifiedError):
            rules.check_recommendable(verdicts)


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_the_content_hash_does_not_depend_on_the_order_of_the_keys(content):
    assert rules.content_hash(content) == rules.content_hash(dict(reversed(content.items())))


def check_character(first_17):
    """GB 32100-2015: 31 - (sum of value times 3^(i-1)) mod 31, where 31 counts as 0."""
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(first_17))
    return ALPHABET[(31 - total % 31) % 31]


@given(st.text(ALPHABET, min_size=8, max_size=8), st.text(ALPHABET, min_size=1, max_size=1))
def test_the_library_computes_credit_codes_by_the_standard_also_for_remainder_zero(body, last):
    first = f"91110000{body}{last}"
    assert uscc.is_valid(first + check_character(first))


@pytest.mark.parametrize(
    ("code", "good"),
    [("91350100M000100Y43", True), ("91110000600037341L", True), ("91350100M000100Y4Z", False)],
)
def test_published_credit_codes(code, good):
    assert uscc.is_valid(code) is good


def test_a_rule_is_the_same_whatever_zeros_it_is_written_with():
    policy = {"rule_version": "1", "pass_score": "65", "citation_zh": "1e9999999"}
    known = rules.named_once({}, policy)
    assert rules.named_once(known, policy | {"pass_score": "65.00"}) == known
    for changed in ({"pass_score": "65.01"}, {"citation_zh": "1e9999998"}):
        with pytest.raises(InvalidError, match="rule_version"):
            rules.named_once(known, policy | changed)


def test_a_name_that_is_corrected_makes_no_other_rule():
    policy = {"rule_version": "1", "pass_score": "65"}
    known = rules.named_once({}, policy)
    named = policy | {"key_names": {"signage": {"name_zh": "标识", "name_en": "signs"}}}
    assert rules.named_once(known, named) == known


def test_each_version_of_the_rules_has_a_name_of_its_own():
    first = {"rule_version": "1", "pass_score": "65"}
    known = rules.named_once({}, first)
    both = rules.named_once(known, {"rule_version": "2", "pass_score": "66"})
    assert (list(known), list(both)) == (["1"], ["1", "2"])
    assert both["1"] == known["1"] != both["2"]
    message = "names the rules of an earlier edition, which were others than '2' here"
    assert refused(InvalidError, rules.named_once, both, first | {"rule_version": "2"}) == (
        f"inspection.rule_version {message}.",
        [{"field": "inspection.rule_version", "message": message}],
    )


def refused(error, act, *arguments):
    """What is said of the refusal: its words, and its fields or items."""
    with pytest.raises(error) as refusal:
        act(*arguments)
    told = refusal.value.extra
    return refusal.value.detail, told.get("errors", told.get("items"))


def test_a_direction_is_one_of_the_round_s():
    rules.check_direction(3, [3, 1])
    assert refused(rules.UnknownDirectionError, rules.check_direction, 2, [3, 1]) == (
        "Direction 2 is not in this round; choose one of [1, 3].",
        [{"field": "direction", "message": "must be one of [1, 3]"}],
    )


def test_a_line_of_the_quotas_is_a_kind_s_or_a_registered_unit_s():
    rules.check_units(["province", "P1"], {"province", "P1", "P2"})
    rules.check_units([], ())
    message = "is no unit of the register: enter it first"
    assert refused(InvalidError, rules.check_units, ["P3", "P1", "P4"], {"P1"}) == (
        f"unit_quotas.P3 {message}.",
        [{"field": f"unit_quotas.{code}", "message": message} for code in ("P3", "P4")],
    )


@pytest.mark.parametrize("code", ["P", "P110000", "XPCC", "A" * 16])
def test_a_code_that_a_definition_can_name_is_a_unit_s(code):
    rules.check_unit_code(code)


@pytest.mark.parametrize("code", ["", "p110000", "1P", "P-1", "A" * 17, "P1\n"])
def test_a_code_that_no_definition_could_name_is_refused(code):
    message = "must be up to 16 capitals and digits, a capital first"
    assert refused(InvalidError, rules.check_unit_code, code) == (
        f"code {message}.",
        [{"field": "code", "message": message}],
    )


@pytest.mark.parametrize("known", [None, *Verdict])
@pytest.mark.parametrize("verdict", Verdict)
def test_what_was_found_false_stays_false(known, verdict):
    if known is Verdict.FALSE and verdict is not Verdict.FALSE:
        assert refused(
            rules.EvidenceNotVerifiedError, rules.check_verdict, "1 a.pdf", known, verdict
        ) == ("Item 1 a.pdf was found false: find the application ineligible.", ["1 a.pdf"])
    else:
        rules.check_verdict("1 a.pdf", known, verdict)


def test_a_return_names_what_is_questioned_and_nothing_that_is_false():
    act, error = rules.questioned_items, rules.EvidenceNotVerifiedError
    verdicts = {"b": Verdict.QUESTIONED, "a": Verdict.QUESTIONED, "c": Verdict.VERIFIED, "d": None}
    assert act(verdicts) == ["a", "b"]
    assert refused(error, act, verdicts | {"f": Verdict.FALSE, "e": Verdict.FALSE}) == (
        "Found false: e, f. Find the application ineligible.",
        ["e", "f"],
    )
    for nothing in ({}, {"a": Verdict.VERIFIED, "b": None}):
        assert refused(error, act, nothing) == (
            "Question at least one item, with its reason, to return it.",
            None,
        )


def test_the_window_and_what_is_missing_are_told():
    words = "Applications are taken from 2020-10-12T00:00:00+00:00 until 2020-10-31T00:00:00+00:00;"
    told, _none = refused(rules.OutsideWindowError, check, CLOSES)
    assert told == f"{words} it is 2020-10-31T00:00:00+00:00."
    with pytest.raises(EvidenceMissingError) as refusal:
        check(OPENS, present=())
    assert refusal.value.detail == "Add evidence of these kinds first: a, b."
    assert refusal.value.extra == {"missing": ["a", "b"]}
