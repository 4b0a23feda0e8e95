"""Designated projects under supervision: enrolment, rectification, revocation and its undoing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.inspection import models, rules
from services.inspection.commands.plans import programme_of
from services.inspection.rules import Ground, Move, State
from shared.catalogue import (
    PROJECT_REINSTATED,
    PROJECT_REVOKED,
    RECTIFICATION_CLOSED,
    RECTIFICATION_ORDERED,
)
from shared.errors import NotFoundError
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.web.access import Actor
from shared.workdays import china_date, end_of_day

STATE_FIELDS = ("programme", "unit", "undertaker", "title", "direction", "epoch", "valid_from",
                "valid_to", "rectify_by")  # fmt: skip
Reasons = tuple[list[str], list[str]]


def enrol_project(session: Session, event: Event, *, now: datetime) -> None:
    """Put a project under supervision. Harmless twice: the newest sequence wins."""
    del now
    project = session.get(models.Project, event.subject, with_for_update=True)
    if project is None:
        project = models.Project(project=event.subject, sequence=0)
        session.add(project)
    if event.sequence <= project.sequence:
        return
    for name in STATE_FIELDS:
        setattr(project, name, event.data[name])
    project.state, project.sequence = State(event.data["state"]), event.sequence
    valid_to = event.data["valid_to"]
    project.expire_at = end_of_day(valid_to) if valid_to else None
    session.flush()


def apply_verdict(
    session: Session, project: models.Project, inspection: models.Inspection, move: Move | None, *,
    actor: str, cause: Event | None, now: datetime,
) -> None:  # fmt: skip
    """Do to the project what the verdict on it asks for, in the verdict's own transaction."""
    if move is None:
        return
    reasons = (inspection.reasons_zh, inspection.reasons_en)
    basis = {"inspection": inspection.inspection}
    if move is Move.REVOKE:
        revoke_project(
            session, project, Ground.INSPECTION_FAILED, reasons, basis=basis, actor=actor,
            cause=cause, now=now,
        )  # fmt: skip
        return
    move_project(session, project, move, reasons, basis=basis, actor=actor, now=now)
    if move is Move.ORDER_RECTIFICATION:
        _fix_deadline(session, project, now)
        record(session, RECTIFICATION_ORDERED, project, cause=cause, now=now)
    else:
        record(session, RECTIFICATION_CLOSED, project, cause=cause, now=now)


def revoke_project(
    session: Session, project: models.Project, ground: Ground, reasons: Reasons, *,
    basis: dict[str, Any], actor: str, cause: Event | None, now: datetime,
) -> None:  # fmt: skip
    """Revoke, once per epoch, and record `project.revoked` in the same transaction."""
    move_project(
        session, project, Move.REVOKE, reasons, ground=ground, basis=basis, actor=actor, now=now
    )
    event = record(session, PROJECT_REVOKED, project, cause=cause, now=now)
    session.add(
        models.Revocation(
            project=project.project, epoch=project.epoch, event=event.id, ground=ground,
            inspection=basis.get("inspection"), basis=basis, revoked_at=now,
        )
    )  # fmt: skip


def revoke_by_decision(
    session: Session, project_id: str, values: dict[str, Any], *, actor: Actor, cause: None,
    now: datetime,
) -> models.Project:  # fmt: skip
    """Revoke on grounds 2 to 4: a decision with citation, evidence, notice and statement."""
    project = project_of(session, project_id)
    rules.check_decision(
        values["ground"], values["evidence"], values["notice_at"], values["statement"], now
    )
    basis = values | {"notice_at": values["notice_at"].isoformat(), "decided_by": str(actor)}
    reasons = ([values["reason_zh"]], [values["reason_en"]])
    revoke_project(
        session, project, Ground(values["ground"]), reasons, basis=basis, actor=str(actor),
        cause=cause, now=now,
    )  # fmt: skip
    return project


def reinstate_project(
    session: Session, project_id: str, values: dict[str, Any], *, actor: Actor, cause: None,
    now: datetime,
) -> models.Project:  # fmt: skip
    """Undo a revocation by a decision that quashes its basis; opens the next epoch."""
    project = project_of(session, project_id)
    reasons = ([values["reason_zh"]], [values["reason_en"]])
    basis = {"citation": values["decision"]}
    move_project(session, project, Move.REINSTATE, reasons, basis=basis, actor=str(actor), now=now)
    revocation = session.get_one(models.Revocation, (project.project, project.epoch))
    revocation.quashed_by = values["decision"]
    project.epoch += 1
    record(session, PROJECT_REINSTATED, project, cause=cause, now=now)
    return project


def move_project(
    session: Session, project: models.Project, move: Move, reasons: Reasons, *, actor: str,
    now: datetime, ground: Ground | None = None, basis: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Change the project's state and say why; refused where the table has no such way."""
    policy = programme_of(session, project.programme).inspection
    basis = basis or {}
    project.state = rules.moved(project.state, move)
    project.rectify_by = project.rectify_until = None
    project.decided = {
        "ground": ground,
        "citation": basis.get("citation") or f"{policy.citation_zh} / {policy.citation_en}",
        "reasons_zh": list(reasons[0]),
        "reasons_en": list(reasons[1]),
        "rule_version": policy.rule_version,
        "actor": actor,
        "inspection": basis.get("inspection"),
        "decided_at": now.isoformat(),
        "effective_at": now.isoformat(),
    }


def project_of(session: Session, project_id: str, *, lock: bool = True) -> models.Project:
    """One project under supervision; raises NotFoundError."""
    project = session.get(models.Project, project_id, with_for_update=lock or None)
    if project is None:
        raise NotFoundError(f"No designated project {project_id!r} is under supervision.")
    return project


def _fix_deadline(session: Session, project: models.Project, now: datetime) -> None:
    """Set the deadline, once: the table has no second order while one runs."""
    days = programme_of(session, project.programme).inspection.rectification_days
    project.rectify_by = china_date(now) + timedelta(days=days)
    project.rectify_until = end_of_day(project.rectify_by)
