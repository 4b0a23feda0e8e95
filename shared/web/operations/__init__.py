"""What operators ask of every service, by what it is about, and the page that shows it."""

from shared.web.operations.audit import AuditRoutes
from shared.web.operations.page import OperatorPages

__all__ = ["OperationsApi"]


class OperationsApi(OperatorPages, AuditRoutes):
    """Routes that every service has beside its own; the pages bring the routes they show."""
