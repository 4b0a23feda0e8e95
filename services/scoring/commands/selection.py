"""From scores to the list: ranking, publicity, designation."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.assignments import ask_conflicts_again, exact_score, scores_of
from services.scoring.commands.decisions import tell
from services.scoring.commands.programmes import round_of
from services.scoring.commands.turns import take_places
from services.scoring.rules import ranking
from services.scoring.rules.reasons import INCOMPLETE, PLACE_FREE, publicised
from services.scoring.rules.scores import UnscoredEntriesError, exact_mean
from services.scoring.rules.states import Move, moved
from shared.catalogue import (
    APPLICATION_NOT_SELECTED,
    APPLICATION_RESUMED,
    PROJECT_DESIGNATED,
    PUBLICITY_OPENED,
)
from shared.errors import LaurelError
from shared.programme.values import Programme
from shared.project import State
from shared.spine.context import Context
from shared.spine.envelope import new_id
from shared.spine.outbox import record
from shared.spine.timers import each_due
from shared.workdays import add_working_days, china_date, end_of_day

PAGE = 200  # entries an event; one with the longest titles stays below a half of what is read


class NothingToPublishError(LaurelError):
    """No entry is in the state that this step takes."""

    slug = "nothing-to-do"


def rank_entries(session: Session, programme: str, context: Context) -> list[models.Entry]:
    """Rank all scored entries under the quotas, explain each outcome (transition 9).

    A later call gives places that became free to the next in rank, and ranks what came late after
    them; an upheld objection, a bar and a larger quota free places. What failed the formal check
    ends here. Raises UnscoredEntriesError while any entry of the round still waits for scores.
    """
    round_ = round_of(session, programme)
    take_places(session, [programme])
    ranked = models.Entry.state.in_((State.RECOMMENDED, State.SCORING, State.SCORED))
    entries = _locked(session, programme, or_(ranked, is_waiting()))
    if unscored := [e.project for e in entries if e.state == State.SCORING]:
        raise UnscoredEntriesError(
            f"{len(unscored)} entries are not scored yet, for example {unscored[0]}.",
            entries=unscored[:50],
        )
    scored = [entry for entry in entries if entry.state == State.SCORED]
    again = {entry.project for entry in scored if entry.rank}
    for entry in scored:
        entry.rank = None
    by_project = {e.project: e for e in entries if e.state in (State.SCORED, State.NOT_SELECTED)}
    candidates = [
        _candidate(entry, round_, again=entry.project in again) for entry in by_project.values()
    ]
    outcomes = ranking.rank(candidates, _places(session, round_))
    news = [one for one in outcomes if one.shortlisted or by_project[one.project].rank is None]
    incomplete = [entry for entry in entries if entry.state == State.RECOMMENDED]
    if not news and not incomplete:
        raise NothingToPublishError(f"No entry of programme {programme} waits to be ranked.")
    for outcome in news:
        _keep_outcome(session, by_project[outcome.project], outcome, context)
    for entry in incomplete:
        entry.state = moved(entry.state, Move.FIND_INCOMPLETE)
        tell(session, APPLICATION_NOT_SELECTED, entry, [INCOMPLETE], context)
    return [*(by_project[outcome.project] for outcome in news), *incomplete]


def _keep_outcome(
    session: Session, entry: models.Entry, outcome: ranking.Outcome, context: Context
) -> None:
    waited = entry.state == State.NOT_SELECTED
    shortlist = Move.FREE_PLACE if waited else Move.SHORTLIST
    entry.state = moved(entry.state, shortlist if outcome.shortlisted else Move.NOT_SELECT)
    entry.rank, entry.reasons = outcome.rank, [reason.en for reason in outcome.reasons]
    if not outcome.shortlisted:
        tell(session, APPLICATION_NOT_SELECTED, entry, outcome.reasons, context)
    elif waited:
        tell(session, APPLICATION_RESUMED, entry, [PLACE_FREE], context)
        ask_conflicts_again(session, entry, context)


def open_publicity(session: Session, programme: str, context: Context) -> models.Publicity:
    """Make the shortlist public for objections, for the round's working days (transition 10).

    Raises UnknownYearError when the calendar does not know the days.
    """
    round_ = round_of(session, programme)
    entries = _locked(session, programme, models.Entry.state == State.SHORTLISTED)
    if not entries:
        raise NothingToPublishError(f"No entry of programme {programme} is shortlisted.")
    opens_on = china_date(context.now)
    closes_on = add_working_days(opens_on, round_.publicity_working_days, round_.workday_overrides)
    publicity = models.Publicity(
        id=new_id(), programme=programme, opens_on=opens_on, closes_on=closes_on
    )
    session.add(publicity)
    for entry in entries:
        entry.state = moved(entry.state, Move.PUBLICISE)
        entry.publicity, entry.designate_at = publicity.id, end_of_day(closes_on)
    ranked = sorted(entries, key=lambda entry: entry.rank or 0)
    for first in range(0, len(ranked), PAGE):
        page = ranked[first : first + PAGE]
        record(session, PUBLICITY_OPENED, publicity, context, entries=page)
    return publicity


def designate_due(session: Session, context: Context) -> int:
    """Designate what publicity is over for, without open objection (transition 13)."""
    entry = models.Entry
    due = (
        select(entry)
        .where(
            entry.state == State.PUBLICISED,
            entry.designate_at <= context.now,
            entry.frozen_count == 0,
        )
        .order_by(entry.project)
    )
    return each_due(session, due, lambda row: designate_project(session, row, context))


def designate_project(session: Session, entry: models.Entry, context: Context) -> None:
    """Designate one project: its first epoch, valid from that day for the round's years."""
    years = round_of(session, entry.programme).validity_years
    entry.state = moved(entry.state, Move.DESIGNATE)
    entry.epoch, entry.valid_from = 1, china_date(context.now)
    entry.valid_to = _years_later(entry.valid_from, years)
    reasons = [publicised(entry.rank, entry.score_text)]
    tell(session, PROJECT_DESIGNATED, entry, reasons, context)


def _years_later(day: Any, years: int) -> Any:
    """The same day of a later year; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _locked(session: Session, programme: str, which: ColumnElement[bool]) -> Sequence[models.Entry]:
    statement = select(models.Entry).where(models.Entry.programme == programme, which)
    return session.scalars(statement.order_by(models.Entry.project).with_for_update()).all()


def is_waiting() -> ColumnElement[bool]:
    """Who was ranked and found no place; not who lost one to an objection, or to a bar."""
    entry = models.Entry
    return and_(
        entry.state == State.NOT_SELECTED,
        entry.rank.is_not(None),
        entry.publicity.is_(None),
        entry.barred_from.is_(None),
    )


def has_place(session: Session, entry: models.Entry) -> bool:
    """Whether the round still has a place for this entry."""
    return ranking.is_free(entry.direction, _places(session, round_of(session, entry.programme)))


def _places(session: Session, programme: Programme) -> ranking.Places:
    entry = models.Entry
    ranked = session.execute(
        select(entry.direction, entry.state, entry.rank).where(
            entry.programme == programme.id, entry.rank.is_not(None)
        )
    ).all()
    return ranking.Places(
        total=programme.total_quota,
        by_direction={n: direction.quota for n, direction in programme.directions.items()},
        taken=Counter(row.direction for row in ranked if row.state != State.NOT_SELECTED),
        ranked=max((row.rank for row in ranked), default=0),
        of_others=0,  # a direction that a later edition gave up
    )


def _candidate(entry: models.Entry, programme: Programme, *, again: bool) -> ranking.Candidate:
    heaviest = sorted(programme.rubric, key=lambda c: (-c.weight, c.key))
    scored = scores_of(entry)
    return ranking.Candidate(
        project=entry.project,
        direction=entry.direction,
        score=exact_score(entry, programme.rubric),
        criteria=tuple(exact_mean([one[c.key] for one in scored]) for c in heaviest),
        content_hash=entry.content_hash,
        rank=entry.rank,
        again=again,
    )
