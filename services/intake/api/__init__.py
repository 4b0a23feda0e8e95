"""Intake's HTTP routes, by who calls them."""

from services.intake.api.applications import ApplicationRoutes
from services.intake.api.programmes import ProgrammeRoutes
from services.intake.api.reviews import ReviewRoutes
from shared.web.routes import ServiceApi

__all__ = ["IntakeApi"]


class IntakeApi(ProgrammeRoutes, ApplicationRoutes, ReviewRoutes, ServiceApi):
    """All of intake's routes."""
