"""The public JSON of the register and its statistics."""

import time
from typing import Any

from sqlalchemy.orm import Session

from services.notification import queries, status_list
from services.notification.api.schemas import (
    ProjectOut,
    ProjectPageOut,
    RegisterQuery,
    StatisticsOut,
    StatisticsQuery,
)
from services.notification.models.register import Project
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class RegisterRoutes(ServiceApi):
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

    @route("GET", "/v1/statistics", query=StatisticsQuery, answer=StatisticsOut)
    def show_statistics(self, session: Session, call: Call) -> dict[str, Any]:
        """Count projects by state, inspections by outcome, revocations by ground."""
        return {
            "funnel": queries.tally(queries.census(session, call.query["programme"]), "state"),
            "inspections": queries.outcomes(session),
            "revocations": queries.grounds(session),
        }

    def _reference(self, project: str, index: int) -> dict[str, Any]:
        settings = self.runtime.settings
        key, uri = status_list.key_of(settings), status_list.uri_of(settings)
        token = status_list.reference(project, index, key, uri, time.time())
        return {"idx": index, "uri": uri, "token": token}


def _shown(project: Project) -> dict[str, Any]:
    names = [field.attribute or name for name, field in ProjectOut().fields.items()]
    return {name: getattr(project, name) for name in names}
