"""Routes of plans and draws."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.api.schemas.inspections import DrawIn, PlanIn, PlanOut
from services.inspection.commands import plans
from services.inspection.models.inspections import Plan
from shared.errors import NotFoundError
from shared.spine.rows import found
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class PlanRoutes(ServiceApi):
    """Announced, drawn."""

    @route("POST", "/v1/plans", role="official", body=PlanIn, answer=PlanOut, status=201)
    def plan_inspections(self, session: Session, call: Call) -> Plan:
        """Announce a draw: both directories frozen and published by hash."""
        return plans.plan_inspections(session, call.body, call.context)

    @route("GET", "/v1/plans", answer=PlanOut, page=True)
    def list_plans(self, session: Session, call: Call) -> Page:
        """List the plans."""
        return keyset(session, select(Plan), call.page)

    @route("POST", "/v1/plans/<plan>/draw", role="official", body=DrawIn, answer=PlanOut)
    def draw_plan(self, session: Session, call: Call) -> Plan:
        """Draw as announced, once, with the opened secrets and the public value."""
        return plans.draw_plan(
            session,
            call.path["plan"],
            call.body["secrets"],
            call.body["public_value"],
            call.context,
        )

    @route("GET", "/v1/plans/<plan>/transcript")
    def show_transcript(self, session: Session, call: Call) -> Any:
        """Show a draw's transcript, which `laurel draw verify` recomputes offline."""
        plan = found(session, Plan, call.path["plan"])
        if plan.transcript is None:
            raise NotFoundError(f"Plan {plan.id!r} is not drawn yet.")
        return plan.transcript
