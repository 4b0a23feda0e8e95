"""The command line's way to the services: HTTP with a bearer token, answers as dicts."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from shared.errors import LaurelError
from shared.settings import Settings
from shared.web.access import issue_token, load_or_create_key

TIMEOUT_SECONDS = 30


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
        url = self.settings.url_of(service) + quote(path)
        answer = self.session.request(method, url, timeout=TIMEOUT_SECONDS, **options)
        if answer.ok:
            return answer.json()
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        raise LaurelError(
            f"{service} answered {answer.status_code}: {problem.get('detail', answer.reason)}"
        )
