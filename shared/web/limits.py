"""How often one address may write at the doors that ask nobody who they are."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from math import ceil

from werkzeug.wrappers import Request

from shared.errors import LaurelError

ADDRESSES = 10_000  # remembered at most; who has not come for longest is forgotten first
IPV6_SUBSCRIBER = 64  # bits of an address that its holder does not choose
# What proxies tell of those whose requests they pass on.
PASSED_ON = frozenset(
    ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
)
_WITH_PORT = re.compile(r"(?:\[(.+)\]|([0-9.]+))(?::[0-9]+)?")


class TooManyRequestsError(LaurelError):
    """An address has written too often; `retry_after` are the seconds until it may again."""

    slug = "too-many-requests"
    status = 429


class Limit:
    """A token bucket for each address: `per_minute` at once, and as many again in each minute.

    Each process counts for itself. 0 does not limit.
    """

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._per_second, self._now = per_minute, per_minute / 60, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """Count one request of that address; raises TooManyRequestsError."""
        if not self._most:
            return
        now = self._now()
        with self._lock:
            left, at = self._left.pop(address, (float(self._most), now))
            left = min(self._most, left + (now - at) * self._per_second)
            self._left[address] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > ADDRESSES:
                self._left.popitem(last=False)
        if left < 1:
            wait = ceil((1 - left) / self._per_second)
            raise TooManyRequestsError(
                f"More than {self._most} requests a minute came from your address; "
                f"try again in {wait} s.",
                retry_after=wait,
            )


def caller(request: Request, trusted_proxies: int) -> str:
    """The address a request came from, as the outermost of our own proxies saw it.

    What stands further left in X-Forwarded-For is the caller's own word. Of IPv6 the network that
    one subscriber has.
    """
    parts = request.headers.get("X-Forwarded-For", "").split(",")
    told = [part.strip() for part in parts if part.strip()]
    known = bool(trusted_proxies) and len(told) >= trusted_proxies
    return (known and _holder(told[-trusted_proxies])) or _holder(request.remote_addr or "") or ""


def is_near(address: str, headers: Iterable[str]) -> bool:
    """Whether it came from a private or loopback address, and through no proxy that says so."""
    names = map(str.lower, headers)
    passed_on = any(name in PASSED_ON or name.startswith("x-forwarded-") for name in names)
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return bool(mapped.is_private) and not passed_on


def _holder(address: str) -> str | None:
    """The address or network that one caller has; some proxies add a port. None for no address."""
    told = _WITH_PORT.fullmatch(address)
    try:
        parsed = ip_address((told[1] or told[2]) if told else address)
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return str(parsed)
    return str(ip_network((parsed, IPV6_SUBSCRIBER), strict=False))
