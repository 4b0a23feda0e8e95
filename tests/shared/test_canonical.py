"""Hashes and signatures are made over one form of the data, whoever writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.canonical import base64url, canonical, digest, from_base64url


def test_the_order_of_keys_and_the_script_of_a_text_make_no_difference():
    one, other = {"b": [1, "项目"], "a": None}, {"a": None, "b": [1, "\u9879\u76ee"]}
    assert canonical(one) == canonical(other) == '{"a":null,"b":[1,"项目"]}'


def test_the_digest_is_sha_256():
    """FIPS 180-2, appendix B.1."""
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.binary(max_size=100))
def test_bytes_come_back(data):
    text = base64url(data)
    assert from_base64url(text) == data
    assert set(text).isdisjoint("+/=")


@pytest.mark.parametrize("text", ["YQ==", "Y", "YR", "a+/b", "a b", "\n", None, b"YQ"])
def test_no_other_form_is_taken(text):
    with pytest.raises((ValueError, TypeError)):
        from_base64url(text)
