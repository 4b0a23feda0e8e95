"""Routes of applications, for undertakers and whoever may read them."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from services.intake import models
from services.intake.api.schemas import (
    ApplicationEdit,
    ApplicationIn,
    ApplicationOut,
    ApplicationPageOut,
    ApplicationQuery,
    ApplicationRow,
    EvidenceIn,
    StepOut,
)
from services.intake.commands import applications
from shared.errors import ForbiddenError
from shared.project import State
from shared.spine.rows import found, narrowed
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

READERS = ("undertaker", "unit", "official")
ONE = "/v1/applications/<project>"


class ApplicationRoutes(ServiceApi):
    """From draft to submission."""

    @route(
        "POST",
        "/v1/applications",
        role="undertaker",
        body=ApplicationIn,
        answer=ApplicationOut,
        status=201,
    )
    def create_application(self, session: Session, call: Call) -> models.Application:
        """Draft an application, with or without its evidence."""
        return applications.create_application(session, call.body, call.context)

    @route("PUT", ONE, role="undertaker", body=ApplicationEdit, answer=ApplicationOut, edits=True)
    def edit_application(self, session: Session, call: Call) -> models.Application:
        """Change a draft or a returned application."""
        project = call.path["project"]
        call.check_version(applications.own_application(session, project, call.actor).version)
        return applications.edit_application(session, project, call.body, call.context)

    @route(
        "POST",
        f"{ONE}/evidence",
        role="undertaker",
        body=EvidenceIn,
        answer=ApplicationOut,
        status=201,
        edits=True,
    )
    def add_evidence(self, session: Session, call: Call) -> models.Application:
        """Add an item of evidence; one of the same kind and name is replaced."""
        project = call.path["project"]
        call.check_version(applications.own_application(session, project, call.actor).version)
        return applications.add_evidence(session, project, call.body, call.context)

    @route("POST", f"{ONE}/submit", role="undertaker", answer=ApplicationOut)
    def submit_application(self, session: Session, call: Call) -> models.Application:
        """Submit an application to its recommending unit."""
        return applications.submit_application(session, call.path["project"], call.context)

    @route(
        "GET",
        "/v1/applications",
        role=READERS,
        query=ApplicationQuery,
        answer=ApplicationRow,
        page=True,
    )
    def list_applications(self, session: Session, call: Call) -> Page:
        """List the applications that the caller may see."""
        application = models.Application
        statement = select(application).options(selectinload(application.evidence))
        statement = narrowed(statement, application, call.query | _own(call))
        if call.actor.role == "unit":
            statement = statement.where(application.state != State.DRAFT)
        return keyset(session, statement, call.page)

    @route("GET", ONE, role=READERS, answer=ApplicationPageOut)
    def show_application(self, session: Session, call: Call) -> models.Application:
        """Show one application with its evidence, and others of its undertaker with its title."""
        application = _visible(session, call)
        application.same = applications.same_applications(session, application)
        return application

    @route("GET", f"{ONE}/history", role=READERS)
    def show_history(self, session: Session, call: Call) -> dict[str, Any]:
        """Show every step that one application took."""
        steps = session.scalars(_visible(session, call).history.select())
        return {"items": StepOut(many=True).dump(steps.all())}


def _own(call: Call) -> dict[str, str | None]:
    """The part of the list that a role may see."""
    if call.actor.role == "undertaker":
        return {"uscc": call.actor.undertaker or ""}
    return {"unit": call.actor.unit or ""} if call.actor.role == "unit" else {}


def _visible(session: Session, call: Call) -> models.Application:
    application = found(session, models.Application, call.path["project"])
    if any(getattr(application, name) != value for name, value in _own(call).items()):
        raise ForbiddenError("This application is another's.")
    if call.actor.role == "unit" and application.state == State.DRAFT:
        raise ForbiddenError("This application is a draft, which its undertaker alone may see.")
    return application
