"""One inspection: started, reported, concluded; a failed one revokes in the same transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.inspection import models, rules
from services.inspection.commands.plans import policy_of
from services.inspection.commands.projects import apply_verdict, project_of
from services.inspection.rules import Step
from shared.catalogue import INSPECTION_COMPLETED
from shared.spine.envelope import Event
from shared.spine.outbox import record


def start_inspection(inspection: models.Inspection) -> None:
    """The agency has begun."""
    inspection.stage = rules.stepped(inspection.stage, Step.START)


def conclude_inspection(
    session: Session, inspection: models.Inspection, report: dict[str, Any], *, message: str,
    actor: str, cause: Event | None, now: datetime,
) -> rules.Verdict:  # fmt: skip
    """Record the verdict and, where the rules say so, revoke in the same transaction.

    An inspection of an earlier epoch, or of a project that is not designated any more, still
    finishes, and changes nothing of the project.
    """
    policy = policy_of(session, inspection.programme)
    verdict = rules.verdict(report, policy)
    project = project_of(session, inspection.project)
    for step in (Step.REPORT, Step.PUBLISH):
        inspection.stage = rules.stepped(inspection.stage, step)
    score = report["score"]
    inspection.score_text = str(score) if score is not None else None
    inspection.outcome, inspection.rule_version = verdict.outcome, verdict.rule_version
    inspection.reasons_zh, inspection.reasons_en = (
        list(verdict.reasons_zh), list(verdict.reasons_en),
    )  # fmt: skip
    inspection.message, inspection.reported_at, inspection.concluded_at = message, now, now
    completed = record(session, INSPECTION_COMPLETED, inspection, cause=cause, now=now)
    if inspection.epoch == project.epoch:
        move = rules.consequence(verdict.outcome, project.state, policy)
        apply_verdict(session, project, inspection, move, actor=actor, cause=completed, now=now)
    return verdict
