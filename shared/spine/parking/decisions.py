"""What operators see of parked events, and what they decide: retry, discard, restore.

Every list is a page and every decision a batch, so that nothing grows with what is parked; a batch
is one transaction, so that an interrupted command has done whole batches and lost nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    not_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from shared.errors import IllegalTransitionError, NotFoundError
from shared.spine import parking
from shared.spine.database import insert_new_rows
from shared.spine.parking import OPEN, ParkedState
from shared.spine.tables import inbox, parked, parked_steps

BATCH = 500
FEW = 20  # bodies in memory at once
GROUPS = 200


class Decision(StrEnum):
    """What an operator can decide about a parked event."""

    RETRY = "retry"
    DISCARD = "discard"
    RESTORE = "restore"


FROM: Mapping[Decision, tuple[ParkedState, ...]] = {
    Decision.RETRY: OPEN,
    Decision.DISCARD: OPEN,
    Decision.RESTORE: (ParkedState.DISCARDED,),
}
TO: Mapping[Decision, ParkedState] = {
    Decision.RETRY: ParkedState.WAITING,
    Decision.DISCARD: ParkedState.DISCARDED,
    Decision.RESTORE: ParkedState.HELD,
}


DONE = {Decision.RETRY: "retry asked", Decision.DISCARD: "discarded", Decision.RESTORE: "restored"}


@dataclass(frozen=True)
class Wanted:
    """Which parked events are meant; None does not restrict, times are real and half-open."""

    id: str | None = None
    group: str | None = None
    handler: str | None = None
    type: str | None = None
    error: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The same in SQL."""
        columns = {
            parked.c.id: self.id,
            parked.c.fingerprint: self.group,
            parked.c.handler: self.handler,
            parked.c.event_type: self.type,
            parked.c.error: self.error,
            parked.c.subject: self.subject,
        }
        yield from (column == value for column, value in columns.items() if value is not None)
        if self.since is not None:
            yield parked.c.parked_at >= self.since
        if self.until is not None:
            yield parked.c.parked_at < self.until


def page(
    session: Session, wanted: Wanted, states: Sequence[str], after: str, limit: int
) -> Sequence[Row[Any]]:
    """Some parked events, oldest first, without their bytes.

    Found state by state, each to the limit, so that an index in order of their ids is enough.
    """
    first = [
        select(parked.c.id)
        .where(*wanted.conditions(), parked.c.state == state, parked.c.id > after)
        .order_by(parked.c.id)
        .limit(limit)
        .subquery()
        for state in states
    ]
    ids = union_all(*(select(part.c.id) for part in first)).subquery()
    columns = [column for column in parked.c if column.name != "body"]
    found = select(*columns).join(ids, ids.c.id == parked.c.id)
    beyond = found.where(parked.c.id > after).order_by(parked.c.id)
    return session.execute(beyond.limit(limit)).all()


def totals(session: Session, wanted: Wanted) -> dict[str, int]:
    """How many of them there are in each state."""
    found = select(parked.c.state, func.count()).where(*wanted.conditions())
    return {row[0]: row[1] for row in session.execute(found.group_by(parked.c.state))}


def groups(session: Session, wanted: Wanted, states: Sequence[str]) -> Sequence[Row[Any]]:
    """Failures of one kind together, the largest groups first, with first and last seen."""
    count = func.count().label("count")
    found = select(
        parked.c.fingerprint.label("group"),
        parked.c.handler,
        parked.c.error,
        func.min(parked.c.detail).label("detail"),
        count,
        func.min(parked.c.parked_at).label("first_seen"),
        func.max(parked.c.parked_at).label("last_seen"),
    ).where(*wanted.conditions(), parked.c.state.in_(states))
    kinds = found.group_by(parked.c.fingerprint, parked.c.handler, parked.c.error)
    return session.execute(kinds.order_by(count.desc(), "group").limit(GROUPS)).all()


def one(session: Session, parked_id: str) -> Row[Any]:
    """One parked event with its bytes; raises NotFoundError."""
    row = session.execute(select(parked).where(parked.c.id == parked_id)).first()
    if row is None:
        raise NotFoundError(f"No parked event has the id {parked_id!r}.")
    return row


def history(session: Session, parked_id: str) -> list[dict[str, str]]:
    """Who did what to it, when and why, oldest first."""
    steps = select(parked_steps).where(parked_steps.c.parked == parked_id)
    return [
        {"at": step.at.isoformat(), "who": step.who, "what": step.what, "why": step.why}
        for step in session.execute(steps.order_by(parked_steps.c.number))
    ]


def count(session: Session, wanted: Wanted, decision: Decision) -> int:
    """How many events the decision would change now."""
    found = _eligible(wanted, decision, datetime.now(UTC)).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def decide(
    session: Session, wanted: Wanted, decision: Decision, *, actor: str, why: str, after: str = ""
) -> Sequence[str]:
    """Decide for one batch of these events; returns the ids of those that were changed.

    The next batch is `after` the last of them: what is tried and fails meanwhile would else be
    asked for again and again. A retry happens at the next tick; what is on its way already is not
    asked twice. Of many, those that are being tried now are passed over; one is waited for.
    """
    is_one = wanted.id is not None
    eligible = _eligible(wanted, decision, None if is_one else datetime.now(UTC))
    batch = eligible.where(parked.c.id > after).order_by(parked.c.id).limit(BATCH)
    rows = session.execute(batch.with_for_update(skip_locked=not is_one)).all()
    now = datetime.now(UTC)  # after the wait for a try of the one that is on
    ids = [row.id for row in rows]
    if decision is Decision.RESTORE:
        _forget_discarded(session, ids)
    is_over = decision is Decision.DISCARD
    due_at = now if decision is Decision.RETRY else None
    parking.change(
        session, ids, state=TO[decision], due_at=due_at, settled_at=now if is_over else None
    )
    if is_over:
        _know_discarded(session, ids, now)
    news = [row.id for row in rows if decision is not Decision.RETRY or not _is_due(row, now)]
    parking.note_step(session, news, actor, DONE[decision], why)
    return ids


def decide_one(
    session: Session, parked_id: str, decision: Decision, *, actor: str, why: str
) -> None:
    """Decide about one event; raises NotFoundError, or IllegalTransitionError for its state."""
    if not decide(session, Wanted(id=parked_id), decision, actor=actor, why=why):
        state = one(session, parked_id).state
        if state not in FROM[decision]:
            raise IllegalTransitionError(f"Parked event {parked_id} is {state} already.")


def _know_discarded(session: Session, ids: Sequence[str], now: datetime) -> None:
    """What was discarded counts as handled: it has no effect, however often it comes again."""
    names = ("handler", "event_id", "source", "subject", "body")
    own = parked.c.id.in_(ids), parked.c.event_id.is_not(None)
    few = session.execute(
        select(*(parked.c[name] for name in names)).where(*own),
        execution_options={"yield_per": FEW},
    )
    known = [
        {
            "handler": row.handler,
            "event_id": row.event_id,
            "source": row.source or "",
            "about": row.subject or "",
            "digest": hashlib.sha256(row.body).digest(),
            "handled_at": now,
        }
        for row in few
    ]
    if known:
        insert_new_rows(session, inbox, known, inbox.c.event_id)


def _forget_discarded(session: Session, ids: Sequence[str]) -> None:
    """What is restored can be handled again, unless it was handled before it was discarded."""
    known_since = exists().where(
        parked.c.id.in_(ids),
        parked.c.handler == inbox.c.handler,
        parked.c.event_id == inbox.c.event_id,
        parked.c.settled_at == inbox.c.handled_at,
    )
    session.execute(delete(inbox).where(known_since))


def _is_due(row: Row[Any], now: datetime) -> bool:
    return bool(row.state == ParkedState.WAITING and row.due_at <= now)


def _eligible(wanted: Wanted, decision: Decision, now: datetime | None) -> Select[Any]:
    """Those in a fitting state; with `now` no retry of what is on its way already."""
    states = parked.c.state.in_(FROM[decision])
    columns = (parked.c.id, parked.c.state, parked.c.due_at)
    found = select(*columns).where(*wanted.conditions(), states)
    if decision is Decision.RETRY and now is not None:
        on_its_way = and_(parked.c.state == ParkedState.WAITING, parked.c.due_at <= now)
        found = found.where(not_(on_its_way))
    return found
