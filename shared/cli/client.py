"""The command line's way to the services: HTTP with a bearer token, answers as dicts."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from shared.errors import LaurelError
from shared.settings import Settings
from shared.web.access import issue_token, load_or_create_key

TIMEOUT_SECONDS = 30


class AnswerError(LaurelError):
    """A service refused, or did not answer; `status` is the HTTP status, 0 for no answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def part(text: str) -> str:
    """The text as one part of a path, slashes and all."""
    return quote(text, safe="")


class Services:
    """Calls the four services as one actor.

    The token is LAUREL_TOKEN, or one issued from the local development key.
    """

    def __init__(self, settings: Settings, role: str = "operator", **claims: Any) -> None:
        self.settings = settings
        token = settings.token or issue_token(
            load_or_create_key(Path(settings.jwt_key)), settings, role=role, **claims
        )
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, service: str, path: str, **query: Any) -> Any:
        """The answer to a GET; raises LaurelError with the problem's detail."""
        return self._answer("GET", service, path, params=query)

    def post(self, service: str, path: str, body: Any = None) -> Any:
        """The answer to a POST; raises LaurelError with the problem's detail."""
        return self._answer("POST", service, path, json=body if body is not None else {})

    def _answer(self, method: str, service: str, path: str, **options: Any) -> Any:
        url = self.settings.url_of(service)
        try:
            answer = self.session.request(method, url + path, timeout=TIMEOUT_SECONDS, **options)
            told = answer.json()
        except requests.JSONDecodeError:
            told = {}
        except requests.RequestException as error:
            raise AnswerError(
                0, f"{service} does not answer at {url}. Is it running (laurel run)?"
            ) from error
        if answer.ok and told:
            return told
        detail = told.get("detail") or f"no answer of ours ({answer.reason})"
        raise AnswerError(answer.status_code, f"{service} answered {answer.status_code}: {detail}")
