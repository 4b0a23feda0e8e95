"""`laurel status verify` fails closed: without a trustworthy answer it says unknown and exits 1."""

import base64
import json
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from shared.cli.main import main
from shared.status_list import compress, pack

PROJECT = "2020-P110000-0003"
STATUSES = [0, 1, 2, 3]
DEEP = b"[" * 100_000


class Site:
    """A public site that says what a test tells it to."""

    def __init__(self, url):
        self.url, self.key = url, OKPKey.generate_key("Ed25519", {"kid": "k1"})
        self.header = {"alg": "Ed25519", "typ": "statuslist+jwt", "kid": "k1"}
        self.uri = f"{url}/status-lists/1"
        now = int(time.time())
        self.claims = {
            "sub": self.uri, "iat": now, "exp": now + 900, "ttl": 60,
            "status_list": {"bits": 2, "lst": compress(pack(STATUSES, 2))},
        }  # fmt: skip
        self.answers = {}
        self.refer(0)
        self.answers["/.well-known/jwks.json"] = self.keys()

    def keys(self, key=None):
        return json.dumps(KeySet([key or self.key]).as_dict(private=False)).encode()

    def refer(self, index, uri=None, **changes):
        place = {"idx": index, "uri": uri or self.uri}
        claims = {"sub": PROJECT, "iat": 0, "status": {"status_list": place}} | changes
        header = {"alg": "Ed25519", "typ": "designation+jwt", "kid": "k1"}
        token = jwt.encode(header, claims, self.key, algorithms=["Ed25519"])
        reference = place | {"token": token}
        told = json.dumps({"project": PROJECT, "status_list": reference})
        self.answers[f"/v1/register/{PROJECT}"] = told.encode()

    def answer(self, path):
        if path == "/status-lists/1" and path not in self.answers:
            return jwt.encode(self.header, self.claims, self.key, algorithms=["Ed25519"]).encode()
        return self.answers.get(path)


@pytest.fixture
def site():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.site.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def verify(site, capsys):
    """Runs the command; gives exit code, status and reason."""

    def run(*more, url=None):
        with pytest.raises(SystemExit) as ended:
            main(["status", "verify", PROJECT, "--url", url or site.url, "--json", *more])
        out, err = capsys.readouterr()
        assert err == ""
        told = json.loads(out)
        assert told["project"] == PROJECT
        return ended.value.code, told["status"], told["reason"]

    return run


@pytest.mark.parametrize(
    ("index", "answer"),
    [(0, (0, "designated", None)), (1, (1, "not designated", None)), (2, (1, "suspended", None))],
)
def test_each_status_has_its_answer_and_only_designated_ends_with_0(site, verify, index, answer):
    site.refer(index)
    assert verify() == answer


def place_of_another(site):
    site.refer(0, sub="2020-P110000-0004")


def other_index_beside_the_token(site):
    path = f"/v1/register/{PROJECT}"
    told = json.loads(site.answers[path])
    told["status_list"]["idx"] = 1
    site.answers[path] = json.dumps(told).encode()


def no_token(site):
    path = f"/v1/register/{PROJECT}"
    told = json.loads(site.answers[path])
    del told["status_list"]["token"]
    site.answers[path] = json.dumps(told).encode()


def token_of_another_key(site):
    own, site.key = site.key, OKPKey.generate_key("Ed25519", {"kid": "k1"})
    site.refer(0)
    site.key = own


@pytest.mark.parametrize(
    "lie", [place_of_another, other_index_beside_the_token, no_token, token_of_another_key]
)
def test_a_mirror_cannot_point_to_another_project_s_place(site, verify, lie):
    lie(site)
    code, answer, _reason = verify()
    assert (code, answer) == (1, "unknown")


def test_without_json_one_line_says_it(site, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["status", "verify", PROJECT, "--url", f"{site.url}/"])
    assert ended.value.code == 0
    assert capsys.readouterr() == (f"{PROJECT}: designated\n", "")


def claim(name, value):
    def change(site):
        site.claims[name] = value(site) if callable(value) else value

    return change


def without(name):
    return lambda site: site.claims.pop(name)


def header(**changes):
    return lambda site: site.header.update(changes)


def answers(path, body):
    return lambda site: site.answers.update({path: body})


def hmac_with_the_public_key(site):
    secret = OctKey.import_key(site.keys())
    forged = jwt.encode(site.header | {"alg": "HS256"}, site.claims, secret, algorithms=["HS256"])
    site.answers["/status-lists/1"] = forged.encode()


def unsigned(site):
    parts = ({"alg": "none", "typ": "statuslist+jwt"}, site.claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    site.answers["/status-lists/1"] = b".".join([*encoded, b""])


def another_key(site):
    site.answers["/.well-known/jwks.json"] = site.keys(
        OKPKey.generate_key("Ed25519", {"kid": "k1"})
    )


REGISTER, KEYS, LIST = f"/v1/register/{PROJECT}", "/.well-known/jwks.json", "/status-lists/1"
NO_PLACE = json.dumps({"status_list": None}).encode()
FAULTS = {
    "expired": claim("exp", lambda _site: int(time.time()) - 3600),
    "from the future": claim("iat", lambda _site: int(time.time()) + 3600),
    "without an end": without("exp"),
    "without a beginning": without("iat"),
    "end that is text": claim("exp", "tomorrow"),
    "of another list": claim("sub", "https://elsewhere.example/status-lists/1"),
    "of no list": without("sub"),
    "without statuses": without("status_list"),
    "statuses of another size": claim("status_list", {"bits": 3, "lst": "eNo76fITAAPfAgc"}),
    "statuses that are no text": claim("status_list", {"bits": 2, "lst": 7}),
    "statuses that do not unpack": claim("status_list", {"bits": 2, "lst": "eNo"}),
    "statuses that are empty": claim(
        "status_list", {"bits": 2, "lst": base64.urlsafe_b64encode(zlib.compress(b"")).decode()}
    ),
    "another type": header(typ="JWT"),
    "signed by another key": another_key,
    "signed with the public key": hmac_with_the_public_key,
    "unsigned": unsigned,
    "index out of range": lambda site: site.refer(4),
    "index below zero": lambda site: site.refer(-1),
    "index that is no number": lambda site: site.refer("0"),
    "status that has no meaning": lambda site: site.refer(3),
    "reference to nowhere": lambda site: site.refer(0, "http://127.0.0.1:1/status-lists/1"),
    "reference to no URL": lambda site: site.refer(0, "file:///etc/passwd"),
    "reference that is no text": lambda site: site.refer(0, ["x"]),
    "project without a place": answers(REGISTER, NO_PLACE),
    "project that is unknown": answers(REGISTER, None),
    "register that is a list": answers(REGISTER, b"[]"),
    "register that is no JSON": answers(REGISTER, b"<html>"),
    "register that is too deep": answers(REGISTER, DEEP),
    "no keys": answers(KEYS, None),
    "empty key set": answers(KEYS, b'{"keys": []}'),
    "key set that is a list": answers(KEYS, b"[1]"),
    "key set that is no JSON": answers(KEYS, b"-"),
    "no list": answers(LIST, b""),
    "list that is no token": answers(LIST, b"<html>"),
    "list that is not there": lambda site: site.refer(0, f"{site.url}/elsewhere"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_trustworthy_list_the_answer_is_unknown(site, verify, fault):
    FAULTS[fault](site)
    code, status, reason = verify()
    assert (code, status) == (1, "unknown")
    assert reason
    assert "\n" not in reason


def test_a_site_that_does_not_answer_is_unknown(verify):
    code, status, reason = verify(url="http://127.0.0.1:1")
    assert (code, status) == (1, "unknown")
    assert reason.startswith("no answer from http://127.0.0.1:1/")


def test_keys_kept_from_before_are_trusted_instead_of_the_site_s(site, verify, tmp_path):
    kept = tmp_path / "keys.json"
    kept.write_bytes(site.keys())
    site.answers["/.well-known/jwks.json"] = None
    assert verify("--keys", str(kept)) == (0, "designated", None)
    another_key(site)
    site.key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    assert verify("--keys", str(kept))[:2] == (1, "unknown")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "nonsense", '{"keys": []}'])
def test_a_file_of_keys_that_holds_none_does_not_fall_back_to_the_site_s(verify, tmp_path, text):
    kept = tmp_path / "keys.json"
    kept.write_text(text)
    assert verify("--keys", str(kept))[:2] == (1, "unknown")
