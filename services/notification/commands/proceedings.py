"""What the other services make public beside the projects' states; in any order."""

from sqlalchemy.orm import Session

from services.notification.commands.register import list_publicised
from services.notification.models.proceedings import Inspection, ObjectionDecision, Plan, Publicity
from shared.catalogue import PUBLICITY_OPENED
from shared.spine.envelope import Event


def open_publicity(session: Session, event: Event) -> None:
    """Keep the list, or one more page of it, and show its entries as publicised."""
    data = event.data
    kept = session.get(Publicity, data["publicity"], with_for_update=True)
    if kept is None:
        kept = Publicity(id=data["publicity"], programme=data["programme"], entries=[])
        session.add(kept)
    kept.opens_on, kept.closes_on = data["opens_on"], data["closes_on"]
    page = PUBLICITY_OPENED.schema.dump(data)["entries"]
    known = {entry["project"]: entry for entry in [*kept.entries, *page]}
    kept.entries = sorted(known.values(), key=lambda entry: entry["rank"])
    for entry in data["entries"]:
        list_publicised(session, data["publicity"], entry, at=event.time)


def keep_objection(session: Session, event: Event) -> None:
    """Keep how an objection ended."""
    data = event.data
    session.merge(
        ObjectionDecision(
            id=data["objection"],
            project=data["project"],
            upheld=data["upheld"],
            outcome=data["outcome"],
            reason=data["reason"],
            decided_at=data["decided_at"],
        )
    )


def announce_plan(session: Session, event: Event) -> None:
    """Keep what was frozen before the draw."""
    data = event.data
    plan = _plan(session, data["plan"], data["programme"])
    plan.method = data["method"]
    plan.target_count = data["target_count"]
    plan.min_inspectors, plan.caps = data["min_inspectors"], data["caps"]
    plan.plan_sha256, plan.targets_sha256 = data["plan_sha256"], data["targets_sha256"]
    plan.inspectors_sha256 = data["inspectors_sha256"]
    plan.commitments = data["commitments"]
    plan.public_value = data["public_value"]
    plan.draw_at = data["draw_at"]


def keep_draw(session: Session, event: Event) -> None:
    """Keep the transcript, from which anyone can recompute the draw."""
    plan = _plan(session, event.data["plan"], event.data["programme"])
    plan.transcript = event.data["transcript"]
    plan.drawn_at = event.time


def keep_inspection(session: Session, event: Event) -> None:
    """Keep an inspection's verdict; the newest sequence wins."""
    data = event.data
    kept = session.get(Inspection, data["inspection"], with_for_update=True)
    if kept is not None and kept.sequence >= event.sequence:
        return
    named = ("project", "programme", "agency", "method", "outcome", "reasons_zh", "reasons_en")
    session.merge(
        Inspection(
            id=data["inspection"],
            sequence=event.sequence,
            score_text=None if data["score"] is None else str(data["score"]),
            order=data["order"],
            rule_version=data["rule_version"],
            reported_at=data["reported_at"],
            concluded_at=data["concluded_at"],
            **{name: data[name] for name in named},
        )
    )


def _plan(session: Session, plan_id: str, programme: str) -> Plan:
    plan = session.get(Plan, plan_id, with_for_update=True)
    if plan is None:
        plan = Plan(id=plan_id, programme=programme)
        session.add(plan)
    return plan
