"""Routes of assignments: who scores what, and the scores."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.api.schemas import (
    AssignmentOut,
    AssignmentQuery,
    EntryToScore,
    ProgrammeIn,
    ScoresIn,
)
from services.scoring.commands import assignments
from shared.errors import InvalidError
from shared.web.fields import ReasonIn
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class AssignmentRoutes(ServiceApi):
    """From a recommended entry to its scores."""

    @route("POST", "/v1/assignments", role="official", body=ProgrammeIn, status=201)
    def assign_experts(self, session: Session, call: Call) -> dict[str, Any]:
        """Assign enough experts without conflict to every entry in scoring, evenly."""
        return assignments.assign_experts(session, call.body["programme"], call.context)

    @route(
        "GET",
        "/v1/assignments",
        role=("expert", "official"),
        query=AssignmentQuery,
        answer=AssignmentOut,
        page=True,
    )
    def list_assignments(self, session: Session, call: Call) -> Page:
        """List one expert's assignments; experts see their own."""
        assignment = models.Assignment
        is_expert = call.actor.role == "expert"
        expert = call.actor.expert if is_expert else call.query["expert"]
        if expert is None and not is_expert:
            errors = [{"field": "expert", "message": "must be the code of an expert"}]
            raise InvalidError("Say whose assignments: ?expert=CODE.", errors=errors)
        statement = select(assignment).where(assignment.expert == expert)
        return keyset(session, statement, call.page)

    @route(
        "POST", "/v1/entries/<project>/recuse", role="expert", body=ReasonIn, answer=AssignmentOut
    )
    def recuse_expert(self, session: Session, call: Call) -> models.Assignment:
        """Withdraw from an entry because of a conflict of interest."""
        return assignments.recuse_expert(
            session, call.path["project"], call.body["reason"], call.context
        )

    @route(
        "POST", "/v1/entries/<project>/scores", role="expert", body=ScoresIn, answer=EntryToScore
    )
    def score_entry(self, session: Session, call: Call) -> models.Entry:
        """Score an entry on every criterion of the rubric; may be changed until all have scored."""
        return assignments.score_entry(session, call.path["project"], call.body, call.context)
