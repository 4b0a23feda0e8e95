"""Who writes where nobody is asked for a token writes so often and no more, each address for itself."""

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from shared.server import service_class
from shared.testing import Laurel
from shared.web import limits
from shared.web.limits import Limit, TooManyRequestsError, caller


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def taken(limit, address, times):
    """How many of so many requests at once are let in."""
    done = 0
    for _ in range(times):
        try:
            limit.take(address)
        except TooManyRequestsError:
            continue
        done += 1
    return done


def test_so_many_at_once_and_as_many_again_in_a_minute():
    clock = Clock()
    limit = Limit(60, clock)
    assert taken(limit, "a", 100) == 60
    assert taken(limit, "b", 1) == 1
    for wait, more in ((1, 1), (2.5, 2), (0.5, 1), (3600, 60)):
        clock.seconds += wait
        assert taken(limit, "a", 100) == more


def test_who_is_refused_is_told_when_it_may_again():
    clock = Clock()
    limit = Limit(2, clock)
    taken(limit, "a", 2)
    with pytest.raises(TooManyRequestsError, match="try again in 30 s") as refusal:
        limit.take("a")
    clock.seconds += refusal.value.extra["retry_after"]
    limit.take("a")


def test_many_addresses_are_remembered_to_a_bound(monkeypatch):
    monkeypatch.setattr(limits, "ADDRESSES", 3)
    limit = Limit(1, Clock())
    for address in "abcd":
        limit.take(address)
    assert taken(limit, "d", 1) == 0
    assert taken(limit, "a", 1) == 1  # forgotten


def test_0_limits_nobody():
    assert taken(Limit(0), "a", 1000) == 1000


@pytest.mark.parametrize(
    ("peer", "told", "trusted", "address"),
    [
        ("192.0.2.1", "198.51.100.7", 0, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", 1, "198.51.100.7"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", 1, "198.51.100.7"),
        ("192.0.2.1", "203.0.113.9, 198.51.100.7", 2, "203.0.113.9"),
        ("192.0.2.1", "198.51.100.7", 2, "192.0.2.1"),
        ("192.0.2.1", None, 1, "192.0.2.1"),
        ("192.0.2.1", "nonsense" * 20, 1, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7:5555", 1, "198.51.100.7"),
        ("192.0.2.1", "[2001:db8:0:1::7]:5555", 1, "2001:db8:0:1::/64"),
        ("192.0.2.1", "[2001:db8:0:1::7]", 1, "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", None, 0, "192.0.2.1"),
        ("::ffff:192.0.2.2", None, 0, "192.0.2.2"),
        ("fe80::1%eth0", None, 0, "fe80::/64"),
        ("", None, 0, ""),
        ("2001:db8:0:1::7", None, 0, "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::9", None, 0, "2001:db8:0:1::/64"),
    ],
)
def test_a_caller_is_whom_our_own_proxies_saw(peer, told, trusted, address):
    headers = {"X-Forwarded-For": told} if told else {}
    environ = EnvironBuilder(environ_base={"REMOTE_ADDR": peer}, headers=headers).get_environ()
    assert caller(Request(environ), trusted) == address


def test_public_writes_are_limited_and_nothing_else(tmp_path):
    environ = {"LAUREL_PUBLIC_WRITES_PER_MINUTE": "2", "LAUREL_TRUSTED_PROXIES": "1"}
    with Laurel(tmp_path, environ, [service_class("scoring")]) as laurel:
        client = laurel.http("scoring")

        def object_from(address):
            headers = {"X-Forwarded-For": address}
            return client.post("/v1/objections", json={}, headers=headers)

        assert [object_from("198.51.100.7").status_code for _ in range(2)] == [422, 422]
        refused = object_from("198.51.100.7")
        assert (refused.status_code, refused.json["slug"]) == (429, "too-many-requests")
        assert int(refused.headers["Retry-After"]) in range(25, 31)
        assert object_from("198.51.100.8").status_code == 422
        official = laurel.token("official") | {"X-Forwarded-For": "198.51.100.7"}
        for _ in range(5):
            assert client.post("/v1/experts", json={}, headers=official).status_code == 422
            assert client.get("/v1/publicity/none", headers=official).status_code == 404
