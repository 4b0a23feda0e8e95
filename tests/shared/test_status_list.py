"""The codec against the published examples and vectors of draft-ietf-oauth-status-list, and our
token read with other libraries than those that made it."""

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS, InvalidJWSSignature

from services.notification import status_list
from shared.status_list import compress, pack, status_at
from shared.web.access import load_or_create_key

ONE_BIT = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
TWO_BITS = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
EXAMPLES = [  # section 4.1 and 4.2: statuses, bits, bytes, lst
    (ONE_BIT, 1, b"\xb9\xa3", "eNrbuRgAAhcBXQ"),
    (TWO_BITS, 2, b"\xc9\x44\xf9", "eNo76fITAAPfAgc"),
]
SIZE = 2**20
C1 = dict.fromkeys(
    [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345], 1
)
C2 = dict(zip(C1, [1, 2, 1, 3, 1, 1, 2, 1, 1, 2, 3], strict=True))
C1_LST = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAA"
    "AAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"
)
C2_LST = (
    "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAEB5WwIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQ"
    "EAAAAAAAAAAAAAAAAAAAAAAAD8ExIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAA"
    "AAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoAAAAAAAAAAAAAAEBqH81gAQw"
)
VECTORS = [(1, C1, C1_LST), (2, C2, C2_LST)]  # appendix "Test vectors for Status List encoding"


@pytest.mark.parametrize(("statuses", "bits", "packed", "lst"), EXAMPLES)
def test_the_examples_of_section_4_are_made_and_read(statuses, bits, packed, lst):
    assert pack(statuses, bits) == packed
    assert compress(packed) == lst
    assert [status_at(lst, bits, index) for index in range(len(statuses))] == statuses


@pytest.mark.parametrize(("bits", "given_", "lst"), VECTORS)
def test_the_vectors_of_the_appendix_are_made_and_read(bits, given_, lst):
    statuses = [given_.get(index, 0) for index in range(SIZE)]
    assert compress(pack(statuses, bits)) == lst
    around = {near for index in given_ for near in (index - 1, index, index + 1) if near >= 0}
    assert {index: status_at(lst, bits, index) for index in sorted(around)} == {
        index: given_.get(index, 0) for index in sorted(around)
    }


@given(data=st.data(), bits=st.sampled_from([1, 2, 4, 8]))
def test_what_is_packed_is_read_back(data, bits):
    statuses = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=50))
    lst = compress(pack(statuses, bits))
    assert [status_at(lst, bits, index) for index in range(len(statuses))] == statuses


@pytest.mark.parametrize("index", [-1, 12, SIZE])
def test_an_index_outside_of_the_list_has_no_status(index):
    with pytest.raises(ValueError, match="no such index"):
        status_at("eNo76fITAAPfAgc", 2, index)


@pytest.mark.parametrize("lst", ["", "eNo", "!!!", "eNrbuRgAAhcBXQ"[::-1], "a"])
def test_a_list_that_cannot_be_read_has_no_status(lst):
    with pytest.raises(ValueError, match="the status list"):
        status_at(lst, 2, 0)


@pytest.mark.parametrize("bits", [0, 3, 16, -1])
def test_a_size_that_the_draft_does_not_have_is_refused(bits):
    with pytest.raises(ValueError, match="1, 2, 4 or 8 bits"):
        status_at("eNo76fITAAPfAgc", bits, 0)


def test_a_list_that_unpacks_without_end_is_read_no_further_than_its_largest_size():
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(1 << 26), 9)).decode()
    with pytest.raises(ValueError, match="too long"):
        status_at(bomb, 8, 0)


WHOLE = zlib.compress(pack([0, 1, 2, 3], 2), 9)


@pytest.mark.parametrize(
    "squeezed", [*(WHOLE[:-cut] for cut in range(1, len(WHOLE))), WHOLE + b"x", WHOLE + WHOLE, b""]
)
def test_a_list_that_is_not_whole_tells_nothing(squeezed):
    with pytest.raises(ValueError, match="status list"):
        status_at(base64.urlsafe_b64encode(squeezed).decode().rstrip("="), 2, 0)


@pytest.mark.parametrize("bits", [0, 3, 5, 16, -1, True, 2.0, "2", None])
def test_no_other_size_of_a_status_is_read(bits):
    with pytest.raises(ValueError, match="1, 2, 4 or 8"):
        status_at(compress(pack([0], 2)), bits, 0)


@pytest.mark.parametrize("junk", ["!", "é", " ", "\n", "%3D"])
def test_characters_that_are_not_of_base64url_are_not_passed_over(junk):
    lst = compress(pack([0], 2))
    with pytest.raises(ValueError, match="cannot be read"):
        status_at(lst[:4] + junk + lst[4:], 2, 0)


URI = "https://site.example/status-lists/1"


@pytest.fixture
def signed(tmp_path):
    key = load_or_create_key(tmp_path / "status-key.json")
    return key, status_list.token(TWO_BITS, key, URI, 1_600_000_030)


def test_our_token_is_verified_and_read_by_another_library(signed):
    key, token = signed
    message = JWS()
    message.deserialize(token)
    message.verify(JWK.from_json(json.dumps(key.as_dict(private=False))))
    assert message.jose_header == {"alg": "Ed25519", "typ": "statuslist+jwt", "kid": key.kid}
    claims = json.loads(message.payload)
    listed = claims.pop("status_list")
    assert claims == {
        "sub": URI, "iat": 1_599_999_990 + 30, "exp": 1_600_000_020 + 900, "ttl": 60,
    }  # fmt: skip
    packed = zlib.decompress(base64.urlsafe_b64decode(listed["lst"] + "=="))
    bits = "".join(f"{byte:08b}"[::-1] for byte in packed)
    assert listed["bits"] == 2
    assert [int(bits[at : at + 2][::-1], 2) for at in range(0, len(bits), 2)] == TWO_BITS


def test_another_library_refuses_our_token_under_another_key(signed):
    _key, token = signed
    message = JWS()
    message.deserialize(token)
    with pytest.raises(InvalidJWSSignature):
        message.verify(JWK.generate(kty="OKP", crv="Ed25519"))


def test_equal_lists_give_equal_tokens_within_a_minute(signed):
    key, token = signed
    assert status_list.token(TWO_BITS, key, URI, 1_600_000_079.9) == token
    assert status_list.token(TWO_BITS, key, URI, 1_600_000_080) != token
