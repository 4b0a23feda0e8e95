"""Designated projects under supervision: enrolment, rectification, revocation and its undoing."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection import models, rules
from services.inspection.commands.plans import programme_of
from services.inspection.rules import Ground, Move, State
from shared.catalogue import (
    PROJECT_EXPIRED,
    PROJECT_REINSTATED,
    PROJECT_REVOKED,
    RECTIFICATION_CLOSED,
    RECTIFICATION_ORDERED,
)
from shared.errors import NotFoundError
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.spine.timers import each_due
from shared.web.access import Actor
from shared.workdays import china_date, end_of_day

STATE_FIELDS = ("programme", "unit", "undertaker", "title", "direction", "epoch", "valid_from",
                "valid_to", "rectify_by")  # fmt: skip


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
    if move is Move.REVOKE:
        revoke_project(
            session, project, Ground.INSPECTION_FAILED, reasons,
            basis={"inspection": inspection.inspection}, actor=actor, cause=cause, now=now,
        )  # fmt: skip
        return
    project.state = rules.moved(project.state, move)
    ground = None
    project.decided = _decision(
        session, project, ground, reasons, inspection.inspection, actor=actor, now=now
    )
    if move is Move.ORDER_RECTIFICATION:
        _fix_deadline(session, project, now)
        record(session, RECTIFICATION_ORDERED, project, cause=cause, now=now)
    else:
        project.rectify_by = project.rectify_until = None
        record(session, RECTIFICATION_CLOSED, project, cause=cause, now=now)


def revoke_project(
    session: Session, project: models.Project, ground: Ground,
    reasons: tuple[list[str], list[str]], *, basis: dict[str, Any], actor: str,
    cause: Event | None, now: datetime,
) -> None:  # fmt: skip
    """Revoke, once per epoch, and record `project.revoked` in the same transaction."""
    project.state = rules.moved(project.state, Move.REVOKE)
    project.rectify_by = project.rectify_until = None
    inspection = basis.get("inspection")
    project.decided = _decision(
        session, project, ground, reasons, inspection, actor=actor, now=now,
        citation=basis.get("citation"),
    )  # fmt: skip
    event = record(session, PROJECT_REVOKED, project, cause=cause, now=now)
    session.add(
        models.Revocation(
            project=project.project, epoch=project.epoch, event=event.id, ground=ground,
            inspection=inspection, basis=basis, revoked_at=now,
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
    project.state = rules.moved(project.state, Move.REINSTATE)
    revocation = session.get_one(models.Revocation, (project.project, project.epoch))
    revocation.quashed_by = values["decision"]
    project.epoch += 1
    project.decided = _decision(
        session, project, None, ([values["reason_zh"]], [values["reason_en"]]), None,
        actor=str(actor), now=now, citation=values["decision"],
    )  # fmt: skip
    record(session, PROJECT_REINSTATED, project, cause=cause, now=now)
    return project


def revoke_overdue(session: Session, *, now: datetime) -> int:
    """Revoke what was not put right by its deadline (transition 18); late is done late."""
    project = models.Project
    due = select(project).where(project.state == State.RECTIFYING, project.rectify_until <= now)
    reasons = (["整改期限届满，未通过复查"], ["not put right by the deadline"])

    def act(row: models.Project) -> None:
        basis = {"deadline": str(row.rectify_by)}
        revoke_project(
            session, row, Ground.INSPECTION_FAILED, reasons, basis=basis, actor="timer",
            cause=None, now=now,
        )  # fmt: skip

    return each_due(session, due.order_by(project.rectify_until), act)


def expire_due(session: Session, *, now: datetime) -> int:
    """Expire what has run out (transition 21)."""
    project = models.Project
    due = select(project).where(project.state.in_(rules.ACTIVE), project.expire_at <= now)

    def act(row: models.Project) -> None:
        row.state = rules.moved(row.state, Move.EXPIRE)
        row.rectify_by = row.rectify_until = None
        record(session, PROJECT_EXPIRED, row, cause=None, now=now)

    return each_due(session, due.order_by(project.expire_at), act)


def project_of(session: Session, project_id: str) -> models.Project:
    """One project under supervision, locked; raises NotFoundError."""
    project = session.get(models.Project, project_id, with_for_update=True)
    if project is None:
        raise NotFoundError(f"No designated project {project_id!r} is under supervision.")
    return project


def _fix_deadline(session: Session, project: models.Project, now: datetime) -> None:
    """Set the deadline once; it never slides."""
    if project.rectify_by is None:
        days = programme_of(session, project.programme).inspection.rectification_days
        project.rectify_by = china_date(now) + timedelta(days=days)
        project.rectify_until = end_of_day(project.rectify_by)


def _decision(
    session: Session, project: models.Project, ground: Ground | None,
    reasons: tuple[list[str], list[str]], inspection: str | None, *, actor: str, now: datetime,
    citation: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    policy = programme_of(session, project.programme).inspection
    return {
        "ground": ground,
        "citation": citation or f"{policy.citation_zh} / {policy.citation_en}",
        "reasons_zh": list(reasons[0]),
        "reasons_en": list(reasons[1]),
        "rule_version": policy.rule_version,
        "actor": actor,
        "inspection": inspection,
        "decided_at": now.isoformat(),
        "effective_at": now.isoformat(),
    }
