"""Who scores what: enough experts for every entry, none in conflict, the load spread evenly. Pure.

A minimum-cost flow (OR-tools): source → entry → expert → sink. The k-th entry of an expert costs k,
so the cheapest flow is the most even one; among these, one with the fewest experts outside their
directions, because all such costs together stay below one step of load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ortools.graph.python import min_cost_flow

from shared.errors import LaurelError

OTHER_DIRECTION_COST = 1


class TooFewExpertsError(LaurelError):
    """There are not enough experts without conflict."""

    slug = "too-few-experts"


@dataclass(frozen=True)
class Candidate:
    """An entry to be scored by `wanted` more experts; `excluded` are those who must not."""

    project: str
    direction: int
    wanted: int
    excluded: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True)
class Expert:
    """An expert, the directions they know, and how much they have already."""

    code: str
    directions: frozenset[int]
    load: int = 0


def assign(
    candidates: Sequence[Candidate], experts: Sequence[Expert]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Experts by project, and how many experts are missing by project (then assign nothing)."""
    candidates = sorted(candidates, key=lambda c: c.project)
    experts = sorted(experts, key=lambda e: e.code)
    flow = min_cost_flow.SimpleMinCostFlow()
    first_expert = 1 + len(candidates)
    sink = first_expert + len(experts)
    pairs: dict[int, tuple[str, str]] = {}
    for number, candidate in enumerate(candidates, start=1):
        flow.add_arc_with_capacity_and_unit_cost(0, number, candidate.wanted, 0)
        for offset, expert in enumerate(experts):
            if expert.code not in candidate.excluded:
                foreign = candidate.direction not in expert.directions
                arc = flow.add_arc_with_capacity_and_unit_cost(
                    number, first_expert + offset, 1, OTHER_DIRECTION_COST * foreign
                )
                pairs[arc] = (candidate.project, expert.code)
    wanted = sum(candidate.wanted for candidate in candidates)
    for offset, expert in enumerate(experts):
        for nth in range(expert.load, expert.load + len(candidates)):
            cost = (OTHER_DIRECTION_COST * wanted + 1) * nth
            flow.add_arc_with_capacity_and_unit_cost(first_expert + offset, sink, 1, cost)
    flow.set_node_supply(0, wanted)
    flow.set_node_supply(sink, -wanted)
    flow.solve_max_flow_with_min_cost()
    assigned: dict[str, list[str]] = {candidate.project: [] for candidate in candidates}
    for arc, (project, code) in pairs.items():
        if flow.flow(arc):
            assigned[project].append(code)
    return assigned, _missing(candidates, assigned)


def _missing(
    candidates: Sequence[Candidate], assigned: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    return {
        candidate.project: candidate.wanted - len(assigned[candidate.project])
        for candidate in candidates
        if len(assigned[candidate.project]) < candidate.wanted
    }
