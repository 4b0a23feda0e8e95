"""Entries as events bring them: entered when recommended, closed when revoked."""

import math

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.assignments import ask_conflicts_again
from services.scoring.commands.decisions import tell
from services.scoring.commands.selection import has_place, is_waiting
from services.scoring.rules.reasons import (
    BAR_UNDONE,
    INCOMPLETE,
    PLACE_GONE,
    WAITS_AGAIN,
    barred_by,
)
from services.scoring.rules.states import UNDECIDED, WITH_PLACE, Move, moved, resumed
from shared.catalogue import APPLICATION_NOT_SELECTED, APPLICATION_RESUMED
from shared.project import Outlet, State
from shared.revocations import Revoked, acknowledge, who_acted
from shared.spine.context import Context
from shared.spine.envelope import Event


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
    if data["content_hash"] and data["opinion"].strip():
        entry.state = moved(entry.state, Move.FIND_COMPLETE)
    else:
        entry.reasons = [INCOMPLETE.en]
    if revoked := _barring(session, entry.undertaker["uscc"]):
        _end_barred(session, entry, revoked, context)


def close_entry(session: Session, event: Event, context: Context) -> None:
    """Close the entry of a revoked project and acknowledge: once per epoch, in any order.

    Entries of the undertaker that acted, which are not designated yet, end with it; those that
    wait for a place, too.
    """
    undecided = or_(models.Entry.state.in_(UNDECIDED), is_waiting())
    others = _locked(session, event.subject, who_acted(event), undecided)
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


def reopen_entry(session: Session, event: Event, context: Context) -> None:
    """Follow a reinstatement: what the revocation had ended goes on, in any order."""
    entry = session.get(models.Entry, event.subject)
    acted_by = entry.acted_by if entry and entry.state == State.REVOKED else None
    others = _locked(session, event.subject, acted_by, models.Entry.barred_from.is_not(None))
    follow_project(session, event)
    session.flush()
    if acted_by and _barring(session, acted_by) is None:
        for other in sorted(others, key=lambda one: one.rank or math.inf):  # places go by rank
            _resume(session, other, context)


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


def _locked(
    session: Session, project: str, undertaker: str | None, which: ColumnElement[bool]
) -> list[models.Entry]:
    """Those other entries of an undertaker.

    All are locked at once in the order of their ids, this project's included: two revocations of
    one undertaker at the same moment wait for each other.
    """
    entry = models.Entry
    theirs = and_(entry.undertaker["uscc"].as_string() == undertaker, which)
    both = select(entry).where(or_(entry.project == project, theirs)).order_by(entry.project)
    found = session.scalars(both.with_for_update().execution_options(populate_existing=True))
    return [one for one in found if one.project != project]


def _barring(session: Session, undertaker: str) -> str | None:
    """A revoked project by which this undertaker is barred."""
    bar = models.Entry.acted_by == undertaker
    barring = select(models.Entry.project).where(bar, models.Entry.state == State.REVOKED)
    return session.scalar(barring.limit(1))


def _resume(session: Session, entry: models.Entry, context: Context) -> None:
    ended_from = State(str(entry.barred_from))
    is_public = entry.designate_at is not None and entry.designate_at > context.now
    place = ended_from in WITH_PLACE and has_place(session, entry)
    entry.state = resumed(ended_from, has_place=place, is_public=is_public)
    entry.barred_from = None
    if entry.state != State.PUBLICISED:
        entry.publicity = entry.designate_at = None
    if entry.state == State.NOT_SELECTED:
        waits = WAITS_AGAIN if ended_from == State.NOT_SELECTED else PLACE_GONE
        entry.reasons = [waits.en]
        tell(session, APPLICATION_NOT_SELECTED, entry, [waits], context)
        return
    entry.reasons = [INCOMPLETE.en] if entry.state == State.RECOMMENDED else []
    tell(session, APPLICATION_RESUMED, entry, [BAR_UNDONE], context)
    ask_conflicts_again(session, entry, context)


def _end_barred(session: Session, entry: models.Entry, revoked: str, context: Context) -> None:
    entry.barred_from, entry.state = entry.state, moved(entry.state, Move.BAR)
    reasons = [barred_by(revoked)]
    entry.reasons = [reason.en for reason in reasons]
    tell(session, APPLICATION_NOT_SELECTED, entry, reasons, context)


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
    )
