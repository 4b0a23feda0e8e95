"""Who may come in: every bad token is refused, and a real issuer's keys may change and fail."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from shared.errors import ForbiddenError, SettingError
from shared.web import issuer as issuing
from shared.web.access import Gate, issue_token, load_or_create_key

GOOD = {"iss": "laurel", "aud": "laurel", "sub": "li", "role": "official"}


def claims(**changes):
    now = int(time.time())
    found = GOOD | {"iat": now, "exp": now + 600} | changes
    return {name: value for name, value in found.items() if value is not None}


def signed(key, alg="Ed25519", **changes):
    header = {"alg": alg, "kid": key.kid}
    return jwt.encode(header, claims(**changes), key, algorithms=[alg])


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(_key):
    return f"{part({'alg': 'none'})}.{part(claims())}."


def by_public_key(key):
    """The classic confusion: HMAC keyed with what everybody knows."""
    public = json.dumps(key.as_dict(private=False)).encode()
    header = {"alg": "HS256", "kid": key.kid}
    return jwt.encode(header, claims(), OctKey.import_key(public), algorithms=["HS256"])


def by_public_point(key):
    point = base64.urlsafe_b64decode(key.as_dict(private=False)["x"] + "=")
    header = {"alg": "HS256", "kid": key.kid}
    return jwt.encode(header, claims(), OctKey.import_key(point), algorithms=["HS256"])


def by_another_key(key):
    other = OKPKey.generate_key("Ed25519", {"kid": key.kid})
    return signed(other)


def altered(key):
    header, _body, signature = signed(key, role="unit").split(".")
    return f"{header}.{part(claims(role='official'))}.{signature}"


def forged_header(key, **changes):
    _header, body, signature = signed(key).split(".")
    return f"{part({'alg': 'Ed25519', 'kid': key.kid} | changes)}.{body}.{signature}"


BAD = {
    "expired": lambda key: signed(key, exp=int(time.time()) - 3600),
    "not yet valid": lambda key: signed(key, nbf=int(time.time()) + 3600),
    "never ends": lambda key: signed(key, exp=None),
    "of another issuer": lambda key: signed(key, iss="https://elsewhere.example"),
    "of no issuer": lambda key: signed(key, iss=None),
    "for another audience": lambda key: signed(key, aud="elsewhere"),
    "for no audience": lambda key: signed(key, aud=None),
    "of nobody": lambda key: signed(key, sub=None),
    "unsigned": unsigned,
    "signed with the public key": by_public_key,
    "signed with the public point": by_public_point,
    "signed by another key": by_another_key,
    "of an unknown key": lambda _key: signed(OKPKey.generate_key("Ed25519", {"kid": "other"})),
    "altered": altered,
    "with a key id that is none": lambda key: forged_header(key, kid=["k1"]),
    "with a number for a key id": lambda key: forged_header(key, kid=7),
    "with a critical header": lambda key: forged_header(key, crit=["b64"], b64=False),
    "with an algorithm that is none": lambda key: forged_header(key, alg=["Ed25519"]),
    "with half a character for a key id": lambda key: forged_header(key, kid="\ud800"),
    "with half a character for an algorithm": lambda key: forged_header(key, alg="\ud800"),
    "with half a character that is critical": lambda key: forged_header(key, crit=["\ud800"]),
    "that is a list": lambda _key: f"{part([])}.{part([])}.",
    "no token": lambda _key: "hello",
    "two dots": lambda _key: "..",
    "not ASCII": lambda _key: "\u00e9.\u00e9.\u00e9",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_refused_and_changes_nothing(stack, kind):
    key = load_or_create_key(Path(stack.settings.jwt_key))
    assert stack.add("good", {"Authorization": f"Bearer {signed(key)}"}).status_code == 201
    answer = stack.add("bad", {"Authorization": f"Bearer {BAD[kind](key)}"})
    assert (answer.status_code, answer.json["slug"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="laurel"'
    assert stack.count() == 1


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic bGk6bGk="])
def test_without_a_bearer_token_the_answer_says_how_to_get_one(stack, header):
    headers = {} if header is None else {"Authorization": header}
    answer = stack.add("a", headers)
    assert answer.status_code == 401
    assert "laurel token ROLE" in answer.json["detail"]


@pytest.mark.parametrize("role", ["king", "public", None, ["official"], {"official": 1}, 7])
def test_a_role_that_does_not_exist_is_forbidden(stack, role):
    key = load_or_create_key(Path(stack.settings.jwt_key))
    answer = stack.add("a", {"Authorization": f"Bearer {signed(key, role=role)}"})
    assert (answer.status_code, answer.json["slug"]) == (403, "forbidden")
    assert "must be one of ['agency'" in answer.json["detail"]


@pytest.mark.parametrize("claim", ["sub", "unit"])
@pytest.mark.parametrize("value", [["P110000"], {"a": 1}, 7, "a\0b", "a\u202eb"], ids=ascii)
def test_a_claim_that_is_no_text_to_be_kept_is_forbidden(stack, claim, value):
    key = load_or_create_key(Path(stack.settings.jwt_key))
    answer = stack.add("a", {"Authorization": f"Bearer {signed(key, **{claim: value})}"})
    expected = (403, f"The token's {claim} must be a line of text that can be kept.")
    if claim == "sub" and not isinstance(value, str):
        expected = (401, "The bearer token does not verify (")
    assert (answer.status_code, answer.json["detail"][: len(expected[1])]) == expected
    assert stack.count() == 0


@pytest.mark.parametrize(("seconds_ago", "status"), [(10, 201), (60, 401)])
def test_a_token_outlives_its_end_by_what_clocks_may_differ(stack, seconds_ago, status):
    key = load_or_create_key(Path(stack.settings.jwt_key))
    late = signed(key, exp=int(time.time()) - seconds_ago)
    assert stack.add("a", {"Authorization": f"Bearer {late}"}).status_code == status


def test_a_development_token_is_of_its_hours_and_for_whom_it_says(stack):
    key = load_or_create_key(Path(stack.settings.jwt_key))
    before = int(time.time())
    token = issue_token(key, stack.settings, role="unit", lifetime_hours=0.5, unit="P110000")
    told = jwt.decode(token, key, algorithms=["Ed25519"]).claims
    assert before <= told["iat"] <= time.time()
    assert told["exp"] == told["iat"] + 1800
    assert told | {"iat": 0, "exp": 0} == {
        "iss": "laurel", "aud": "laurel", "sub": "developer", "role": "unit", "unit": "P110000",
        "iat": 0, "exp": 0,
    }  # fmt: skip


def test_an_undertaker_s_token_names_it_by_its_canonical_code(stack):
    gate, key = Gate(stack.settings), load_or_create_key(Path(stack.settings.jwt_key))
    token = signed(key, role="undertaker", undertaker=" 91350100m000100y43 ")
    assert gate.actor(f"Bearer {token}").undertaker == "91350100M000100Y43"
    wrong = signed(key, role="undertaker", undertaker="91350100M000100Y44")
    with pytest.raises(ForbiddenError, match="The token's undertaker '91350100M000100Y44' "):
        gate.actor(f"Bearer {wrong}")


def test_a_role_that_may_not_do_this_is_told_which_may(stack):
    answer = stack.add("a", stack.token("expert", expert="E1"))
    assert (answer.status_code, answer.json["detail"]) == (
        403,
        "Role expert may not do this; it needs official or unit.",
    )


def test_a_token_is_checked_in_real_time_whatever_the_rehearsal_says(stack):
    assert stack.clock.now().year == 2020
    assert stack.add("a").status_code == 201


ISSUED = {"LAUREL_JWT_ISSUER": "https://id.example", "LAUREL_JWT_AUDIENCE": "laurel-api"}
KEYS = {
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", {"kid": "k1"}),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", {"kid": "k1"}),
    "ES256": lambda: ECKey.generate_key("P-256", {"kid": "k1"}),
    "RS256": lambda: RSAKey.generate_key(2048, {"kid": "k1"}),
}


def bearer(key, alg="Ed25519", **changes):
    issued = {"iss": "https://id.example", "aud": ["other", "laurel-api"]} | changes
    return {"Authorization": f"Bearer {signed(key, alg, **issued)}"}


@pytest.fixture
def served(open_stack, issuer):
    return open_stack(LAUREL_JWKS_URL=issuer.url, **ISSUED)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")  # issuers still use it
@pytest.mark.parametrize("alg", KEYS)
def test_a_real_issuer_s_tokens_are_taken_with_its_usual_algorithms(served, issuer, alg):
    key = KEYS[alg]()
    issuer.serve(key)
    issuer.document["keys"].append({"kty": "FUTURE", "kid": "unknown type"})
    assert served.add("a", bearer(key, alg)).status_code == 201


def test_with_an_issuer_the_development_key_opens_nothing(served, issuer):
    issuer.serve(KEYS["ES256"]())
    key = load_or_create_key(Path(served.settings.jwt_key))
    assert served.add("a", bearer(key)).status_code == 401


def test_rotated_keys_are_fetched_and_the_old_ones_are_no_longer_taken(served, issuer, monkeypatch):
    old, new = (OKPKey.generate_key("Ed25519", {"kid": kid}) for kid in ("old", "new"))
    monkeypatch.setattr(issuing, "REFETCH_SECONDS", 0)
    issuer.serve(old)
    assert served.add("a", bearer(old)).status_code == 201
    issuer.serve(new)
    assert served.add("b", bearer(new)).status_code == 201
    assert served.add("c", bearer(old)).status_code == 401


@pytest.mark.parametrize(
    "unusable",
    [
        {"kty": "EC", "crv": "BP-256", "x": "AA", "y": "AA", "kid": "w"},
        {"kty": "OKP", "crv": "Ed25519", "x": "!", "kid": "w"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "w"},
        {"kty": "RSA"},
        "no key",
        None,
    ],
)
def test_a_key_that_cannot_be_used_takes_no_other_away(served, issuer, monkeypatch, unusable):
    monkeypatch.setattr(issuing, "REFETCH_SECONDS", 0.0)
    old, new = (OKPKey.generate_key("Ed25519", auto_kid=True) for _ in range(2))
    issuer.serve(old)
    assert served.add("a", bearer(old)).status_code == 201
    issuer.serve(old, new)
    issuer.document["keys"].insert(0, unusable)
    assert served.add("b", bearer(new)).status_code == 201


def test_bad_tokens_do_not_make_us_ask_the_issuer_again_and_again(served, issuer):
    issuer.serve(KEYS["Ed25519"]())
    other = OKPKey.generate_key("Ed25519", {"kid": "other"})
    assert {served.add("a", bearer(other)).status_code for _ in range(5)} == {401}
    assert issuer.asked == 1


def test_known_keys_stay_in_use_while_the_issuer_is_away(served, issuer, monkeypatch):
    key, other = KEYS["Ed25519"](), OKPKey.generate_key("Ed25519", {"kid": "other"})
    monkeypatch.setattr(issuing, "REFETCH_SECONDS", 0)
    issuer.serve(key)
    assert served.add("a", bearer(key)).status_code == 201
    issuer.document = None
    for _ in range(5):
        answer = served.add("b", bearer(other))
        assert (answer.status_code, answer.json["slug"]) == (503, "issuer-unavailable")
    assert issuer.asked == 2
    assert served.add("b", bearer(key)).status_code == 201


NONSENSE = [None, [], {}, {"keys": 1}, {"keys": [{"kty": "RSA"}]}, "x", b"[" * 100_000]


@pytest.mark.parametrize("document", NONSENSE, ids=lambda document: repr(document)[:30])
def test_no_token_is_refused_for_good_while_the_issuer_serves_nonsense(
    served, issuer, document, monkeypatch
):
    monkeypatch.setattr(issuing, "RETRY_SECONDS", 0)
    key = KEYS["Ed25519"]()
    issuer.document = document
    answer = served.add("a", bearer(key))
    assert (answer.status_code, answer.json["slug"]) == (503, "issuer-unavailable")
    assert "Retry-After" in answer.headers
    issuer.serve(key)
    assert served.add("a", bearer(key)).status_code == 201


SLOW = """
import eventlet; eventlet.monkey_patch()
from shared.web import issuer
issuer.TIMEOUT_SECONDS = 1
listener = eventlet.listen(("127.0.0.1", 0))
def drip():
    line, _ = listener.accept()
    while True:
        line.sendall(b"H" if drip.begun else b"HTTP/1.1 200 OK\\r\\nSlow: ")
        drip.begun = True
        eventlet.sleep(0.1)
drip.begun = False
eventlet.spawn(drip)
try:
    issuer.IssuerKeys(f"http://127.0.0.1:{listener.getsockname()[1]}/").present()
except issuer.IssuerAwayError:
    print("away")
"""


def test_an_issuer_that_speaks_a_byte_at_a_time_is_away():
    done = subprocess.run(
        [sys.executable, "-c", SLOW], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["away"], done.stderr


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "made" / "keys" / "token.json"
    first, second = load_or_create_key(path), load_or_create_key(path)
    assert first.as_dict(private=True) == second.as_dict(private=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["token.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"kty": "OKP", "crv": "Ed25519", "x": "abc"}',
        json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=False)),
        json.dumps(OKPKey.generate_key("X25519").as_dict(private=True)),
    ],
    ids=["empty", "no key", "a list", "no point", "public", "another curve"],
)
def test_a_key_file_that_holds_no_private_key_is_named(tmp_path, text):
    path = tmp_path / "token.json"
    path.write_text(text)
    with pytest.raises(SettingError, match="holds no"):
        load_or_create_key(path)


def test_a_key_without_an_id_is_named_by_its_thumbprint(tmp_path):
    key, path = OKPKey.generate_key("Ed25519"), tmp_path / "key.json"
    path.write_text(json.dumps(key.as_dict(private=True)))
    assert load_or_create_key(path).kid == key.thumbprint()
