"""Routes of projects under supervision: decisions, tasks, and the ledger of revocations."""

from typing import Any

from sqlalchemy import select

from services.inspection import commands, models
from services.inspection.api.schemas import (
    ChangeDecisionIn,
    DismissIn,
    ProjectOut,
    ReinstateIn,
    RevokeIn,
    TaskOut,
)
from services.inspection.queries import ledger_lines
from shared.spine.rows import found
from shared.web.paging import Page, keyset
from shared.web.spec import Call, route

ONE = "/v1/projects/<project>"
READERS = ("official", "operator")


class ProjectRoutes:
    """Designated projects."""

    @route("GET", "/v1/projects", role=READERS, answer=ProjectOut, page=True)
    def list_projects(self, session: Any, call: Call) -> Page:
        """List projects under supervision."""
        statement = select(models.Project)
        return keyset(session, statement, call.page)

    @route("GET", ONE, role=READERS, answer=ProjectOut)
    def show_project(self, session: Any, call: Call) -> models.Project:
        """Show one project under supervision."""
        return found(session, models.Project, call.path["project"])

    @route("POST", f"{ONE}/revoke", role="official", body=RevokeIn, answer=ProjectOut)
    def revoke_project(self, session: Any, call: Call) -> models.Project:
        """Revoke on grounds 2 to 4, with citation, evidence, prior notice and statement."""
        return commands.revoke_by_decision(session, call.path["project"], call.body, call.context)

    @route("POST", f"{ONE}/reinstate", role="official", body=ReinstateIn, answer=ProjectOut)
    def reinstate_project(self, session: Any, call: Call) -> models.Project:
        """Reinstate a revoked project by a decision that quashes the basis."""
        return commands.reinstate_project(session, call.path["project"], call.body, call.context)

    @route("GET", "/v1/revocations", role=READERS, page=True)
    def list_revocations(self, session: Any, call: Call) -> Page:
        """List revocations with their circulars and the seconds each outlet took."""
        page = keyset(session, select(models.Revocation), call.page)
        return Page(ledger_lines(session, page.items), page.next_cursor)

    @route("GET", "/v1/tasks", role=READERS, answer=TaskOut, page=True)
    def list_tasks(self, session: Any, call: Call) -> Page:
        """List reported changes and violations."""
        return keyset(session, select(models.Task), call.page)

    @route("POST", "/v1/tasks/<task>/dismiss", role="official", body=DismissIn, answer=TaskOut)
    def dismiss_task(self, session: Any, call: Call) -> models.Task:
        """Close a violation or another task that leads to nothing; a revocation answers its own."""
        return commands.dismiss_task(session, call.path["task"], call.body["reason"], call.context)

    @route(
        "POST",
        "/v1/changes/<change>/decide",
        role="official",
        body=ChangeDecisionIn,
        answer=TaskOut,
    )
    def decide_change(self, session: Any, call: Call) -> models.Task:
        """Decide a reported change: undertaker replaced, project withdrawn, or dismissed."""
        return commands.decide_change(session, call.path["change"], call.body, call.context)
