"""Routes of tasks: reported changes and violations."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.api.schemas.projects import ChangeDecisionIn, TaskOut
from services.inspection.commands import decisions
from services.inspection.models.projects import Task
from shared.web.fields import ReasonIn
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

READERS = ("official", "operator")


class TaskRoutes(ServiceApi):
    """What an official has to decide."""

    @route("GET", "/v1/tasks", role=READERS, answer=TaskOut, page=True)
    def list_tasks(self, session: Session, call: Call) -> Page:
        """List reported changes and violations."""
        return keyset(session, select(Task), call.page)

    @route("POST", "/v1/tasks/<task>/dismiss", role="official", body=ReasonIn, answer=TaskOut)
    def dismiss_task(self, session: Session, call: Call) -> Task:
        """Close a violation or another task that leads to nothing; a revocation answers its own."""
        return decisions.dismiss_task(session, call.path["task"], call.body["reason"], call.context)

    @route(
        "POST",
        "/v1/changes/<change>/decide",
        role="official",
        body=ChangeDecisionIn,
        answer=TaskOut,
    )
    def decide_change(self, session: Session, call: Call) -> Task:
        """Decide a reported change: undertaker replaced, project withdrawn, or dismissed."""
        return decisions.decide_change(session, call.path["change"], call.body, call.context)
