"""The directory of experts and the conflicts they declare."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.assignments import recuse_in_conflict
from shared.spine.context import Context
from shared.spine.rows import locked


def register_expert(session: Session, values: dict[str, Any], context: Context) -> models.Expert:
    """Enter an expert in the directory, or change the entry; declared conflicts stay."""
    expert = session.get(models.Expert, values["code"], with_for_update=True)
    if expert is None:
        expert = models.Expert(code=values["code"], conflicts=[])
        session.add(expert)
    declared = set(expert.conflicts) | set(values.get("conflicts", ()))
    for name, value in values.items():
        setattr(expert, name, value)
    expert.conflicts = sorted(declared)
    recuse_in_conflict(session, expert, context)
    return expert


def declare_conflict(
    session: Session, code: str, conflicts: Iterable[str], context: Context
) -> models.Expert:
    """Add declared conflicts of interest: USCCs of undertakers or codes of units.

    The expert is recused from entries in conflict that are still being scored.
    """
    expert = locked(session, models.Expert, code)
    expert.conflicts = sorted(set(expert.conflicts) | set(conflicts))
    recuse_in_conflict(session, expert, context)
    return expert
