"""The ranking under a total quota and direction quotas, each outcome explained. Pure.

Order: mean score, highest first; ties by the mean on the heaviest criterion, then on the next, and
so on; a tie on everything by the lowest SHA-256 content hash, which says nothing of the applicant
and was fixed before anyone knew a score. Places are given in that order: an entry is
shortlisted while its direction and the whole have a place left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Candidate:
    """One scored entry; `criteria` are its mean scores, heaviest criterion first."""

    project: str
    direction: int
    score: Decimal
    criteria: tuple[Decimal, ...]
    content_hash: str


@dataclass(frozen=True)
class Outcome:
    """Rank from 1, whether shortlisted, and why not."""

    project: str
    rank: int
    shortlisted: bool
    reasons: tuple[str, ...]


def rank(
    candidates: Sequence[Candidate], total_quota: int, direction_quotas: Mapping[int, int | None]
) -> list[Outcome]:
    """Every candidate's outcome, in the order of rank; the order of the input plays no part."""
    taken: Counter[int] = Counter()
    outcomes: list[Outcome] = []
    for number, candidate in enumerate(sorted(candidates, key=_order), start=1):
        quota = direction_quotas.get(candidate.direction)
        reasons = _reasons(candidate, sum(taken.values()), total_quota, taken, quota)
        if not reasons:
            taken[candidate.direction] += 1
        outcomes.append(Outcome(candidate.project, number, not reasons, tuple(reasons)))
    return outcomes


def _order(candidate: Candidate) -> tuple[object, ...]:
    return (
        -candidate.score,
        tuple(-mean for mean in candidate.criteria),
        candidate.content_hash,
        candidate.project,
    )


def _reasons(
    candidate: Candidate, used: int, total_quota: int, taken: Counter[int], quota: int | None
) -> list[str]:
    reasons = []
    if used >= total_quota:
        reasons.append(f"all {total_quota} places were taken by entries ranked before")
    if quota is not None and taken[candidate.direction] >= quota:
        reasons.append(
            f"all {quota} places of direction {candidate.direction} were taken by entries ranked "
            "before"
        )
    return reasons
