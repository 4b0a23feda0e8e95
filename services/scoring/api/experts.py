"""Routes of the directory of experts."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.api.schemas import ConflictsIn, ExpertIn, ExpertOut
from services.scoring.commands import experts
from shared.spine.rows import version_of
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class ExpertRoutes(ServiceApi):
    """Who scores."""

    @route(
        "POST",
        "/v1/experts",
        role="official",
        body=ExpertIn,
        answer=ExpertOut,
        status=201,
        edits=True,
    )
    def register_expert(self, session: Session, call: Call) -> models.Expert:
        """Register an expert, or change the entry."""
        call.check_version(version_of(session, models.Expert, call.body["code"]))
        return experts.register_expert(session, call.body, call.context)

    @route("GET", "/v1/experts", role="official", answer=ExpertOut, page=True)
    def list_experts(self, session: Session, call: Call) -> Page:
        """List the directory of experts."""
        return keyset(session, select(models.Expert), call.page)

    @route(
        "POST", "/v1/experts/<code>/conflicts", role="official", body=ConflictsIn, answer=ExpertOut
    )
    def declare_conflict(self, session: Session, call: Call) -> models.Expert:
        """Add declared conflicts of interest to an expert's entry."""
        return experts.declare_conflict(
            session, call.path["code"], call.body["conflicts"], call.context
        )
