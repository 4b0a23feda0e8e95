"""The public JSON of the register, circulars, statistics and the signed status list."""

import hashlib
import time
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, OKPKey
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification import queries, status_list
from services.notification.api.schemas import (
    CircularOut,
    ProjectOut,
    ProjectPageOut,
    RegisterQuery,
    StatisticsOut,
    StatisticsQuery,
)
from services.notification.models import Circular, Project
from shared.spine.rows import found
from shared.status_list import TYPE
from shared.web.access import load_or_create_key
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class RegisterApi(ServiceApi):
    """What anyone may read."""

    @route("GET", "/v1/register", query=RegisterQuery, answer=ProjectOut, page=True)
    def list_projects(self, session: Session, call: Call) -> Page:
        """List public projects, from publicity onwards.

        `q` is part of a title, an undertaker's name, a USCC or a project id.
        """
        wanted = queries.registered(queries.RegisterFilter(**call.query))
        return keyset(session, wanted, call.page)

    @route("GET", "/v1/register/<project>", answer=ProjectPageOut)
    def show_project(self, session: Session, call: Call) -> dict[str, Any]:
        """Show one project with its history, inspections, circulars and status list index."""
        project = queries.project(session, call.path["project"])
        slot = queries.status_slot(session, project.id)
        return {
            **_shown(project),
            "history": queries.history(session, project.id),
            "inspections": queries.inspections(session, project.id),
            "circulars": queries.circulars_of(session, project.id),
            "acknowledgements": queries.acknowledgements(session, project.id),
            "status_list": self._reference(project.id, slot.index) if slot else None,
        }

    @route("GET", "/v1/circulars", answer=CircularOut, page=True)
    def list_circulars(self, session: Session, call: Call) -> Page:
        """List the circulars in the order of their numbers."""
        return keyset(session, queries.circulars(), call.page)

    @route("GET", "/v1/circulars/<number>", answer=CircularOut)
    def show_circular(self, session: Session, call: Call) -> Circular:
        """Show one circular by its number, such as LAUREL-2021-0003."""
        return found(session, Circular, call.path["number"])

    @route("GET", "/v1/statistics", query=StatisticsQuery, answer=StatisticsOut)
    def show_statistics(self, session: Session, call: Call) -> dict[str, Any]:
        """Count projects by state, inspections by outcome, revocations by ground."""
        return {
            "funnel": queries.funnel(session, call.query["programme"]),
            "inspections": queries.outcomes(session),
            "revocations": queries.grounds(session),
        }

    @route("GET", status_list.PATH, produces=f"application/{TYPE}")
    def show_status_list(self, session: Session, call: Call) -> Response:
        """Give the signed status list (draft-ietf-oauth-status-list), two bits for each project.

        0 designated, 1 not designated, 2 suspended. Its times are real time, also in a rehearsal.
        """
        row = status_list.statuses(session)
        token = status_list.token(row, self._status_key(), self._status_uri(), time.time())
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
        keys: dict[str, Any] = dict(KeySet([self._status_key()]).as_dict(private=False))
        return keys

    def _reference(self, project: str, index: int) -> dict[str, Any]:
        uri = self._status_uri()
        token = status_list.reference(project, index, self._status_key(), uri, time.time())
        return {"idx": index, "uri": uri, "token": token}

    def _status_key(self) -> OKPKey:
        return load_or_create_key(Path(self.runtime.settings.status_key))

    def _status_uri(self) -> str:
        return self.runtime.settings.site_url + status_list.PATH


def _shown(project: Project) -> dict[str, Any]:
    names = [field.attribute or name for name, field in ProjectOut().fields.items()]
    return {name: getattr(project, name) for name in names}
