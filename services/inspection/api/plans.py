"""Routes of plans, draws and inspections."""

from typing import Any

from sqlalchemy import select

from services.inspection import commands, models
from services.inspection.api.schemas import (
    DrawIn,
    InspectionOut,
    InspectionQuery,
    PlanIn,
    PlanOut,
    VoidIn,
)
from shared.errors import NotFoundError
from shared.spine.rows import found, narrowed
from shared.web.paging import Page, keyset
from shared.web.spec import Call, route


class PlanRoutes:
    """Announced, drawn, inspected."""

    @route("POST", "/v1/plans", role="official", body=PlanIn, answer=PlanOut, status=201)
    def plan_inspections(self, session: Any, call: Call) -> models.Plan:
        """Announce a draw: both directories frozen and published by hash."""
        return commands.plan_inspections(session, call.body, call.context)

    @route("GET", "/v1/plans", answer=PlanOut, page=True)
    def list_plans(self, session: Any, call: Call) -> Page:
        """List the plans."""
        return keyset(session, select(models.Plan), call.page)

    @route("POST", "/v1/plans/<plan>/draw", role="official", body=DrawIn, answer=PlanOut)
    def draw_plan(self, session: Any, call: Call) -> models.Plan:
        """Draw as announced, once, with the opened secrets and the public value."""
        return commands.draw_plan(
            session,
            call.path["plan"],
            call.body["secrets"],
            call.body["public_value"],
            call.context,
        )

    @route("GET", "/v1/plans/<plan>/transcript")
    def show_transcript(self, session: Any, call: Call) -> Any:
        """Show a draw's transcript, which `laurel draw verify` recomputes offline."""
        plan = found(session, models.Plan, call.path["plan"])
        if plan.transcript is None:
            raise NotFoundError(f"Plan {plan.id!r} is not drawn yet.")
        return plan.transcript

    @route(
        "GET",
        "/v1/inspections",
        role=("official", "operator", "agency"),
        query=InspectionQuery,
        answer=InspectionOut,
        page=True,
    )
    def list_inspections(self, session: Any, call: Call) -> Page:
        """List inspections; an agency sees its own."""
        wanted = dict(call.query)
        if call.actor.role == "agency":
            wanted["agency"] = call.actor.agency or ""
        statement = narrowed(select(models.Inspection), models.Inspection, wanted)
        return keyset(session, statement, call.page)

    @route(
        "POST",
        "/v1/inspections/<inspection>/void",
        role="official",
        body=VoidIn,
        answer=InspectionOut,
    )
    def void_inspection(self, session: Any, call: Call) -> models.Inspection:
        """Void an inspection that has no report yet; what it reports later is refused."""
        return commands.void_inspection(session, call.path["inspection"], call.body, call.context)
