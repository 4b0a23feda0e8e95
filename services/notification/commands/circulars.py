"""Revocations and reinstatements: register, status list, circular and announcements at once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.commands.announcements import announce
from services.notification.commands.counters import count_up
from services.notification.commands.register import follow_project
from services.notification.models.register import Acknowledgement, Circular
from services.notification.rules.circulars import CircularKind, number_of, year_of
from shared.catalogue import NOTICE_PUBLISHED
from shared.errors import InvalidError
from shared.project import Outlet
from shared.revocations import Revoked, acknowledge
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record


def circulate_revocation(session: Session, event: Event, context: Context) -> None:
    """Act on a revocation at every outlet of ours, once per epoch, also when it comes late.

    Each of register, status list and circular acknowledges here; letters and webhooks do when
    their receivers took them.
    """
    entry = follow_project(session, event, context)
    circular = _publish(session, CircularKind.REVOCATION, event, context)
    for outlet in (Outlet.REGISTER, Outlet.STATUS_LIST, Outlet.CIRCULAR):
        acknowledge(session, Acknowledgement, outlet, Revoked.by(event), context)
    announce(session, event, entry, circular, context)


def circulate_reinstatement(session: Session, event: Event, context: Context) -> None:
    """Make a reinstatement known as widely as the revocation was."""
    entry = follow_project(session, event, context)
    circular = _publish(session, CircularKind.REINSTATEMENT, event, context)
    announce(session, event, entry, circular, context)


def _publish(session: Session, kind: CircularKind, event: Event, context: Context) -> Circular:
    """The circular of this kind for this epoch, published if it is not yet."""
    data = event.data
    published = select(Circular).where(
        Circular.project == data["project"], Circular.epoch == data["epoch"], Circular.kind == kind
    )
    if circular := session.scalar(published):
        return circular
    circular = _write(session, kind, event, context.now)
    session.add(circular)
    record(session, NOTICE_PUBLISHED, circular, context)
    session.flush()
    return circular


def _write(session: Session, kind: CircularKind, event: Event, now: datetime) -> Circular:
    data, decision = event.data, event.data["decision"]
    if decision is None:
        raise InvalidError(f"{event.type} without a decision: a circular must cite its grounds.")
    year = year_of(now)
    serial = count_up(session, f"circulars-{year}")
    whole = ("project", "epoch", "programme", "unit", "direction", "title")
    cited = (
        "ground",
        "citation",
        "reasons_zh",
        "reasons_en",
        "rule_version",
        "inspection",
        "acted_by",
    )
    return Circular(
        number=number_of(year, serial),
        year=year,
        serial=serial,
        kind=kind,
        undertaker_name=data["undertaker"]["name"],
        uscc=data["undertaker"]["uscc"],
        decided_at=decision["decided_at"],
        effective_at=decision["effective_at"],
        published_at=now,
        cause=event.id,
        **{name: data[name] for name in whole},
        **{name: decision.get(name) for name in cited},
    )
