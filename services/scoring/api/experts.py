"""Routes around experts: the directory, assignments, scores."""

from typing import Any

from sqlalchemy import select

from services.scoring import commands, models
from services.scoring.api.schemas import (
    AssignmentOut,
    AssignmentQuery,
    ConflictsIn,
    EntryOut,
    ExpertIn,
    ProgrammeIn,
    ReasonIn,
    ScoresIn,
)
from shared.errors import InvalidError
from shared.web.paging import Page, keyset
from shared.web.spec import Call, route


class ExpertRoutes:
    """Experts and what they score."""

    @route("POST", "/v1/experts", role="official", body=ExpertIn, answer=ExpertIn, status=201)
    def register_expert(self, session: Any, call: Call) -> models.Expert:
        """Register an expert, or change the entry."""
        return commands.register_expert(session, call.body, call.context)

    @route("GET", "/v1/experts", role="official", answer=ExpertIn, page=True)
    def list_experts(self, session: Any, call: Call) -> Page:
        """List the directory of experts."""
        return keyset(session, select(models.Expert), call.page)

    @route(
        "POST", "/v1/experts/<code>/conflicts", role="official", body=ConflictsIn, answer=ExpertIn
    )
    def declare_conflict(self, session: Any, call: Call) -> models.Expert:
        """Add declared conflicts of interest to an expert's entry."""
        return commands.declare_conflict(
            session, call.path["code"], call.body["conflicts"], call.context
        )

    @route("POST", "/v1/assignments", role="official", body=ProgrammeIn, status=201)
    def assign_experts(self, session: Any, call: Call) -> dict[str, Any]:
        """Assign enough experts without conflict to every entry in scoring, evenly."""
        return commands.assign_experts(session, call.body["programme"], call.context)

    @route(
        "GET",
        "/v1/assignments",
        role=("expert", "official"),
        query=AssignmentQuery,
        answer=AssignmentOut,
        page=True,
    )
    def list_assignments(self, session: Any, call: Call) -> Page:
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
    def recuse_expert(self, session: Any, call: Call) -> models.Assignment:
        """Withdraw from an entry because of a conflict of interest."""
        return commands.recuse_expert(
            session, call.path["project"], call.body["reason"], call.context
        )

    @route("POST", "/v1/entries/<project>/scores", role="expert", body=ScoresIn, answer=EntryOut)
    def score_entry(self, session: Any, call: Call) -> models.Entry:
        """Score an entry on every criterion of the rubric; may be changed until all have scored."""
        return commands.score_entry(session, call.path["project"], call.body, call.context)
