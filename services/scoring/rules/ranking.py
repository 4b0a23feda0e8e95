"""The ranking under a total quota and direction quotas, each outcome explained. Pure.

Order: mean score, highest first; ties by the mean on the heaviest criterion, then on the next, and
so on; a tie on everything by the lowest SHA-256 content hash, which says nothing of the applicant
and was fixed before anyone knew a score. Places are given in that order: an entry is
shortlisted while its direction and the whole have a place left. Who was ranked before and found no
place keeps the rank, and comes first when a place is free; who comes late is ranked after. Who was
ranked and scored again, because a score did not count, takes the turn that the new score gives.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shared.project import Reason


@dataclass(frozen=True)
class Candidate:
    """One scored entry; `criteria` are its exact mean scores, heaviest criterion first.

    `rank` is what an earlier ranking gave it; one that was scored `again` since has none.
    """

    project: str
    direction: int
    score: Fraction
    criteria: tuple[Fraction, ...]
    content_hash: str
    rank: int | None = None
    again: bool = False


@dataclass(frozen=True)
class Outcome:
    """Rank, whether shortlisted, and why not."""

    project: str
    rank: int
    shortlisted: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Places:
    """A round's quotas, and what earlier rankings used of them: places by direction, and ranks.

    `of_others` is the quota of every direction that is not listed; None is no limit.
    """

    total: int
    by_direction: Mapping[int, int | None]
    taken: Mapping[int, int] = field(default_factory=dict)
    ranked: int = 0
    of_others: int | None = None


def rank(candidates: Sequence[Candidate], places: Places) -> list[Outcome]:
    """Every candidate's outcome, in the order of rank; the order of the input plays no part."""
    taken = Counter(places.taken)
    outcomes: list[Outcome] = []
    numbers = itertools.count(places.ranked + 1)
    for candidate in _line(candidates):
        reasons = _reasons(candidate.direction, places, taken)
        if not reasons:
            taken[candidate.direction] += 1
        number = candidate.rank or next(numbers)
        outcomes.append(Outcome(candidate.project, number, not reasons, tuple(reasons)))
    return outcomes


def _line(candidates: Sequence[Candidate]) -> list[Candidate]:
    line = sorted(
        (one for one in candidates if not one.again),
        key=lambda one: (one.rank or math.inf, _merit(one)),
    )
    for candidate in sorted((one for one in candidates if one.again), key=_merit):
        worse = (turn for turn, one in enumerate(line) if _merit(one) > _merit(candidate))
        line.insert(next(worse, len(line)), candidate)
    return line


def _merit(candidate: Candidate) -> tuple[object, ...]:
    return (
        -candidate.score,
        tuple(-mean for mean in candidate.criteria),
        candidate.content_hash,
        candidate.project,
    )


def is_free(direction: int, places: Places) -> bool:
    """Whether a place of this direction is left."""
    return not _reasons(direction, places, Counter(places.taken))


def _reasons(direction: int, places: Places, taken: Counter[int]) -> list[Reason]:
    reasons = []
    if taken.total() >= places.total:
        reasons.append(
            Reason(
                f"全部{places.total}个名额已由排名在前的项目占用",
                f"all {places.total} places were taken by entries ranked before",
            )
        )
    quota = places.by_direction.get(direction, places.of_others)
    if quota == 0:
        reasons.append(
            Reason(
                f"本轮方向{direction}没有名额", f"the round has no places of direction {direction}"
            )
        )
    elif quota is not None and taken[direction] >= quota:
        reasons.append(
            Reason(
                f"方向{direction}的{quota}个名额已由排名在前的项目占用",
                f"all {quota} places of direction {direction} were taken by entries ranked before",
            )
        )
    return reasons
