"""Routes of inspections."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.api.schemas.inspections import InspectionOut, InspectionQuery, VoidIn
from services.inspection.commands import inspections
from services.inspection.models.inspections import Inspection
from shared.spine.rows import narrowed
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class InspectionRoutes(ServiceApi):
    """Drawn, started, reported, or void."""

    @route(
        "GET",
        "/v1/inspections",
        role=("official", "operator", "agency"),
        query=InspectionQuery,
        answer=InspectionOut,
        page=True,
    )
    def list_inspections(self, session: Session, call: Call) -> Page:
        """List inspections; an agency sees its own."""
        wanted = dict(call.query)
        if call.actor.role == "agency":
            wanted["agency"] = call.actor.agency or ""
        statement = narrowed(select(Inspection), Inspection, wanted)
        return keyset(session, statement, call.page)

    @route(
        "POST",
        "/v1/inspections/<inspection>/void",
        role="official",
        body=VoidIn,
        answer=InspectionOut,
    )
    def void_inspection(self, session: Session, call: Call) -> Inspection:
        """Void an inspection that has no report yet; what it reports later is refused."""
        return inspections.void_inspection(
            session, call.path["inspection"], call.body, call.context
        )
