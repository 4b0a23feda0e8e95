"""`laurel agency`: key, signature, validation, sending and receipts."""

import json

import pytest

from shared.agency.kit import METHODS, sample, write_kit
from shared.agency.signing import verify
from shared.cli.client import Services
from shared.server import whole_topology
from shared.spine.broker import Message
from shared.spine.broker.choice import broker_at
from shared.spine.broker.topology import needed_queue
from shared.spine.envelope import CONTENT_TYPE, new_id


@pytest.fixture
def key(laurel, tmp_path):
    """A key file, and the public part that goes to the ministry."""
    result = laurel("agency", "keygen", "key.json")
    assert result.code == 0
    return tmp_path / "key.json", json.loads(result.out)


@pytest.fixture
def body(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(sample("full_assessment"), ensure_ascii=False))
    return path


def test_keygen_keeps_the_private_part_and_prints_the_public_one(laurel, key):
    path, public = key
    private = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(public) == set(private) - {"d"}
    refusal = laurel("agency", "keygen", path).refusal
    assert refusal == f"{path} exists; a key is never overwritten. Name another."
    assert json.loads(path.read_text()) == private


def test_keygen_says_where_it_cannot_write(laurel):
    refusal = laurel("agency", "keygen", "nowhere/key.json").refusal
    assert refusal == "nowhere/key.json cannot be written: No such file or directory."


def test_sign_prints_a_signature_that_the_public_key_verifies(laurel, key, body):
    path, public = key
    result = laurel("agency", "sign", body, "--key", path, "--kid", "k1")
    assert (result.code, result.err) == (0, "")
    verify(body.read_bytes(), result.out.strip(), public)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kty": "OKP", "crv": "Ed25519", "x": "a"}'])
def test_sign_refuses_a_file_without_a_private_key(laurel, body, tmp_path, text):
    (tmp_path / "key.json").write_text(text)
    refusal = laurel("agency", "sign", body, "--key", "key.json", "--kid", "k1").refusal
    assert refusal == "key.json holds no private Ed25519 JWK; make one with keygen."


def test_sign_refuses_the_public_part(laurel, body, key, tmp_path):
    (tmp_path / "public.json").write_text(json.dumps(key[1]))
    refusal = laurel("agency", "sign", body, "--key", "public.json", "--kid", "k1").refusal
    assert refusal.startswith("public.json holds no private Ed25519 JWK")


@pytest.mark.parametrize("method", METHODS)
def test_validate_finds_nothing_wrong_with_a_good_report(laurel, tmp_path, method):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(sample(method)))
    result = laurel("agency", "validate", path)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{path}: nothing wrong with the message itself\n"


def with_data(**changes):
    event = sample("full_assessment")
    return json.dumps(event | {"data": event["data"] | changes}).encode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "undecodable"),
        (b"\xff", "undecodable"),
        (b"[]", "undecodable"),
        (json.dumps(sample("site_check") | {"source": "me"}).encode(), "undecodable"),
        (with_data(score="82.505"), "wrong-schema"),
        (with_data(method="guess"), "wrong-schema"),
        (with_data(conducted_on="2999-01-01"), "implausible"),
        (with_data(inspectors=["a", "a"]), "implausible"),
    ],
)
def test_validate_says_why_a_message_would_be_rejected(laurel, tmp_path, content, code):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    refusal = laurel("agency", "validate", path).refusal
    assert refusal.startswith(f"{path} would be rejected: {code}: ")


def test_a_rejected_message_ends_with_1_and_its_receipt(installed, key, body, tmp_path):
    stranger = tmp_path / "stranger.json"
    stranger.write_text(json.dumps(sample("site_check") | {"source": "/agencies/agency-z"}))
    for path, code in ((stranger, "unknown-agency"), (body, "unknown-key")):
        result = installed("agency", "publish", path, "--key", key[0], "--kid", "k1", "--https")
        assert (result.code, result.err) == (1, "")
        assert result.out.startswith(f"rejected: {code}. ")


def test_receipts_over_https_are_one_json_object_a_line(installed, running, key, body):
    valid = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2022-01-01T00:00:00Z"}
    registered = {"kid": "k2", "public_jwk": key[1]} | valid
    Services(running.settings, "official").post(
        "inspection", "/v1/agencies/agency-a/keys", registered
    )
    installed("agency", "publish", body, "--key", key[0], "--kid", "k2", "--https")
    installed("agency", "publish", body, "--key", key[0], "--kid", "k1", "--https")
    result = installed("agency", "receipts", "agency-a", "--https")
    assert (result.code, result.err) == (0, "")
    codes = {json.loads(line)["code"] for line in result.out.splitlines()}
    assert codes == {"from-future"}


@pytest.mark.parametrize("broker", [None, "memory://", "amqp://host:port", "http://127.0.0.1"])
@pytest.mark.parametrize("command", ["publish", "receipts"])
def test_a_broker_must_be_named(laurel, key, body, broker, command):
    named = () if broker is None else ("--broker-url", broker)
    words = {
        "publish": ("publish", body, "--key", key[0], "--kid", "k1"),
        "receipts": ("receipts", "agency-a"),
    }[command]
    refusal = laurel("agency", *words, *named).refusal
    assert refusal == "Name the broker with --broker-url amqp(s)://…, or send with --https."


def test_a_broker_that_does_not_answer_is_told(laurel, key, body):
    away = ("--broker-url", "amqp://guest:guest@127.0.0.1:1/")
    refusal = laurel("agency", "publish", body, "--key", key[0], "--kid", "k1", *away).refusal
    assert refusal.startswith("The broker did not take it: ")
    assert refusal.endswith("Send the same file again.")
    refusal = laurel("agency", "receipts", "agency-a", *away).refusal
    assert refusal.startswith("The receipts queue cannot be read: ")


def test_what_the_broker_cannot_route_is_not_called_sent(laurel, key, body, amqp_url):
    named = ("--broker-url", amqp_url)
    refusal = laurel("agency", "publish", body, "--key", key[0], "--kid", "k1", *named).refusal
    assert refusal.startswith("The broker did not take it: ")


def test_over_the_broker_a_message_is_taken_and_each_receipt_read_once(laurel, key, body, amqp_url):
    url = "postgresql://laurel@127.0.0.1:1/{service}"
    real = {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": url}
    laurel("topology", "--declare", **real)
    result = laurel("agency", "publish", body, "--key", key[0], "--kid", "k1", **real)
    assert (result.code, result.err) == (0, "")
    broker = broker_at(amqp_url)
    names = [queue.name for queue in whole_topology().queues]
    assert sum(broker.depths(names).values()) == 1
    receipt(broker, "agency-a", b'{"data": {"code": "accepted"}}')
    first, second = (
        laurel("agency", "receipts", "agency-a", "--wait", "0.5", **real) for _ in range(2)
    )
    assert (first.code, first.out) == (0, '{"data": {"code": "accepted"}}\n')
    assert (second.code, second.out, second.err) == (0, "", "")


def receipt(broker, agency, content):
    publisher = broker.publisher()
    where = ("partner.receipts", f"agency.{agency}.receipt")
    message = Message(
        *where, content, new_id(), CONTENT_TYPE, queue=needed_queue(*where, "inspection")
    )
    assert publisher.publish([message]).failure is None
    publisher.close()


def test_the_kit_is_written_and_each_file_named(laurel, tmp_path):
    result = laurel("agency", "kit", tmp_path / "kit")
    expected = [
        str(tmp_path / "kit" / path.relative_to(tmp_path / "other"))
        for path in write_kit(tmp_path / "other")
    ]
    assert (result.code, result.out.splitlines()) == (0, expected)
