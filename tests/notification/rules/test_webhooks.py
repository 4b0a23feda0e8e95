"""Webhooks against the published vector of Standard Webhooks, and the addresses they may go to."""

import base64

import pytest

from services.notification.rules.webhooks import (
    body_of,
    check_url,
    secret_from,
    secret_of,
    signature,
)
from shared.errors import InvalidError
from shared.settings_table import THIS_MACHINE, networks_in

HERE = networks_in(THIS_MACHINE)
EVERYWHERE = networks_in("0.0.0.0/0, ::/0")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_reference_libraries_is_signed_alike():
    body = b'{"test": 2432232314}'
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == SIGNED


def test_the_signature_covers_id_time_and_body():
    body = b'{"test": 2432232314}'
    others = [
        signature(SECRET, "msg_other", 1614265330, body),
        signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265331, body),
        signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body + b" "),
        signature(secret_from(bytes(24)), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body),
    ]
    assert len({SIGNED, *others}) == 5


def test_a_secret_has_the_shown_form_of_the_specification():
    assert secret_from(bytes(range(32))) == ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")


def test_each_subscriber_has_a_secret_of_its_own_that_our_key_makes_again():
    made = {secret_of(who, key) for who in ("a", "b") for key in (bytes(32), b"k" * 32)}
    assert len(made) == 4
    assert secret_of("a", bytes(32)) in made
    assert all(len(base64.b64decode(secret[6:])) == 32 for secret in made)


def test_a_secret_that_is_not_base64_is_refused():
    with pytest.raises(InvalidError, match="'whsec_' and base64"):
        signature("whsec_not base64", "id", 1, b"")


def test_the_body_is_the_same_bytes_whatever_the_order_of_its_members():
    assert body_of({"b": "医院", "a": 1}) == body_of({"a": 1, "b": "医院"})
    assert body_of({"b": "医院", "a": 1}) == '{"a":1,"b":"医院"}'.encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://fund.example/hook",
        "https://fund.example:8443/hook?x=1",
        "http://localhost:9/hook",
        "http://127.0.0.1:9/hook",
        "http://[::1]:9/hook",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_taken(url):
    check_url(url, HERE)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "[::1]",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "[64:ff9b:1::a00:1]",
        "[::10.0.0.1]",
        "[::ffff:0:10.0.0.1]",
        "[fec0::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[100::1]",
        "[2001:db8::1]",
        "[2001::1]",
    ],
)
def test_an_address_that_is_not_public_is_refused_unless_its_network_is_allowed(host):
    with pytest.raises(InvalidError, match="must be public; LAUREL_WEBHOOK_NETWORKS"):
        check_url(f"https://{host}/hook", ())
    check_url(f"https://{host}/hook", EVERYWHERE)


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "fund.example", "例子.中国"])
def test_a_public_address_or_a_name_is_taken(host):
    check_url(f"https://{host}/hook", ())


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.01", "127.0.0.1."])
def test_an_address_that_only_resolvers_understand_is_refused(host):
    with pytest.raises(InvalidError, match="must name a host, or hold an address"):
        check_url(f"https://{host}/hook", EVERYWHERE)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://fund.example/hook", "must begin with https:// (http:// is for this machine only)"),
        ("http://127.0.0.1.fund.example/", "must begin with https:// (http:// is for this machine"),
        ("http://10.0.0.1/hook", "must begin with https:// (http:// is for this machine only)"),
        ("ftp://fund.example/", "must begin with https:// and name a host"),
        ("https:///hook", "must begin with https:// and name a host"),
        ("li@fund.example", "must begin with https:// and name a host"),
        ("", "must begin with https:// and name a host"),
        ("https://li:secret@fund.example/", "must not hold credentials"),
        ("https://@fund.example/", "must not hold credentials"),
        ("https://%00/", "must name a host"),
        ("https://*/", "must name a host"),
        ("https://-/", "must name a host"),
        ("https://a-.example/", "must name a host"),
        ("https://xn--/", "must name a host"),
        ("https://[v1.x]/", "must name a host"),
        ("https://fund.example/a b", "must not hold credentials, spaces"),
        ("https://fund.example/\r\nHost: x", "must not hold credentials, spaces or control"),
        ("https://fund.example:99999/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://a..b/", "is no URL"),
        ("https://a.example:0/", "must name a port that can be connected to, or none"),
        (f"https://{'a' * 64}.example/", "is no URL"),
    ],
)
def test_any_other_address_is_refused_with_the_reason(url, message):
    with pytest.raises(InvalidError) as refused:
        check_url(url, HERE)
    (error,) = refused.value.extra["errors"]
    assert error["field"] == "address"
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("10.1.2.3", True),
        ("[::ffff:10.1.2.3]", True),
        ("192.168.1.1", False),
        ("[fd00::1]", True),
        ("[fe80::1]", False),
    ],
)
def test_a_network_that_is_allowed_opens_itself_alone_however_it_is_written(host, is_ours):
    networks = networks_in("10.0.0.0/8, fd00::/8")
    if is_ours:
        check_url(f"https://{host}/hook", networks)
    else:
        with pytest.raises(InvalidError) as refusal:
            check_url(f"https://{host}/hook", networks)
        message = "must be public; LAUREL_WEBHOOK_NETWORKS may allow more"
        assert refusal.value.detail == f"The webhook address {message}."


def test_an_ipv4_address_written_as_ipv6_is_that_address():
    check_url("https://[::ffff:8.8.8.8]/hook", ())


def test_a_secret_with_a_stray_character_is_none():
    with pytest.raises(InvalidError) as refusal:
        signature(f"{SECRET[:10]}!{SECRET[10:]}", "id", 1, b"")
    assert refusal.value.detail == "A webhook secret is 'whsec_' and base64."
