"""Scores are exact decimals; entries are compared by exact fractions.

What is shown of them is rounded half to even to four places (IEEE 754's default, which favours
nobody).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from shared.errors import LaurelError
from shared.programme.values import Criterion

PLACES = 4
SCORE_PLACES = 2


class WrongScoreError(LaurelError):
    """A score is missing, surplus or outside its scale."""

    slug = "wrong-score"
    status = 422


class NotAssignedError(LaurelError):
    """This expert does not score this entry."""

    slug = "not-assigned"
    status = 403


class UnscoredEntriesError(LaurelError):
    """Some entries are not scored yet."""

    slug = "unscored-entries"


def check_scores(scores: Mapping[str, Decimal], rubric: Sequence[Criterion]) -> None:
    """Every criterion scored once, from 0 to its maximum, with at most two decimal places."""
    wanted = {criterion.key: criterion.maximum for criterion in rubric}
    faults = [(key, "is not in the rubric") for key in scores.keys() - wanted.keys()]
    faults += [(key, "is missing") for key in wanted.keys() - scores.keys()]
    for key in wanted.keys() & scores.keys():
        if not 0 <= scores[key] <= wanted[key]:
            faults.append((key, f"must be from 0 to {wanted[key]}"))
        elif abs(int(scores[key].as_tuple().exponent)) > SCORE_PLACES:
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


def shown(value: Fraction) -> Decimal:
    """Half to even to four places, from the exact value: for the eye, never to compare by."""
    return Decimal(round(value * 10**PLACES)).scaleb(-PLACES)
