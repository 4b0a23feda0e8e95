"""The key set of the token issuer: the last good one serves until a better one is there."""

import threading
import time
from typing import Any

import eventlet
import requests
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from shared.errors import LaurelError

REFETCH_SECONDS = 60.0
RETRY_SECONDS = 2.0
TIMEOUT_SECONDS = 5
NOTHING_TO_USE = (
    OSError,
    JoseError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)
_log = structlog.get_logger(__name__)


class IssuerAwayError(LaurelError):
    """The issuer's keys cannot be had, so no token can be verified."""

    slug = "issuer-unavailable"
    status = 503


def _usable(keys: Any) -> KeySet:
    """Those keys that can be used (RFC 7517, 5): one that cannot takes no other away."""
    found = []
    for one in keys:
        try:
            found.append(import_key(dict(one)))
        except NOTHING_TO_USE as error:
            _log.warning("issuer-key-unusable", error=str(error)[:300])
    if not found:
        raise ValueError("the key set has no key that can be used")
    return KeySet(found)


class IssuerKeys:
    """Fetched when first needed, and again for a token that the present keys do not verify.

    One fetch at a time and not again at once, whatever tokens arrive and however it ended.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._again_at = 0.0
        self._is_away = False
        self._fetching = threading.Lock()

    def present(self) -> KeySet:
        """The keys as they were last seen; raises IssuerAwayError when they never were."""
        return self._keys or self.newest()

    def newest(self) -> KeySet:
        """The keys as they are now or were a moment ago; raises IssuerAwayError."""
        with self._fetching:
            if time.monotonic() >= self._again_at:
                self._fetch()
        if self._is_away or self._keys is None:
            raise IssuerAwayError("The token issuer's keys cannot be had at the moment; try again.")
        return self._keys

    def _fetch(self) -> None:
        try:
            with eventlet.Timeout(TIMEOUT_SECONDS, TimeoutError):  # however slowly it speaks
                answer = requests.get(self._url, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            self._keys, self._is_away = _usable(answer.json()["keys"]), False
        except NOTHING_TO_USE as error:
            _log.warning("issuer-away", url=self._url, error=str(error)[:300])
            self._is_away = True
        wait = RETRY_SECONDS if self._is_away else REFETCH_SECONDS
        self._again_at = time.monotonic() + wait
