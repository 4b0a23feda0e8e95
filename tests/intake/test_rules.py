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
