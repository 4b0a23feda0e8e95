"""Routes of objections during publicity."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.api.schemas import DecisionIn, ObjectionIn, ObjectionReceipt, SealedObjection
from services.scoring.commands import objections
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class ObjectionRoutes(ServiceApi):
    """Objected, decided."""

    @route("POST", "/v1/objections", body=ObjectionIn, answer=ObjectionReceipt, status=201)
    def receive_objection(self, session: Session, call: Call) -> models.Objection:
        """Object to a project under publicity, with real name and evidence.

        The name is kept sealed from the undertaker; anonymous objections are not taken.
        """
        return objections.receive_objection(session, call.body, call.context)

    @route("GET", "/v1/objections", role="official", answer=SealedObjection, page=True)
    def list_objections(self, session: Session, call: Call) -> Page:
        """List objections, with who objected: for officials only."""
        return keyset(session, select(models.Objection), call.page)

    @route(
        "POST",
        "/v1/objections/<objection>/decide",
        role="official",
        body=DecisionIn,
        answer=ObjectionReceipt,
    )
    def decide_objection(self, session: Session, call: Call) -> models.Objection:
        """Decide an objection; an upheld one ends the project's selection."""
        return objections.decide_objection(session, call.path["objection"], call.body, call.context)
