"""Inspection's HTTP routes, by what they are about, and its part of the operator's page."""

from services.inspection.api.agencies import AgencyRoutes
from services.inspection.api.inspections import InspectionRoutes
from services.inspection.api.messages import MessageRoutes
from services.inspection.api.operations import OperatorSections
from services.inspection.api.plans import PlanRoutes
from services.inspection.api.projects import ProjectRoutes
from services.inspection.api.revocations import RevocationRoutes
from services.inspection.api.tasks import TaskRoutes


class InspectionApi(
    AgencyRoutes,
    MessageRoutes,
    PlanRoutes,
    InspectionRoutes,
    ProjectRoutes,
    RevocationRoutes,
    TaskRoutes,
    OperatorSections,
):
    """All of inspection's routes."""
