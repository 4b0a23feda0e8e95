"""Entries as events bring them: entered when recommended, closed when revoked."""

import math

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.assignments import ask_conflicts_again
from services.scoring.commands.decisions import tell
from services.scoring.commands.selection import has_place, is_waiting
from services.scoring.commands.turns import take_places, take_undertakers
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
    take_undertakers(session, [data["undertaker"]["uscc"]])
    if session.get(models.Entry, event.subject) is not None:
        return
    entry = _new_entry(event)
    session.add(entry)
    if data["content_hash"] and data["opinion"].strip():
        entry.state = moved(entry.state, Move.FIND_COMPLETE)
    else:
        entry.reasons = [INCOMPLETE.en]
    if revoked := _barring(session, entry.undertaker["uscc"]):
        _end_barred(session, entry, revoked, context)


def close_entry(session: Session, event: Event, context: Context) -> None:
    """Follow a revocation, and acknowledge it: once per epoch, in any order."""
    follow_project(session, event, context)
    acknowledge(session, models.Acknowledgement, Outlet.ENTRY, Revoked.by(event), context)


def follow_project(session: Session, event: Event, context: Context) -> None:
    """Follow what became of a project; the newest sequence wins, so that any order ends the same.

    A revocation bars the undertaker that acted: its entries that are not designated yet end, also
    those that wait for a place. They go on once no revoked project bars it any more, by their rank.
    """
    entry, others = _locked(session, event)
    if entry is None:
        entry = _new_entry(event)
        session.add(entry)
    elif event.sequence <= entry.sequence:
        return
    barred = entry.acted_by
    entry.state, entry.sequence = State(event.data["state"]), event.sequence
    for name in ("undertaker", "epoch", "valid_from", "valid_to"):
        setattr(entry, name, event.data[name])
    entry.acted_by = who_acted(event) if entry.state == State.REVOKED else None
    session.flush()
    is_free = barred is not None and _barring(session, barred) is None
    for other in sorted(others, key=lambda one: one.rank or math.inf):
        undertaker = other.undertaker["uscc"]
        if other.barred_from is None and undertaker == entry.acted_by:
            _end_barred(session, other, entry.project, context)
        elif other.barred_from is not None and undertaker == barred and is_free:
            _resume(session, other, context)


def _locked(session: Session, event: Event) -> tuple[models.Entry | None, list[models.Entry]]:
    """The project's entry, and those others that may end or go on with what became of it."""
    one = models.Entry
    known = session.get(one, event.subject)
    parties = {who_acted(event), *_barred_by(known)}
    while True:
        take_undertakers(session, parties)
        entry = session.get(one, event.subject, with_for_update=True, populate_existing=True)
        if parties.issuperset(_barred_by(entry)):
            break
        parties |= _barred_by(entry)  # it became another's act while we waited
    may_end = or_(one.state.in_(UNDECIDED), is_waiting(), one.barred_from.is_not(None))
    others = select(one).where(
        one.undertaker["uscc"].as_string().in_(parties), one.project != event.subject, may_end
    )
    rounds = session.scalars(others.with_only_columns(one.programme, maintain_column_froms=True))
    take_places(session, rounds)
    locked = others.order_by(one.project).with_for_update()
    return entry, list(session.scalars(locked.execution_options(populate_existing=True)))


def _barred_by(entry: models.Entry | None) -> set[str]:
    return {entry.acted_by} if entry and entry.acted_by else set()


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


def _new_entry(event: Event) -> models.Entry:
    data = event.data
    return models.Entry(
        project=event.subject,
        programme=data["programme"],
        unit=data["unit"],
        undertaker=data["undertaker"],
        title=data["title"],
        direction=data["direction"],
        content_hash=data.get("content_hash", ""),
        state=State(data["state"]),
        epoch=data["epoch"],
        sequence=event.sequence,
        reasons=[],
        frozen_count=0,
    )
