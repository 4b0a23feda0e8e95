"""The register: events come late, twice or in any order; the newest sequence is shown."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.commands.counters import count_up
from services.notification.models.register import HistoryEntry, Project, StatusSlot
from services.notification.rules.register import folded
from services.notification.rules.states import ENROLLED, shown_state, status_of
from shared.catalogue import CATALOGUE
from shared.spine.context import Context
from shared.spine.database import insert_new
from shared.spine.envelope import Event

AS_IS = ("programme", "unit", "title", "direction", "epoch", "valid_from", "valid_to", "rectify_by")


def follow_project(session: Session, event: Event, context: Context) -> HistoryEntry:
    """Keep the event in the project's history, and apply it if nothing newer was applied before.

    Leaves the project's row locked, so that whatever else concerns the project waits its turn.
    """
    decision = CATALOGUE[event.type].schema.dump(event.data)["decision"]
    project = _locked(session, event.data, at=event.time)
    entry = _remember(session, event, decision)
    if event.sequence > project.sequence:
        _apply(project, event, decision)
    _show_status(session, project, context.now)
    session.flush()
    return entry


def list_publicised(
    session: Session, publicity: str, entry: dict[str, Any], *, at: datetime
) -> None:
    """Show a project as publicised unless it has already gone further."""
    project = _locked(session, entry, at=at)
    if project.listed is None or entry["sequence"] > project.listed:
        project.publicity, project.listed = publicity, entry["sequence"]
    _show(project)
    session.flush()


def _locked(session: Session, data: dict[str, Any], *, at: datetime) -> Project:
    project = session.get(Project, data["project"], with_for_update=True, populate_existing=True)
    if project is not None:
        return project
    insert = insert_new(session.get_bind().dialect)
    fresh = insert(Project).values(id=data["project"], sequence=0, changed_at=at, **_values(data))
    session.execute(fresh.on_conflict_do_nothing())
    return session.get_one(Project, data["project"], with_for_update=True)


def _values(data: dict[str, Any]) -> dict[str, Any]:
    undertaker, state = data["undertaker"], data["state"]
    searched = (data["title"], undertaker["name"], undertaker["uscc"], data["project"])
    named = {name: data[name] for name in AS_IS}
    return named | {
        "uscc": undertaker["uscc"],
        "undertaker_name": undertaker["name"],
        "stated": state,
        "state": state,
        "searched": folded("\n".join(searched)),
    }


def _remember(session: Session, event: Event, decision: dict[str, Any] | None) -> HistoryEntry:
    entry = session.get(HistoryEntry, event.id)
    if entry is None:
        entry = HistoryEntry(
            event_id=event.id,
            project=event.data["project"],
            sequence=event.sequence,
            type=event.type,
            state=event.data["state"],
            epoch=event.data["epoch"],
            occurred_at=event.time,
            decision=decision,
        )
        session.add(entry)
    return entry


def _apply(project: Project, event: Event, decision: dict[str, Any] | None) -> None:
    for name, value in _values(event.data).items():
        setattr(project, name, value)
    project.sequence = event.sequence
    project.decision = decision
    project.changed_at = event.time
    _show(project)


def _show(project: Project) -> None:
    project.state = shown_state(project.stated, project.sequence, project.listed)


def _show_status(session: Session, project: Project, now: datetime) -> None:
    if project.state not in ENROLLED:
        return
    slot = session.scalar(select(StatusSlot).where(StatusSlot.project == project.id))
    if slot is None:
        index = count_up(session, "status-list-1") - 1
        slot = StatusSlot(index=index, project=project.id)
        session.add(slot)
    status = status_of(project.state)
    if slot.status != status:
        slot.status, slot.changed_at = status, now
