"""Agency signatures against the published vectors, and against tampering."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from shared.agency.kit import TEST_KEY
from shared.agency.signing import (
    SignatureError,
    generate_key,
    key_id_of,
    load_public_key,
    public_part,
    sign,
    verify,
)
from shared.canonical import base64url, from_base64url

RFC8037_A4_HEADER = "eyJhbGciOiJFZERTQSJ9"
RFC8037_A4_PAYLOAD = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC8037_A4_SIGNATURE = (
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def test_the_published_vector_of_rfc_8037_is_what_our_key_makes():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(from_base64url(TEST_KEY["d"]))
    made = key.sign(f"{RFC8037_A4_HEADER}.{RFC8037_A4_PAYLOAD}".encode())
    assert base64url(made) == RFC8037_A4_SIGNATURE
    assert from_base64url(RFC8037_A4_PAYLOAD) == b"Example of Ed25519 signing"


def test_the_vector_verifies_here_once_its_header_names_a_key():
    with pytest.raises(SignatureError, match="kid"):
        verify(
            b"Example of Ed25519 signing",
            f"{RFC8037_A4_HEADER}..{RFC8037_A4_SIGNATURE}",
            public_part(TEST_KEY),
        )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_library_verifies_what_we_sign_and_we_what_it_signs():
    key, body = generate_key(), "正文 body".encode()
    ours = sign(body, key, "k1").replace("..", f".{base64url(body)}.")
    jwk = OKPKey.import_key(key)
    found = jws.deserialize_compact(ours, jwk, algorithms=["Ed25519"])
    assert found.payload == body
    for algorithm in ("Ed25519", "EdDSA"):
        header = {"alg": algorithm, "kid": "k2"}
        theirs = jws.serialize_compact(header, body, jwk, algorithms=[algorithm])
        first, _, last = theirs.split(".")
        verify(body, f"{first}..{last}", public_part(key))
        assert key_id_of(f"{first}..{last}") == "k2"


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_of_body_or_signature_is_refused(body, place, change):
    key = generate_key()
    header = sign(body, key, "k1")
    verify(body, header, public_part(key))
    if body:
        changed = bytearray(body)
        changed[place % len(body)] ^= change
        with pytest.raises(SignatureError):
            verify(bytes(changed), header, public_part(key))
    first, _, last = header.split(".")
    signature = bytearray(from_base64url(last))
    signature[place % len(signature)] ^= change
    with pytest.raises(SignatureError):
        verify(body, f"{first}..{base64url(bytes(signature))}", public_part(key))


def test_another_key_is_refused():
    with pytest.raises(SignatureError, match="does not fit"):
        verify(b"x", sign(b"x", generate_key(), "k1"), public_part(generate_key()))


def header_of(fields):
    return base64url(json.dumps(fields).encode() if isinstance(fields, dict) else fields)


GOOD = {"alg": "Ed25519", "kid": "k1"}
ALGORITHM = "The algorithm must be Ed25519 or EdDSA."
KID = "The protected header must name its key in 'kid'."
MEMBERS = "The header members 'crit' and 'b64' are not supported."
UNREAD = "The signature cannot be read: "


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (GOOD | {"alg": "none"}, ALGORITHM),
        (GOOD | {"alg": "HS256"}, ALGORITHM),
        (GOOD | {"alg": ["Ed25519"]}, ALGORITHM),
        ({"kid": "k1"}, ALGORITHM),
        (b"[]", ALGORITHM),
        ({"alg": "Ed25519"}, KID),
        (GOOD | {"kid": 7}, KID),
        (GOOD | {"kid": ""}, KID),
        (GOOD | {"crit": ["b64"]}, MEMBERS),
        (GOOD | {"b64": False}, MEMBERS),
        (b'{"alg":"Ed25519","alg":"none","kid":"k1"}', f"{UNREAD}a member stands twice"),
        (b"not json", UNREAD),
        (b"\xff", UNREAD),
    ],
)
def test_other_protected_headers_are_refused_with_what_is_wrong(fields, words):
    with pytest.raises(SignatureError) as refused:
        verify(b"x", f"{header_of(fields)}..{base64url(bytes(64))}", public_part(TEST_KEY))
    assert refused.value.detail.startswith(words)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_none(length):
    with pytest.raises(SignatureError, match="An Ed25519 signature has 64 bytes"):
        key_id_of(f"{header_of(GOOD)}..{base64url(bytes(length))}")


def test_the_longest_header_is_read_and_a_longer_one_is_not():
    def header(size):
        padded = json.dumps(GOOD).encode().ljust(size)
        return f"{base64url(padded)}..{base64url(bytes(64))}"

    assert (len(header(1_434)), len(header(1_435))) == (2_000, 2_002)
    assert key_id_of(header(1_434)) == "k1"
    with pytest.raises(SignatureError, match="must be a detached JWS"):
        key_id_of(header(1_435))


@pytest.mark.parametrize(
    "header", ["", ".", "..", "a.b", "a.b.c", "a..b..c", "====..====", "x" * 3000, "é..é"]
)
def test_what_is_no_detached_jws_is_refused(header):
    with pytest.raises(SignatureError) as refused:
        verify(b"x", header, public_part(TEST_KEY))
    told = refused.value.detail
    whole = (
        "The header laurel-signature must be a detached JWS: protected header, two dots, signature."
    )
    assert told == whole or (header.count(".") == 2 and told.startswith(UNREAD))


def test_a_signature_has_one_spelling_only():
    header = sign(b"x", TEST_KEY, "k1")
    stray = header[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[header[-1]]
    with pytest.raises(SignatureError, match="stray bits"):
        verify(b"x", stray, public_part(TEST_KEY))


@pytest.mark.parametrize(
    ("jwk", "words"),
    [
        ({}, "The key is no Ed25519 JWK: 'kty'"),
        ({"kty": "OKP", "crv": "X25519", "x": "a"}, "The key must be a JWK with kty OKP and crv"),
        ({"kty": "EC", "crv": "Ed25519", "x": TEST_KEY["x"]}, "The key must be a JWK with kty OKP"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "The key is"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "CQkJ"}, "The key is no Ed25519 JWK: "),
        ({"kty": "OKP", "crv": "Ed25519", "x": None}, "The key is no Ed25519 JWK: "),
    ],
)
def test_what_is_no_ed25519_key_is_refused_with_why(jwk, words):
    with pytest.raises(SignatureError) as refused:
        verify(b"x", sign(b"x", TEST_KEY, "k1"), jwk)
    assert refused.value.detail.startswith(words)


def test_the_public_part_holds_no_secret():
    assert "d" not in public_part(TEST_KEY)


SMALL = (  # the y of the points of order 1, 2, 4 and 8, also as numbers beyond the prime
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
)


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize("written", SMALL)
def test_a_key_that_anybody_can_sign_for_is_refused(written, sign_bit):
    point = bytearray.fromhex(written)
    point[-1] |= sign_bit
    with pytest.raises(SignatureError, match="small order"):
        load_public_key({"kty": "OKP", "crv": "Ed25519", "x": base64url(bytes(point))})
