"""Routes of undertakers: applications and change reports."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from services.intake import commands, models
from services.intake.api.schemas import (
    ApplicationEdit,
    ApplicationIn,
    ApplicationOut,
    ApplicationPageOut,
    ApplicationQuery,
    ApplicationRow,
    ChangeIn,
    EvidenceIn,
    ReportOut,
    StepOut,
    ViolationIn,
)
from services.intake.commands.applications import own_application
from shared.errors import ForbiddenError
from shared.project import State
from shared.spine.rows import found, narrowed
from shared.web.paging import Page, keyset
from shared.web.spec import Call, route

READERS = ("undertaker", "unit", "official")
ONE = "/v1/applications/<project>"


class ApplicationRoutes:
    """From draft to submission."""

    @route(
        "POST",
        "/v1/applications",
        role="undertaker",
        body=ApplicationIn,
        answer=ApplicationOut,
        status=201,
    )
    def create_application(self, session: Any, call: Call) -> models.Application:
        """Draft an application, with or without its evidence."""
        return commands.create_application(session, call.body, call.context)

    @route("PUT", ONE, role="undertaker", body=ApplicationEdit, answer=ApplicationOut, edits=True)
    def edit_application(self, session: Any, call: Call) -> models.Application:
        """Change a draft or a returned application."""
        project = call.path["project"]
        call.check_version(own_application(session, project, call.actor).version)
        return commands.edit_application(session, project, call.body, call.context)

    @route(
        "POST",
        f"{ONE}/evidence",
        role="undertaker",
        body=EvidenceIn,
        answer=ApplicationOut,
        status=201,
    )
    def add_evidence(self, session: Any, call: Call) -> models.Application:
        """Add an item of evidence; one of the same kind and name is replaced."""
        return commands.add_evidence(session, call.path["project"], call.body, call.context)

    @route("POST", f"{ONE}/submit", role="undertaker", answer=ApplicationOut)
    def submit_application(self, session: Any, call: Call) -> models.Application:
        """Submit an application to its recommending unit."""
        return commands.submit_application(session, call.path["project"], call.context)

    @route(
        "GET",
        "/v1/applications",
        role=READERS,
        query=ApplicationQuery,
        answer=ApplicationRow,
        page=True,
    )
    def list_applications(self, session: Any, call: Call) -> Page:
        """List the applications that the caller may see."""
        application = models.Application
        statement = select(application).options(selectinload(application.evidence))
        statement = narrowed(statement, application, call.query | _own(call))
        if call.actor.role == "unit":
            statement = statement.where(application.state != State.DRAFT)
        return keyset(session, statement, call.page)

    @route("GET", ONE, role=READERS, answer=ApplicationPageOut)
    def show_application(self, session: Any, call: Call) -> models.Application:
        """Show one application with its evidence, and others of its undertaker with its title."""
        application = _visible(session, call)
        application.same = commands.same_applications(session, application)
        return application

    @route("GET", f"{ONE}/history", role=READERS)
    def show_history(self, session: Any, call: Call) -> dict[str, Any]:
        """Show every step that one application took."""
        steps = session.scalars(_visible(session, call).history.select())
        return {"items": StepOut(many=True).dump(steps.all())}

    @route(
        "POST",
        "/v1/changes",
        role=("undertaker", "unit", "official"),
        body=ChangeIn,
        answer=ReportOut,
        status=201,
    )
    def report_change(self, session: Any, call: Call) -> models.Report:
        """Report a major change of the undertaker in writing."""
        return commands.report_change(session, call.body, call.context)

    @route(
        "POST",
        "/v1/violations",
        role=("official", "operator"),
        body=ViolationIn,
        answer=ReportOut,
        status=201,
    )
    def report_violation(self, session: Any, call: Call) -> models.Report:
        """Report what may be a ground for revocation; an official decides."""
        return commands.report_violation(session, call.body, call.context)


def _own(call: Call) -> dict[str, str | None]:
    """The part of the list that a role may see."""
    if call.actor.role == "undertaker":
        return {"uscc": call.actor.undertaker or ""}
    return {"unit": call.actor.unit or ""} if call.actor.role == "unit" else {}


def _visible(session: Any, call: Call) -> models.Application:
    application = found(session, models.Application, call.path["project"])
    if any(getattr(application, name) != value for name, value in _own(call).items()):
        raise ForbiddenError("This application is another's.")
    if call.actor.role == "unit" and application.state == State.DRAFT:
        raise ForbiddenError("This application is a draft, which its undertaker alone may see.")
    return application
