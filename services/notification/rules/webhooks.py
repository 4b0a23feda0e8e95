"""Webhooks as Standard Webhooks 1.0 has them (github.com/standard-webhooks/standard-webhooks)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from shared.errors import InvalidError

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the specification gives to secrets
SECRET_BYTES = 32


def secret_from(random_bytes: bytes) -> str:
    """The shown form of a secret."""
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


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
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def check_url(url: str) -> None:
    """Raise InvalidError unless the URL is https, or http to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad_url("is no URL") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad_url("must begin with https:// and name a host")
    if parts.username or parts.password or not url.isprintable() or " " in url:
        raise _bad_url("must not hold credentials, spaces or control characters")
    if parts.scheme == "http" and not _is_loopback(host):
        raise _bad_url("must begin with https:// (http:// is for this machine only)")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bad_url(message: str) -> InvalidError:
    return InvalidError(
        f"The webhook address {message}.", errors=[{"field": "address", "message": message}]
    )
