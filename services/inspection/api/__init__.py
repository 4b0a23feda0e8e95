"""Inspection's HTTP routes, by who calls them."""

from services.inspection.api.agencies import AgencyRoutes
from services.inspection.api.operations import OperatorSections
from services.inspection.api.plans import PlanRoutes
from services.inspection.api.projects import ProjectRoutes
from shared.web.routes import ServiceApi

__all__ = ["InspectionApi"]


class InspectionApi(AgencyRoutes, PlanRoutes, ProjectRoutes, OperatorSections, ServiceApi):
    """All of inspection's routes."""
