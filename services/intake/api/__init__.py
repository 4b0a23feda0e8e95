"""Intake's HTTP routes, by what they are about."""

from services.intake.api.applications import ApplicationRoutes
from services.intake.api.programmes import ProgrammeRoutes
from services.intake.api.reports import ReportRoutes
from services.intake.api.reviews import ReviewRoutes


class IntakeApi(ProgrammeRoutes, ApplicationRoutes, ReviewRoutes, ReportRoutes):
    """All of intake's routes."""
