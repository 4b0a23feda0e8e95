"""Webhooks, as Standard Webhooks 1.0 has them."""

import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, urlsplit

import eventlet

from services.notification.commands.deliveries import Parcel
from services.notification.couriers.answer import Answer
from services.notification.rules.webhooks import body_of, is_reachable, secret_of, signature
from shared.project import Outlet
from shared.settings import Settings
from shared.web.access import private_bytes

TAKEN = range(200, 300)
HTTP_GONE = 410
SAFE = "/%:=&?~#+!$,;'@()*[]"  # what stands in a URL already is left as it is


class NotPublicError(Exception):
    """The receiver's name stands for an address that is not to be sent to."""


class WebhookCourier:
    """Posts webhooks; follows no redirect, reads no answer's body, uses no proxy.

    The time-out is for the whole exchange, however slowly the receiver speaks.
    """

    outlet = Outlet.WEBHOOK

    def __init__(self, settings: Settings, clock_kind: str) -> None:
        self.timeout_seconds = settings.webhook_timeout_seconds
        self._networks = settings.reachable_networks
        self._key = settings.status_key
        self._is_rehearsal = clock_kind == "rehearsal"

    def send(self, parcel: Parcel) -> Answer:
        """One webhook."""
        content = parcel.content | ({"rehearsal": True} if self._is_rehearsal else {})
        body = body_of(content)
        ends = time.monotonic() + self.timeout_seconds
        try:
            return _answer_of(self._posted(urlsplit(parcel.address), parcel, body, ends))
        except NotPublicError:
            return Answer("not-public", error="the receiver's address is not one to be sent to")
        except (OSError, HTTPException, ValueError):
            if time.monotonic() >= ends:
                return Answer("timeout", error="the receiver did not answer in time")
            return Answer("no-connection", error="the receiver could not be reached")

    def _posted(self, url: SplitResult, parcel: Parcel, body: bytes, ends: float) -> int:
        """The status of the answer."""
        host = (url.hostname or "").encode("idna").decode()
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind(host, url.port)
        line = self._line(host, connection.port, ends)
        if url.scheme == "https":
            line = _trusting().wrap_socket(
                line, server_hostname=host, do_handshake_on_connect=False
            )
        connection.sock = line
        line.settimeout(_left(ends))
        hang_up = threading.Timer(ends - time.monotonic(), _shut, [line])
        with closing(connection):
            hang_up.start()
            try:
                if isinstance(line, ssl.SSLSocket):
                    line.do_handshake()
                connection.request("POST", _target(url), body, self._headers(parcel, body))
                return connection.getresponse().status
            finally:
                hang_up.cancel()

    def _headers(self, parcel: Parcel, body: bytes) -> dict[str, str]:
        timestamp = int(time.time())
        secret = secret_of(parcel.subscriber, private_bytes(self._key))
        return {
            "Content-Type": "application/json",
            "User-Agent": "laurel",
            "webhook-id": parcel.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, parcel.id, timestamp, body),
        }

    def _line(self, host: str, port: int, ends: float) -> socket.socket:
        """A connection to an address that was looked at; a name can mean another each time."""
        with eventlet.Timeout(_left(ends), TimeoutError):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
        if not all(is_reachable(ip_address(one), self._networks) for one in addresses):
            raise NotPublicError
        for untried in range(len(addresses), 1, -1):
            with suppress(OSError):  # a silent one leaves the others their part of the time
                return socket.create_connection((addresses[-untried], port), _left(ends) / untried)
        return socket.create_connection((addresses[-1], port), _left(ends))


@cache
def _trusting() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes 40 ms."""
    return ssl.create_default_context()


def _left(ends: float) -> float:
    return max(ends - time.monotonic(), 0.001)


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _target(url: SplitResult) -> str:
    query = f"?{quote(url.query, SAFE)}" if url.query else ""
    return quote(url.path or "/", SAFE) + query


def _answer_of(status: int) -> Answer:
    code = f"http-{status}"
    if status in TAKEN:
        return Answer(code, taken=True)
    gone = status == HTTP_GONE
    error = "the receiver wants no more webhooks" if gone else "the receiver did not take it"
    return Answer(code, final=gone, gone=gone, error=error)
