"""Inspection's decisions: verdicts by the programme's policy, and a project's way after award."""

from services.inspection.rules.decisions import DecisionIncompleteError, check_decision
from services.inspection.rules.receipts import UNPROVED, Code
from services.inspection.rules.reports import disagreements, unknown_keys
from services.inspection.rules.states import (
    ACTIVE,
    OPEN,
    STAGES,
    TRANSITIONS,
    Move,
    Stage,
    Step,
    due_move,
    moved,
    stepped,
)
from services.inspection.rules.verdicts import (
    STOPPING,
    UNSETTLED,
    Outcome,
    Verdict,
    after_inspection,
    after_reinspection,
    is_open,
    satisfaction,
    verdict,
)

__all__ = [
    "ACTIVE",
    "OPEN",
    "STAGES",
    "STOPPING",
    "TRANSITIONS",
    "UNPROVED",
    "UNSETTLED",
    "Code",
    "DecisionIncompleteError",
    "Move",
    "Outcome",
    "Stage",
    "Step",
    "Verdict",
    "after_inspection",
    "after_reinspection",
    "check_decision",
    "disagreements",
    "due_move",
    "is_open",
    "moved",
    "satisfaction",
    "stepped",
    "unknown_keys",
    "verdict",
]
