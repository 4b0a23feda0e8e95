"""Who scores what, and the scores."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.decisions import tell
from services.scoring.commands.programmes import round_of
from services.scoring.rules.assignment import Candidate, Expert, TooFewExpertsError, assign
from services.scoring.rules.reasons import SCORE_LOST, scored
from services.scoring.rules.scores import (
    NotAssignedError,
    check_scores,
    exact_mean,
    exact_total,
    shown,
    weighted_total,
)
from services.scoring.rules.states import UNDECIDED, WITH_SCORE, Move, moved
from shared.catalogue import APPLICATION_RESUMED, APPLICATION_SCORED
from shared.programme.values import Criterion, Programme
from shared.project import State
from shared.spine.context import Actor, Context
from shared.spine.rows import locked


def assign_experts(session: Session, programme: str, context: Context) -> dict[str, Any]:
    """Give every entry enough experts, or raise TooFewExpertsError and change nothing."""
    round_ = round_of(session, programme)
    needed = round_.experts_per_application
    experts = session.scalars(
        select(models.Expert).order_by(models.Expert.code).with_for_update(read=True)
    ).all()
    entries = _in_states(session, models.Entry.programme == programme, State.SCORING)
    candidates = [
        Candidate(e.project, e.direction, needed - len(_active(e)), _excluded(e, experts))
        for e in entries
        if len(_active(e)) < needed
    ]
    assigned, missing = assign(candidates, _loads(session, experts))
    if missing:
        raise TooFewExpertsError(
            f"{len(missing)} entries lack experts without conflict, for example "
            f"{next(iter(missing))}: register more experts; nothing was assigned.",
            missing=missing,
        )
    for project, codes in assigned.items():
        session.add_all(
            models.Assignment(project=project, expert=code, assigned_at=context.now)
            for code in codes
        )
    for entry in entries:
        if not assigned.get(entry.project):
            _complete(session, entry, round_, context)
    return {"programme": programme, "assigned": sum(map(len, assigned.values()))}


def recuse_expert(
    session: Session, project: str, reason: str, context: Context
) -> models.Assignment:
    """An expert withdraws from an entry they have not scored; the next assignment replaces them."""
    entry = locked(session, models.Entry, project)
    assignment = own_assignment(session, project, context.actor)
    if assignment.scores is not None:
        raise NotAssignedError("You have scored this entry; ask the officials instead.")
    assignment.recused = reason
    _complete(session, entry, round_of(session, entry.programme), context)
    return assignment


def score_entry(
    session: Session, project: str, values: dict[str, Any], context: Context
) -> models.Entry:
    """Keep an expert's scores; when all assigned experts have scored, the entry is scored."""
    entry = locked(session, models.Entry, project)
    assignment = own_assignment(session, project, context.actor)
    moved(entry.state, Move.COMPLETE_SCORES)
    round_ = round_of(session, entry.programme)
    scores: dict[str, Decimal] = values["scores"]
    check_scores(scores, round_.rubric)
    assignment.scores = {key: str(score) for key, score in scores.items()}
    assignment.total_text = str(weighted_total(scores, round_.rubric))
    assignment.comment, assignment.scored_at = values["comment"], context.now
    _complete(session, entry, round_, context)
    return entry


def _complete(session: Session, entry: models.Entry, round_: Programme, context: Context) -> None:
    """Move an entry on that enough experts without conflict, and all of them, have scored."""
    active = _active(entry)
    if entry.state != State.SCORING or not all(a.scores for a in active):
        return
    if len(active) >= round_.experts_per_application:
        entry.state = moved(entry.state, Move.COMPLETE_SCORES)
        entry.reasons = []
        entry.score_text = str(shown(exact_score(entry, round_.rubric)))
        tell(session, APPLICATION_SCORED, entry, [scored(entry.score_text, len(active))], context)


def exact_score(entry: models.Entry, rubric: Sequence[Criterion]) -> Fraction:
    """The mean of its experts' totals, from their scores."""
    return exact_mean([exact_total(scores, rubric) for scores in scores_of(entry)])


def scores_of(entry: models.Entry) -> list[dict[str, Decimal]]:
    """What each expert without conflict has scored."""
    scored = [assignment.scores for assignment in _active(entry) if assignment.scores]
    return [{key: Decimal(score) for key, score in scores.items()} for scores in scored]


def recuse_in_conflict(session: Session, expert: models.Expert, context: Context) -> None:
    """Take the expert off the undecided entries that they are in conflict with now."""
    own = models.Entry.assignments.any(expert=expert.code, recused=None)
    # What has ended may go on this moment, and asks then: locked, so that one of both is asked.
    for entry in _in_states(session, own, *UNDECIDED, State.NOT_SELECTED):
        if entry.state in UNDECIDED:
            _recuse_conflicted(session, entry, [expert], context)


def ask_conflicts_again(session: Session, entry: models.Entry, context: Context) -> None:
    """Take experts off an entry that goes on whose conflict was found while it did not."""
    experts = models.Expert.code.in_([assignment.expert for assignment in _active(entry)])
    found = session.scalars(select(models.Expert).where(experts)).all()
    _recuse_conflicted(session, entry, found, context)


def _recuse_conflicted(
    session: Session, entry: models.Entry, experts: Iterable[models.Expert], context: Context
) -> None:
    """Scores of those in conflict do not count.

    An entry that had its score, rank or place waits for another expert's score, and is ranked anew.
    """
    codes = {expert.code for expert in experts if _is_in_conflict(expert, entry)}
    conflicted = [assignment for assignment in _active(entry) if assignment.expert in codes]
    if not conflicted:
        return
    for assignment in conflicted:
        assignment.recused = "conflict of interest"
    if entry.state in WITH_SCORE:
        entry.state = moved(entry.state, Move.LOSE_SCORE)
        entry.score_text = entry.publicity = entry.designate_at = None
        entry.reasons = [SCORE_LOST.en]
        tell(session, APPLICATION_RESUMED, entry, [SCORE_LOST], context)
    _complete(session, entry, round_of(session, entry.programme), context)


def own_assignment(session: Session, project: str, actor: Actor) -> models.Assignment:
    """What this expert is to score or has scored there; raises NotAssignedError."""
    assignment = session.get(models.Assignment, (project, actor.expert))
    if assignment is None or assignment.recused:
        raise NotAssignedError(f"Entry {project} is not assigned to you.")
    return assignment


def _active(entry: models.Entry) -> list[models.Assignment]:
    return [a for a in entry.assignments if not a.recused]


def _excluded(entry: models.Entry, experts: Iterable[models.Expert]) -> frozenset[str]:
    """Experts in conflict of interest with the entry, and those who have or had it."""
    return frozenset(
        {expert.code for expert in experts if _is_in_conflict(expert, entry)}
        | {assignment.expert for assignment in entry.assignments}
    )


def _is_in_conflict(expert: models.Expert, entry: models.Entry) -> bool:
    parties = {entry.undertaker["uscc"], entry.unit}
    return expert.employer_uscc in parties or not parties.isdisjoint(expert.conflicts)


def _in_states(
    session: Session, which: ColumnElement[bool], *states: State
) -> Sequence[models.Entry]:
    """Those entries, locked in the order of all: after the experts."""
    entry = models.Entry
    statement = select(entry).where(entry.state.in_(states), which).order_by(entry.project)
    return session.scalars(statement.with_for_update()).all()


def _loads(session: Session, experts: Iterable[models.Expert]) -> list[Expert]:
    assignment = models.Assignment
    rows = session.execute(
        select(assignment.expert, func.count())
        .where(assignment.recused.is_(None))
        .group_by(assignment.expert)
    )
    loads = Counter({row[0]: row[1] for row in rows})
    return [Expert(e.code, frozenset(e.directions), loads[e.code]) for e in experts]
