"""Scoring's decisions: the way of an entry from formal check to designation.

Transitions 7 to 13 of the life cycle. Scores are exact decimals; entries are compared by exact
fractions, and what is shown of them is rounded half to even to four places (IEEE 754's default,
which favours nobody).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.errors import LaurelError
from shared.machine import next_state
from shared.programme.values import Criterion
from shared.project import State

PLACES = 4
SCORE_PLACES = 2


class Move(StrEnum):
    """What can happen to an entry."""

    FIND_COMPLETE = "find complete"
    FIND_INCOMPLETE = "find incomplete"
    COMPLETE_SCORES = "complete scores"
    LOSE_SCORE = "lose a score"
    SHORTLIST = "shortlist"
    NOT_SELECT = "not select"
    PUBLICISE = "publicise"
    FREE_PLACE = "free place"
    UPHOLD_OBJECTION = "uphold objection"
    BAR = "bar"
    DESIGNATE = "designate"


UNDECIDED = (
    State.RECOMMENDED,
    State.SCORING,
    State.SCORED,
    State.SHORTLISTED,
    State.PUBLICISED,
)
TRANSITIONS: Mapping[tuple[State, Move], State] = {
    (State.RECOMMENDED, Move.FIND_COMPLETE): State.SCORING,
    (State.RECOMMENDED, Move.FIND_INCOMPLETE): State.NOT_SELECTED,
    (State.SCORING, Move.COMPLETE_SCORES): State.SCORED,
    (State.SCORED, Move.LOSE_SCORE): State.SCORING,
    (State.SCORED, Move.SHORTLIST): State.SHORTLISTED,
    (State.SCORED, Move.NOT_SELECT): State.NOT_SELECTED,
    (State.NOT_SELECTED, Move.FREE_PLACE): State.SHORTLISTED,
    (State.SHORTLISTED, Move.PUBLICISE): State.PUBLICISED,
    (State.PUBLICISED, Move.UPHOLD_OBJECTION): State.NOT_SELECTED,
    (State.PUBLICISED, Move.DESIGNATE): State.DESIGNATED,
    **{(state, Move.BAR): State.NOT_SELECTED for state in UNDECIDED},
}
NAMELESS = re.compile(  # whole names, then parts that no real name has
    r"na|anon|none|noname|nobody|unknown|([a-z])\1+|(mr|mrs|ms|miss|dr)[a-z]?"
    r"|(an?|the|one|some)?(admin|citizen|consumer|customer|employee|guest|informant|insider|member"
    r"ofthepublic|person|reader|resident|someone|somebody|source|test|tester|user|whistleblower)"
    r"|.*(anonym|xx|匿名|佚名|具名|无名|姓名|保密|某|知情|热心|群众|网友|网民|市民|路人|举报|投诉"
    r"|透露|人士|员工|职工|消费者|用户|顾客|百姓|公民|居民|业主|读者|观众|先生|女士|小姐|同志).*"
)


class WrongScoreError(LaurelError):
    """A score is missing, surplus or outside its scale."""

    slug = "wrong-score"
    status = 422


class AnonymousObjectionError(LaurelError):
    """Objections carry a real name."""

    slug = "anonymous-objection"
    status = 422


class EvidenceMissingError(LaurelError):
    """Objections carry evidence."""

    slug = "evidence-missing"
    status = 422


class NotUnderPublicityError(LaurelError):
    """The project is not under publicity now."""

    slug = "not-under-publicity"


class NotAssignedError(LaurelError):
    """This expert does not score this entry."""

    slug = "not-assigned"
    status = 403


class UnscoredEntriesError(LaurelError):
    """Some entries are not scored yet."""

    slug = "unscored-entries"


class TooFewExpertsError(LaurelError):
    """There are not enough experts without conflict."""

    slug = "too-few-experts"


def moved(state: State, move: Move) -> State:
    """The state after a move; raises IllegalTransitionError for every pair outside the table."""
    return next_state(TRANSITIONS, state, move)


def check_scores(scores: Mapping[str, Decimal], rubric: Sequence[Criterion]) -> None:
    """Every criterion scored once, from 0 to its maximum, with at most two decimal places."""
    wanted = {criterion.key: criterion.maximum for criterion in rubric}
    faults = [(key, "is not in the rubric") for key in scores.keys() - wanted.keys()]
    faults += [(key, "is missing") for key in wanted.keys() - scores.keys()]
    for key in wanted.keys() & scores.keys():
        if not 0 <= scores[key] <= wanted[key]:
            faults.append((key, f"must be from 0 to {wanted[key]}"))
        elif -int(scores[key].as_tuple().exponent) > SCORE_PLACES:
            faults.append((key, f"must have at most {SCORE_PLACES} decimal places"))
    if faults:
        errors = [{"field": f"scores.{key}", "message": message} for key, message in sorted(faults)]
        first = errors[0]
        raise WrongScoreError(f"{first['field']} {first['message']}.", errors=errors)


def weighted_total(scores: Mapping[str, Decimal], rubric: Sequence[Criterion]) -> Decimal:
    """Points of 100 as they are shown: rounded to four places."""
    return shown(exact_total(scores, rubric))


def exact_total(scores: Mapping[str, Decimal], rubric: Sequence[Criterion]) -> Fraction:
    """Points of 100, exactly: the sum of weight times score over maximum."""
    parts = (Fraction(c.weight) * Fraction(scores[c.key]) / Fraction(c.maximum) for c in rubric)
    return Fraction(100 * sum(parts))


def exact_mean(totals: Sequence[Fraction | Decimal]) -> Fraction:
    """The arithmetic mean of the experts' totals, exactly."""
    return sum((Fraction(total) for total in totals), Fraction()) / len(totals)


def check_objection(real_name: str, evidence_count: int) -> None:
    """Transition 11's guard: a real name and evidence; anonymous objections are not taken."""
    name = unicodedata.normalize("NFKC", real_name).casefold()
    letters = "".join(character for character in name if character.isalpha())
    if len(letters) < 2 or NAMELESS.fullmatch(letters):
        raise AnonymousObjectionError(
            "Objections are taken under a real name only; it is kept sealed from the undertaker.",
            errors=[{"field": "real_name", "message": "must be your real name"}],
        )
    if evidence_count < 1:
        raise EvidenceMissingError(
            "Add at least one item of evidence: what it is, and its SHA-256.",
            errors=[{"field": "evidence", "message": "must have at least one item"}],
        )


def shown(value: Fraction) -> Decimal:
    """Half to even to four places, from the exact value: for the eye, never to compare by."""
    return Decimal(round(value * 10**PLACES)).scaleb(-PLACES)
