"""Headers come back from a JSON column as they were, whatever a sender put into them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from shared.spine.parking.headers import MARKS, TOO_DEEP, kept, typed

NAMES = st.sampled_from(sorted(MARKS)) | st.text(st.characters(codec="ascii", min_codepoint=32))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    | st.binary()
    | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_kept_as_json_comes_back_with_its_types(headers):
    assert typed(json.loads(json.dumps(kept(headers)))) == headers


def test_what_no_column_can_hold_is_written_out():
    odd = {"nul": "a\0", "half": "\ud800", "number": float("nan")}
    told = {"nul": "a\\x00", "half": "\\ud800", "number": "nan"}
    assert typed(json.loads(json.dumps(kept(odd), allow_nan=False))) == told


def test_what_is_nested_deeper_than_the_stack_is_kept_to_a_depth():
    value = "x"
    for level in range(5_000):
        value = {"a": value} if level % 2 else [value]
    shown = json.dumps(kept({"x": value, "y": 1}))
    assert TOO_DEEP in shown
    assert typed(json.loads(shown))["y"] == 1
