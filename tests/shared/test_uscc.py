"""One form for each unified social credit code, and none for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as numbers

from shared import uscc

GOOD = "91110000600037341L"


@pytest.mark.parametrize("written", [GOOD, GOOD.lower(), f" {GOOD} ", "9111 0000 6000 3734 1L"])
def test_a_code_is_kept_in_one_form(written):
    assert uscc.canonical(written) == GOOD


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "it has 0 characters, not 18"),
        ("91110000600037341M", "check character"),
        ("91350100M000100Y4Z", "a character that none has"),
        ("362322198709086409", "no known authority and category begins with 36"),
        ("110105199003020044", "a resident's identity number"),
        ("310115199003020028", "a resident's identity number"),
        ("21010219900302017x", "a resident's identity number"),
    ],
)
def test_what_is_no_code_is_refused_with_the_reason(written, words):
    with pytest.raises(ValueError, match=words):
        uscc.canonical(written)


@given(st.text(max_size=30))
def test_any_text_is_a_code_in_its_one_form_or_refused(text):
    try:
        found = uscc.canonical(text)
    except ValueError:
        return
    assert uscc.canonical(found) == found


@pytest.mark.parametrize("authority", list("123456789ANY"))
def test_each_authority_registers_its_own_categories_only(authority):
    body = "110000MA0000001"
    for category in "123456789":
        first = f"{authority}{category}{body}"
        code = first + numbers.calc_check_digit(first)
        if category in uscc.AUTHORITIES[authority]:
            assert uscc.canonical(code) == code
        else:
            with pytest.raises(ValueError, match="no known authority"):
                uscc.canonical(code)
