"""What a decision on grounds 2 to 4 must rest on."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.inspection.rules import decisions
from services.inspection.rules.decisions import DecisionIncompleteError
from shared.project import DECIDED_GROUNDS, Ground

NOW = datetime(2021, 3, 1, tzinfo=UTC)
DESIGNATED_AT = NOW - timedelta(days=100)
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


@pytest.mark.parametrize("ground", DECIDED_GROUNDS)
def test_a_complete_decision_stands_on_each_of_the_grounds_2_to_4(ground):
    decisions.check_decision(**GOOD | {"ground": ground}, since=DESIGNATED_AT, now=NOW)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD.items() for value in values]
)
def test_each_missing_part_is_refused_by_its_name(field, value):
    with pytest.raises(DecisionIncompleteError, match=field) as refusal:
        decisions.check_decision(**GOOD | {field: value}, since=DESIGNATED_AT, now=NOW)
    assert [error["field"] for error in refusal.value.extra["errors"]] == [field]


def test_all_missing_parts_are_named_at_once():
    for absent in product((False, True), repeat=4):
        bad = {field: BAD[field][0] for field, gone in zip(BAD, absent, strict=True) if gone}
        if bad:
            with pytest.raises(DecisionIncompleteError) as refusal:
                decisions.check_decision(**GOOD | bad, since=DESIGNATED_AT, now=NOW)
            assert [error["field"] for error in refusal.value.extra["errors"]] == list(bad)
