"""The signed status list and the keys to check it with."""

import hashlib
import time
from typing import Any

from joserfc.jwk import KeySet
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification import status_list
from shared.status_list import TYPE
from shared.web.routes import Call, ServiceApi, route


class StatusListRoutes(ServiceApi):
    """For machines that rely on a designation."""

    @route("GET", status_list.PATH, produces=f"application/{TYPE}")
    def show_status_list(self, session: Session, call: Call) -> Response:
        """Give the signed status list (draft-ietf-oauth-status-list), two bits for each project.

        0 designated, 1 not designated, 2 suspended. Its times are real time, also in a rehearsal.
        """
        settings = self.runtime.settings
        row = status_list.statuses(session)
        token = status_list.token(
            row, status_list.key_of(settings), status_list.uri_of(settings), time.time()
        )
        response = Response(token, content_type=f"application/{TYPE}")
        response.set_etag(hashlib.sha256(token.encode()).hexdigest()[:32])
        response.headers["Cache-Control"] = f"public, max-age={status_list.TTL_SECONDS}"
        if call.headers.get("If-None-Match") == response.headers["ETag"]:
            response.status_code = 304
            response.set_data(b"")
        return response

    @route("GET", "/.well-known/jwks.json")
    def show_keys(self, session: Session, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """Give the public keys that the status list is signed with."""
        keys: dict[str, Any] = dict(
            KeySet([status_list.key_of(self.runtime.settings)]).as_dict(private=False)
        )
        return keys
