"""The public doors as a round's people use them: HTTP with tokens, and the broker.

A door that is shut for a while (a service, the broker or the database was killed) is knocked at
again with the same Idempotency-Key, so that nothing is done twice.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3

from shared.errors import LaurelError
from shared.settings import Settings
from shared.spine.broker import BrokerError, Message, Publisher
from shared.spine.broker.choice import broker_at
from shared.web.access import issue_token, load_or_create_key

PATIENCE_SECONDS = 180
PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 60
AWAY, BAD = (502, 503, 504), 400
PAGE = 200


class RefusedError(LaurelError):
    """A service said no; `slug` tells why."""


class Doors:
    """Everybody's way in; `who` names a role and the claims it acts under."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = load_or_create_key(Path(settings.jwt_key))
        self._tokens: dict[str, str] = {}
        self._http = urllib3.PoolManager(maxsize=32, retries=False, timeout=TIMEOUT_SECONDS)
        self._broker = broker_at(settings.broker_url)
        self._publisher: Publisher | None = None
        self._publishing = threading.Lock()

    def post(
        self, service: str, path: str, body: Any, role: str = "official", **claims: Any
    ) -> Any:
        """The answer to a POST; raises RefusedError."""
        headers = {"Idempotency-Key": str(uuid4())} | self._authorization(role, claims)
        return self._answer("POST", self._url(service, path), json=body, headers=headers)

    def get(self, service: str, path: str, role: str = "official", **query: Any) -> Any:
        """The answer to a GET; raises RefusedError."""
        given = {name: value for name, value in query.items() if value is not None}
        headers = self._authorization(role, {})
        return self._answer("GET", self._url(service, path), fields=given, headers=headers)

    def every(self, service: str, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        cursor = None
        while True:
            page = self.get(service, path, limit=PAGE, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def delete(self, service: str, path: str) -> None:
        """Ask for a DELETE; raises RefusedError."""
        headers = self._authorization("official", {})
        self._answer("DELETE", self._url(service, path), headers=headers)

    def send(self, service: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """Post bytes as they are; raises RefusedError."""
        return self._answer("POST", self._url(service, path), body=body, headers=headers)

    def publish(self, message: Message) -> None:
        """Publish one message until the broker has confirmed it."""
        with self._publishing:
            patiently(lambda: self._published(message), "the broker")

    def _published(self, message: Message) -> bool:
        try:
            self._publisher = self._publisher or self._broker.publisher()
            outcome = self._publisher.publish([message])
        except BrokerError:
            outcome = None
        if outcome is not None and outcome.failure is None:
            return True
        if self._publisher is not None:
            self._publisher.close()
        self._publisher = None
        return False

    def _answer(self, method: str, url: str, **request: Any) -> Any:
        answers: list[urllib3.BaseHTTPResponse] = []

        def came() -> bool:
            try:
                answer = self._http.request(method, url, **request)
            except urllib3.exceptions.HTTPError:
                return False
            answers.append(answer)
            return answer.status not in AWAY

        patiently(came, "the services")
        return _content(answers[-1], urlsplit(url).path)

    def _url(self, service: str, path: str) -> str:
        return self._settings.url_of(service) + path

    def _authorization(self, role: str, claims: dict[str, Any]) -> dict[str, str]:
        name = f"{role} {claims}"
        if name not in self._tokens:
            subject = next(iter(claims.values()), "demo")
            self._tokens[name] = issue_token(
                self._key, self._settings, role=role, subject=str(subject), **claims
            )
        return {"Authorization": f"Bearer {self._tokens[name]}"}


def patiently(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once the condition holds; raises LaurelError naming `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LaurelError(f"Waited {seconds:g} s for {what} in vain; see the services' logs.")
        time.sleep(PAUSE_SECONDS)


def _content(answer: urllib3.BaseHTTPResponse, path: str) -> Any:
    if answer.status < BAD:
        return answer.json() if answer.data else None
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    refusal = RefusedError(f"{path}: {problem.get('detail', answer.reason)}")
    refusal.slug = problem.get("slug", str(answer.status))
    raise refusal
