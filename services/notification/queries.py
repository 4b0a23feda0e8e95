"""What the API and the public site both read. Statements come back unlimited: callers page them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from services.notification.models.proceedings import (
    Inspection,
    ObjectionDecision,
    Plan,
    Programme,
    Publicity,
)
from services.notification.models.register import (
    Acknowledgement,
    Circular,
    HistoryEntry,
    Project,
    StatusSlot,
)
from services.notification.rules.register import searches
from services.notification.rules.states import REGISTERED
from shared.spine.envelope import made_at
from shared.spine.rows import found, missing


@dataclass(frozen=True)
class RegisterFilter:
    """What to look for in the register; None does not restrict."""

    q: str | None = None
    state: str | None = None
    direction: int | None = None
    unit: str | None = None
    programme: str | None = None


@dataclass(frozen=True)
class Followed:
    """When an outlet had acted on a revocation, and after how many real seconds, if that is known.

    The instant is the programme's; in a rehearsal only the seconds are real.
    """

    outlet: str
    at: datetime
    seconds: float | None


def registered(wanted: RegisterFilter) -> Select[Any]:
    """Public projects: from publicity onwards; `q` is part of a title, undertaker, USCC or id.

    A code may be written in groups.
    """
    public = select(Project).where(Project.state.in_(REGISTERED))
    if wanted.q:
        asked = (Project.searched.contains(one, autoescape=True) for one in searches(wanted.q))
        public = public.where(or_(*asked))
    exact = (
        (Project.state, wanted.state),
        (Project.direction, wanted.direction),
        (Project.unit, wanted.unit),
        (Project.programme, wanted.programme),
    )
    return public.where(*(column == value for column, value in exact if value is not None))


def count(session: Session, statement: Select[Any]) -> int:
    """How many rows the statement has."""
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True)
    return session.scalar(counted) or 0


def project(session: Session, project_id: str) -> Project:
    """A project that is or was public; raises NotFoundError for one that is not public yet."""
    row = found(session, Project, project_id)
    if row.state not in REGISTERED and row.publicity is None:
        raise missing(Project, project_id)
    return row


def history(session: Session, project_id: str) -> Sequence[HistoryEntry]:
    """Every event of the project, in the order of the aggregate's versions."""
    entries = select(HistoryEntry).where(HistoryEntry.project == project_id)
    return session.scalars(entries.order_by(HistoryEntry.sequence, HistoryEntry.event_id)).all()


def inspections(session: Session, project_id: str) -> Sequence[Inspection]:
    """The project's completed inspections, oldest first."""
    wanted = select(Inspection).where(Inspection.project == project_id)
    return session.scalars(wanted.order_by(Inspection.concluded_at, Inspection.id)).all()


def objections(session: Session, project_id: str) -> Sequence[ObjectionDecision]:
    """The decided objections to the project, oldest first."""
    wanted = select(ObjectionDecision).where(ObjectionDecision.project == project_id)
    return session.scalars(wanted.order_by(ObjectionDecision.decided_at)).all()


def acknowledgements(session: Session, project_id: str) -> Sequence[Acknowledgement]:
    """Which of our outlets acted on the project's revocations, and when."""
    wanted = select(Acknowledgement).where(Acknowledgement.project == project_id)
    return session.scalars(wanted.order_by(Acknowledgement.subject)).all()


def followed(session: Session, project_id: str) -> list[Followed]:
    """How fast our outlets followed each revocation; of several receivers the last one counts."""
    last: dict[tuple[int, str], Acknowledgement] = {}
    for one in sorted(acknowledgements(session, project_id), key=lambda one: one.event):
        last[one.epoch, one.outlet] = one
    return [
        Followed(one.outlet, one.acknowledged_at, _took(one))
        for one in sorted(last.values(), key=lambda one: (one.epoch, one.event))
    ]


def _took(acknowledgement: Acknowledgement) -> float | None:
    began, ended = made_at(acknowledgement.revocation), made_at(acknowledgement.event)
    return (ended - began).total_seconds() if began and ended else None


def status_slot(session: Session, project_id: str) -> StatusSlot | None:
    """The project's place in the signed status list, if it was ever designated."""
    return session.scalar(select(StatusSlot).where(StatusSlot.project == project_id))


def latest_changes(session: Session, limit: int) -> Sequence[Project]:
    """The public projects that changed last, the newest change first."""
    newest = registered(RegisterFilter()).order_by(Project.changed_at.desc(), Project.id)
    return session.scalars(newest.limit(limit)).all()


def circulars() -> Select[Any]:
    """All circulars, in no order: page or order them by year and serial."""
    return select(Circular)


def latest_circulars(session: Session, limit: int) -> Sequence[Circular]:
    """The newest circulars, newest first."""
    newest = select(Circular).order_by(Circular.year.desc(), Circular.serial.desc())
    return session.scalars(newest.limit(limit)).all()


def circulars_of(session: Session, project_id: str) -> Sequence[Circular]:
    """The circulars about one project, oldest first."""
    wanted = select(Circular).where(Circular.project == project_id)
    return session.scalars(wanted.order_by(Circular.year, Circular.serial)).all()


def census(session: Session, programme_id: str | None = None) -> Sequence[Any]:
    """(programme, direction, unit, state, number) of all projects, of one round or of all."""
    place = (Project.programme, Project.direction, Project.unit, Project.state)
    counted = select(*place, func.count().label("number")).group_by(*place)
    if programme_id is not None:
        counted = counted.where(Project.programme == programme_id)
    return session.execute(counted).all()


def tally(rows: Iterable[Any], column: str) -> Counter[Any]:
    """How many projects of a census have each value of one column."""
    counts: Counter[Any] = Counter()
    for row in rows:
        counts[getattr(row, column)] += row.number
    return counts


def outcomes(session: Session) -> dict[str, int]:
    """How many inspections ended with each outcome."""
    counted = select(Inspection.outcome, func.count()).group_by(Inspection.outcome)
    return dict(session.execute(counted).all())


def grounds(session: Session) -> dict[str, int]:
    """How many circulars of revocation name each ground."""
    counted = select(Circular.ground, func.count()).where(Circular.ground.is_not(None))
    return {
        str(ground): number for ground, number in session.execute(counted.group_by(Circular.ground))
    }


def programmes(session: Session) -> Sequence[Programme]:
    """All rounds, newest first."""
    return session.scalars(select(Programme).order_by(Programme.id.desc())).all()


def publicities(session: Session) -> Sequence[Publicity]:
    """All publicity lists, newest first."""
    newest = select(Publicity).order_by(Publicity.opens_on.desc(), Publicity.id)
    return session.scalars(newest).all()


def states_of(session: Session, lists: Iterable[Publicity]) -> dict[str, str]:
    """Where the projects of some publicity lists stand now, by their ids."""
    listed = Project.publicity.in_([one.id for one in lists])
    return dict(session.execute(select(Project.id, Project.state).where(listed)).all())


def plans(session: Session) -> Sequence[Plan]:
    """All inspection plans and draws, newest first."""
    return session.scalars(select(Plan).order_by(Plan.draw_at.desc(), Plan.id.desc())).all()
