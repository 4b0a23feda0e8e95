"""Webhooks as Standard Webhooks 1.0 has them (github.com/standard-webhooks/standard-webhooks)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from shared.canonical import canonical
from shared.errors import InvalidError

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the specification gives to secrets
Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
GLOBAL_UNICAST = ip_network("2000::/3")  # all else of IPv6 is for special purposes (RFC 4291)
NOT_PUBLIC = tuple(map(ip_network, ("2001::/32", "2002::/16", "3fff::/20")))  # wrapped, examples
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")  # resolvers read such names as IPv4 addresses


def secret_of(subscriber: str, key: bytes) -> str:
    """A subscriber's secret, in its shown form: made from our key whenever needed, kept nowhere."""
    return secret_from(hmac.new(key, f"webhook {subscriber}".encode(), hashlib.sha256).digest())


def secret_from(secret: bytes) -> str:
    """The shown form of a secret."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: version and base64 HMAC-SHA256 of id, time and body."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise InvalidError("A webhook secret is 'whsec_' and base64.") from error
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def body_of(content: Mapping[str, Any]) -> bytes:
    """The bytes to send, the same at every attempt."""
    return canonical(content).encode()


def check_url(url: str, networks: Networks) -> None:
    """Raise InvalidError unless the URL is https to a public host, or to one in these networks.

    http is for this machine only. A name is checked once more whenever it is connected to.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise _bad_url("is no URL") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad_url("must begin with https:// and name a host")
    if port == 0:
        raise _bad_url("must name a port that can be connected to, or none")
    if "@" in parts.netloc or not url.isprintable() or " " in url:
        raise _bad_url("must not hold credentials, spaces or control characters")
    address = _address(host)
    if address is None and ("[" in parts.netloc or not _HOST.fullmatch(host)):
        raise _bad_url("must name a host")
    if parts.scheme == "http" and not (address and address.is_loopback):
        raise _bad_url("must begin with https:// (http:// is for this machine only)")
    if address is None and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise _bad_url("must name a host, or hold an address in its usual form")
    if address is not None and not is_reachable(address, networks):
        raise _bad_url("must be public; LAUREL_WEBHOOK_NETWORKS may allow more")


def is_reachable(address: Address, networks: Networks) -> bool:
    """Whether webhooks may be sent there: a public address, or one in these networks."""
    mapped = getattr(address, "ipv4_mapped", None) or address
    if any(mapped in network for network in networks):
        return True
    if mapped.version == 6 and mapped not in GLOBAL_UNICAST:
        return False
    special = mapped.is_multicast or any(mapped in network for network in NOT_PUBLIC)
    return mapped.is_global and not special


def _address(host: str) -> Address | None:
    if host == "localhost" or host.endswith(".localhost"):
        return ip_address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        return None


def _bad_url(message: str) -> InvalidError:
    return InvalidError(
        f"The webhook address {message}.", errors=[{"field": "address", "message": message}]
    )
