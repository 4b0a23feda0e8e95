"""Routes of projects under supervision."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.api.schemas.projects import ProjectOut, ReinstateIn, RevokeIn
from services.inspection.commands import decisions
from services.inspection.models.projects import Project
from shared.spine.rows import found
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

ONE = "/v1/projects/<project>"
READERS = ("official", "operator")


class ProjectRoutes(ServiceApi):
    """Designated projects, and the decisions on them."""

    @route("GET", "/v1/projects", role=READERS, answer=ProjectOut, page=True)
    def list_projects(self, session: Session, call: Call) -> Page:
        """List projects under supervision."""
        statement = select(Project)
        return keyset(session, statement, call.page)

    @route("GET", ONE, role=READERS, answer=ProjectOut)
    def show_project(self, session: Session, call: Call) -> Project:
        """Show one project under supervision."""
        return found(session, Project, call.path["project"])

    @route("POST", f"{ONE}/revoke", role="official", body=RevokeIn, answer=ProjectOut)
    def revoke_project(self, session: Session, call: Call) -> Project:
        """Revoke on grounds 2 to 4, with citation, evidence, prior notice and statement."""
        return decisions.revoke_by_decision(session, call.path["project"], call.body, call.context)

    @route("POST", f"{ONE}/reinstate", role="official", body=ReinstateIn, answer=ProjectOut)
    def reinstate_project(self, session: Session, call: Call) -> Project:
        """Reinstate a revoked project by a decision that quashes the basis."""
        return decisions.reinstate_project(session, call.path["project"], call.body, call.context)
