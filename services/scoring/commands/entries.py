"""Entries as events bring them: entered when recommended, closed when revoked."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.rules.states import UNDECIDED, Move, moved
from shared.catalogue import APPLICATION_NOT_SELECTED
from shared.project import Outlet, State
from shared.revocations import Revoked, acknowledge, who_acted
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record


def enter_application(session: Session, event: Event, context: Context) -> None:
    """Enter a recommended application; it passes the formal check if it is complete.

    Completeness only (transition 7); an incomplete one says so, and ends with the ranking. One
    whose revocation came first was entered closed, and one of an undertaker that was barred since
    its recommendation ends here.
    """
    data = event.data
    if session.get(models.Entry, event.subject) is not None:
        return
    entry = _new_entry(event, State.RECOMMENDED)
    session.add(entry)
    bar = models.Entry.acted_by == entry.undertaker["uscc"]
    barring = select(models.Entry.project).where(bar, models.Entry.state == State.REVOKED)
    if revoked := session.scalar(barring.limit(1)):
        _end_barred(session, entry, revoked, context)
    elif data["content_hash"] and data["opinion"].strip():
        entry.state = moved(entry.state, Move.FIND_COMPLETE)
    else:
        entry.reasons = ["the recommendation is incomplete: it has no opinion or no content hash"]


def close_entry(session: Session, event: Event, context: Context) -> None:
    """Close the entry of a revoked project and acknowledge: once per epoch, in any order.

    Entries of the undertaker that acted, which are not designated yet, end with it.
    """
    others = _locked_undecided(session, event)
    entry = session.get(models.Entry, event.subject)
    if entry is None:
        entry = _new_entry(event, State.REVOKED)
        session.add(entry)
    elif event.sequence > entry.sequence:
        entry.state, entry.sequence = State.REVOKED, event.sequence
    if entry.state == State.REVOKED:
        entry.acted_by = who_acted(event)
        for other in others:
            _end_barred(session, other, entry.project, context)
    acknowledge(session, models.Acknowledgement, Outlet.ENTRY, Revoked.by(event), context)


def follow_project(session: Session, event: Event) -> None:
    """Follow a reinstatement or another undertaker; the newest sequence wins, in any order."""
    entry = session.get(models.Entry, event.subject, with_for_update=True)
    if entry is None:
        entry = _new_entry(event, State.DESIGNATED)
        session.add(entry)
    elif event.sequence <= entry.sequence:
        return
    entry.state, entry.sequence = State(event.data["state"]), event.sequence
    for name in ("undertaker", "epoch", "valid_from", "valid_to"):
        setattr(entry, name, event.data[name])


def _locked_undecided(session: Session, event: Event) -> list[models.Entry]:
    """The undecided entries of the undertaker that acted, but for the revoked one.

    All are locked at once in the order of their ids, the revoked one included: two revocations of
    one undertaker at the same moment wait for each other.
    """
    entry = models.Entry
    is_theirs = entry.undertaker["uscc"].as_string() == who_acted(event)
    which = or_(entry.project == event.subject, is_theirs & entry.state.in_(UNDECIDED))
    found = session.scalars(select(entry).where(which).order_by(entry.project).with_for_update())
    return [one for one in found if one.project != event.subject]


def _end_barred(session: Session, entry: models.Entry, revoked: str, context: Context) -> None:
    entry.state, entry.is_barred = moved(entry.state, Move.BAR), True
    entry.reasons = [f"the undertaker is barred because project {revoked} was revoked"]
    record(session, APPLICATION_NOT_SELECTED, entry, context)


def _new_entry(event: Event, state: State) -> models.Entry:
    data = event.data
    return models.Entry(
        project=event.subject,
        programme=data["programme"],
        unit=data["unit"],
        undertaker=data["undertaker"],
        title=data["title"],
        direction=data["direction"],
        content_hash=data.get("content_hash", ""),
        state=state,
        epoch=data["epoch"],
        sequence=event.sequence,
        reasons=[],
        frozen_count=0,
        is_barred=False,
    )
