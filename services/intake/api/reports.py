"""Routes of reports about designated projects."""

from sqlalchemy.orm import Session

from services.intake import models
from services.intake.api.schemas import ChangeIn, ReportOut, ViolationIn
from services.intake.commands import reports
from shared.web.routes import Call, ServiceApi, route


class ReportRoutes(ServiceApi):
    """Changes and violations."""

    @route(
        "POST",
        "/v1/changes",
        role=("undertaker", "unit", "official"),
        body=ChangeIn,
        answer=ReportOut,
        status=201,
    )
    def report_change(self, session: Session, call: Call) -> models.Report:
        """Report a major change of the undertaker in writing."""
        return reports.report_change(session, call.body, call.context)

    @route(
        "POST",
        "/v1/violations",
        role=("official", "operator"),
        body=ViolationIn,
        answer=ReportOut,
        status=201,
    )
    def report_violation(self, session: Session, call: Call) -> models.Report:
        """Report what may be a ground for revocation; an official decides."""
        return reports.report_violation(session, call.body, call.context)
