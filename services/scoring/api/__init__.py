"""Scoring's HTTP routes, by who calls them."""

from services.scoring.api.experts import ExpertRoutes
from services.scoring.api.selection import SelectionRoutes
from shared.web.routes import ServiceApi

__all__ = ["ScoringApi"]


class ScoringApi(ExpertRoutes, SelectionRoutes, ServiceApi):
    """All of scoring's routes."""
