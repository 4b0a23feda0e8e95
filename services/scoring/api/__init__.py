"""Scoring's HTTP routes, by what they are about."""

from services.scoring.api.assignments import AssignmentRoutes
from services.scoring.api.entries import EntryRoutes
from services.scoring.api.experts import ExpertRoutes
from services.scoring.api.objections import ObjectionRoutes
from services.scoring.api.selection import SelectionRoutes


class ScoringApi(ExpertRoutes, AssignmentRoutes, EntryRoutes, SelectionRoutes, ObjectionRoutes):
    """All of scoring's routes."""
