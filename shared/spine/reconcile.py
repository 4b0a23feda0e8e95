"""Reconciliation: what an outbox published against what each inbox holds; the rest is sent again.

The consumer asks from an id on; the producer states what it published from there, by count and
digest, and id by id where the stretch is short; the consumer compares, halves the stretch where
they differ, and wants what it has neither handled nor parked. Each message leads to the next, so
nothing is kept between them but the id up to which both agreed: a round begins there, its cost does
not grow with history, and a lost message costs one round. Of each source it keeps one event too
that both had, the anchor: a publisher that has it no more was put back, and is compared as a whole.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Row, and_, literal, or_, select, tuple_, update
from sqlalchemy.orm import Session

from shared.spine.broker import Topology
from shared.spine.broker.topology import queue_handler
from shared.spine.database import insert_new
from shared.spine.envelope import first_id_at, new_id
from shared.spine.handlers import Handling
from shared.spine.replay import Published, replay
from shared.spine.tables import inbox, outbox, parked, reconciliation

LONGEST, SHORT = 4_096, 512
LOOK_BACK = 5
FIRST_ID = NO_ANCHOR = NO_ROUND = ""
Said = dict[str, Any]


def prepare(session: Session, handlers: Mapping[str, Handling]) -> None:
    """Have a row for every (handler, source), due at once where it is new."""
    now = datetime.now(UTC)
    rows = [
        {"handler": name, "source": source, "agreed_to": FIRST_ID, "anchor": NO_ANCHOR,
         "due_at": now, "demanded_at": now, "whole": False, "dry_run": False, "round": NO_ROUND,
         "missing": 0, "foreign": 0}
        for name, handler in handlers.items()
        for source in handler.sources
    ]  # fmt: skip
    if rows:
        insert = insert_new(session.get_bind().dialect)
        session.execute(insert(reconciliation).values(rows).on_conflict_do_nothing())


def demand(session: Session, *, whole: bool, dry_run: bool) -> None:
    """Have every pair checked at once; `whole` from the first retained event on.

    A round that is on its way ends unheard: it answers another question.
    """
    now, is_whole = datetime.now(UTC), or_(reconciliation.c.whole, literal(whole))
    wanted = {"demanded_at": now, "due_at": now, "whole": is_whole, "dry_run": dry_run}
    session.execute(update(reconciliation).values(round=NO_ROUND, **wanted))


def pairs(session: Session, topology: Topology, service: str) -> Sequence[Row[Any]]:
    """How every handler of this version stands with every service it hears of."""
    known = [
        (queue_handler(queue.name), queue.exchange.removesuffix(".events"))
        for queue in topology.queues
        if queue.service == service
    ]
    key = (reconciliation.c.handler, reconciliation.c.source)
    found = select(reconciliation).where(tuple_(*key).in_(known)).order_by(*key)
    return session.execute(found).all()


def begin_due(session: Session, handlers: Mapping[str, Handling], every: timedelta) -> list[Said]:
    """Begin a round for every pair whose time has come; returns what to ask, by source.

    Events younger than `every` are taken to be on their way still. A time that is farther away than
    any that we set is due too: the clock was set back.
    """
    now = datetime.now(UTC)
    is_due = or_(reconciliation.c.due_at <= now, reconciliation.c.due_at > now + 2 * every)
    due = select(reconciliation).where(is_due, reconciliation.c.handler.in_(list(handlers)))
    return [
        _begin(session, row, handlers[row.handler], now, every)
        for row in session.execute(due.with_for_update(skip_locked=True)).all()
    ]


def state(session: Session, asked: Said, retained: timedelta) -> Said:
    """What this outbox published from an id on, as the producer answers.

    It begins no earlier than `retained` ago, and ends before what was published only now.
    """
    now, limit = datetime.now(UTC), min(int(asked["limit"]), LONGEST)
    oldest = first_id_at(now - retained)
    after, end = max(asked["after"], oldest), asked["end"]
    rows = _recorded(session, after, end, asked["types"], limit + 1)
    before = now - timedelta(seconds=asked["every"])
    ids = [row.event_id for row in takewhile(lambda row: _is_out(row, before), rows)]
    until = end
    if len(ids) < len(rows):
        until = end = rows[len(ids)].event_id
    elif len(ids) > limit:
        until = ids.pop()
    told = {"ids": ids} if limit <= SHORT else {}
    anchored = asked["anchor"] < oldest or _has(session, asked["anchor"])
    stated = {"after": after, "end": end, "until": until, "digest": digest(ids)}
    return asked | stated | {"kind": "stated", "anchored": anchored} | told


def compare(session: Session, stated: Said) -> list[Said]:
    """What the consumer says to a statement: what it wants, and what it asks next."""
    key = and_(
        reconciliation.c.handler == stated["handler"], reconciliation.c.source == stated["source"]
    )
    row = session.execute(select(reconciliation).where(key).with_for_update()).first()
    if row is None or row.round != stated["round"]:
        return []
    have = _known(session, stated)
    agrees = stated["digest"] == digest(have)
    if not agrees and "ids" not in stated:
        return [stated | {"kind": "ask", "limit": max(stated["limit"] // 2, SHORT)}]
    missing = [] if agrees else [one for one in stated["ids"] if one not in have]
    foreign = 0 if agrees else len(have.difference(stated["ids"]))
    said = _resolved(stated, agrees, len(missing), foreign)
    common = have if agrees else have.intersection(stated["ids"])
    session.execute(update(reconciliation).where(key).values(**_progress(row, said, common)))
    wants = [said | {"kind": "want", "ids": missing}] if missing and not row.dry_run else []
    return wants if said["after"] >= said["end"] else [*wants, said]


def resend(session: Session, wanted: Said) -> int:
    """Have what one consumer misses sent to it again; returns how many events."""
    return replay(session, Published(ids=wanted["ids"]), wanted["handler"])[0]


def digest(ids: Collection[str]) -> str:
    """The same for the same set of ids."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def _begin(
    session: Session, row: Row[Any], handler: Handling, now: datetime, every: timedelta
) -> Said:
    end = first_id_at(now - every)
    after = FIRST_ID if row.whole else row.agreed_to
    if after > end:  # both agreed on what has not come yet: the clock was set back
        after = first_id_at(now - LOOK_BACK * every)
    begun = {"round": new_id(), "anchor": NO_ANCHOR if row.whole else row.anchor}
    agreed_to = row.agreed_to if row.dry_run else after
    key = and_(reconciliation.c.handler == row.handler, reconciliation.c.source == row.source)
    values = begun | {"agreed_to": agreed_to, "due_at": now + every}
    session.execute(update(reconciliation).where(key).values(**values))
    return begun | {
        "kind": "ask", "handler": row.handler, "source": row.source,
        "types": handler.sources[row.source], "after": after, "end": end, "limit": LONGEST,
        "agreeing": True, "missing": 0, "foreign": 0, "every": every.total_seconds(),
    }  # fmt: skip


def _recorded(
    session: Session, after: str, end: str, types: Sequence[str], limit: int
) -> Sequence[Row[Any, Any]]:
    found = select(outbox.c.event_id, outbox.c.published_at).where(
        outbox.c.event_id >= after, outbox.c.event_id < end, outbox.c.routing_key.in_(types)
    )
    return session.execute(found.order_by(outbox.c.event_id).limit(limit)).all()


def _is_out(row: Row[Any, Any], before: datetime) -> bool:
    return row.published_at is not None and row.published_at <= before


def _has(session: Session, event_id: str) -> bool:
    found = select(outbox.c.position).where(outbox.c.event_id == event_id)
    return session.scalar(found) is not None


def _known(session: Session, stated: Said) -> set[str]:
    """Every id in the stretch that the handler has handled, or that is parked for it."""
    known: set[str] = set()
    for table in (inbox, parked):
        found = select(table.c.event_id).where(
            table.c.handler == stated["handler"],
            table.c.source == stated["source"],
            table.c.event_id >= stated["after"],
            table.c.event_id < stated["until"],
        )
        known.update(session.scalars(found))
    return known


def _resolved(stated: Said, agrees: bool, missing: int, foreign: int) -> Said:
    kept = {name: value for name, value in stated.items() if name not in {"ids", "digest", "until"}}
    return kept | {
        "kind": "ask",
        "after": stated["until"],
        "limit": min(stated["limit"] * 2, LONGEST) if agrees else stated["limit"],
        "agreeing": stated["agreeing"] and not missing,
        "missing": stated["missing"] + missing,
        "foreign": stated["foreign"] + foreign,
    }


def _progress(row: Row[Any], said: Said, common: Collection[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    anchor = max([row.anchor, *common])
    going_on: dict[str, Any] = {"due_at": now + timedelta(seconds=said["every"]), "anchor": anchor}
    if said["agreeing"]:
        going_on["agreed_to"] = max(row.agreed_to, said["after"])
    if said["after"] < said["end"]:
        return going_on
    if not said["anchored"]:
        return {"due_at": now, "whole": True}
    counted = {"missing": said["missing"], "foreign": said["foreign"]}
    done = {"checked_at": now, "demanded_at": None, "dry_run": False, "whole": False}
    return going_on | counted | done
