from collections import Counter
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.rules.assignment import Candidate, Expert, assign

CODES = ("E1", "E2", "E3", "E4")


@st.composite
def rounds(draw):
    """Few enough entries and experts that every possible assignment can be looked at."""
    codes = CODES[: draw(st.integers(0, 4))]
    loads = st.integers(0, 3)
    experts = [Expert(code, draw(st.frozensets(st.integers(1, 2))), draw(loads)) for code in codes]
    candidates = [
        Candidate(
            f"p{number}", draw(st.integers(1, 2)), draw(st.integers(0, 3)),
            draw(st.frozensets(st.sampled_from(CODES))),
        )
        for number in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    return candidates, experts


def loads_after(experts, groups):
    return Counter({j.code: j.load for j in experts}) + Counter(c for g in groups for c in g)


def unevenness(experts, groups):
    loads = loads_after(experts, groups)
    return sum(loads[expert.code] ** 2 for expert in experts)


def possible(candidates, experts):
    """Every way to give every candidate as many experts without conflict as it wants."""
    free = [[j.code for j in experts if j.code not in c.excluded] for c in candidates]
    choices = (combinations(f, c.wanted) for f, c in zip(free, candidates, strict=True))
    return list(product(*choices))


@given(rounds())
def test_nobody_in_conflict_is_assigned_and_nobody_twice(round_):
    candidates, experts = round_
    assigned, _missing = assign(candidates, experts)
    known = {expert.code for expert in experts}
    for candidate in candidates:
        experts = assigned[candidate.project]
        assert set(experts) <= known - candidate.excluded
        assert len(set(experts)) == len(experts)


@given(rounds())
def test_each_entry_gets_exactly_what_it_wants_or_is_reported(round_):
    candidates, experts = round_
    assigned, missing = assign(candidates, experts)
    for candidate in candidates:
        lacking = missing.get(candidate.project, 0)
        assert len(assigned[candidate.project]) + lacking == candidate.wanted
    assert 0 not in missing.values()


@given(rounds())
def test_experts_are_missing_only_where_no_assignment_is_possible(round_):
    candidates, experts = round_
    _assigned, missing = assign(candidates, experts)
    assert bool(missing) is not bool(possible(candidates, experts))


@given(rounds())
def test_no_other_assignment_spreads_the_load_more_evenly(round_):
    candidates, experts = round_
    assigned, missing = assign(candidates, experts)
    if not missing:
        groups = [assigned[candidate.project] for candidate in candidates]
        best = min(unevenness(experts, other) for other in possible(candidates, experts))
        assert unevenness(experts, groups) == best


@given(rounds())
def test_of_the_most_even_assignments_one_with_the_fewest_strangers_is_taken(round_):
    candidates, experts = round_
    assigned, missing = assign(candidates, experts)
    knows = {expert.code: expert.directions for expert in experts}

    def strangers(groups):
        return sum(
            c.direction not in knows[code]
            for c, group in zip(candidates, groups, strict=True)
            for code in group
        )

    if not missing:
        ours = [assigned[candidate.project] for candidate in candidates]
        even = unevenness(experts, ours)
        rivals = [g for g in possible(candidates, experts) if unevenness(experts, g) == even]
        assert strangers(ours) == min(map(strangers, rivals))


@given(rounds(), st.randoms(use_true_random=False))
def test_the_same_round_in_another_order_is_assigned_alike(round_, dice):
    candidates, experts = round_
    shuffled = (dice.sample(list(part), len(part)) for part in (candidates, experts))
    assert assign(*shuffled) == assign(candidates, experts)


def test_a_round_of_the_real_size_differs_by_one_entry_at_most():
    experts = [Expert(f"E{n:02}", frozenset({n % 10 + 1, (n * 3) % 10 + 1})) for n in range(60)]
    barred = [frozenset({f"E{n % 60:02}", f"E{n * 7 % 60:02}"}) for n in range(340)]
    candidates = [Candidate(f"p{n:03}", n % 10 + 1, 3, barred[n]) for n in range(340)]
    assigned, missing = assign(candidates, experts)
    loads = loads_after(experts, assigned.values())
    assert missing == {}
    assert set(loads.values()) == {17}  # 340 entries, 3 experts each, 60 experts


def test_who_has_more_already_gets_less():
    experts = [
        Expert("busy", frozenset({1}), 3),
        Expert("idle", frozenset()),
        Expert("new", frozenset()),
    ]
    candidates = [Candidate(f"p{number}", 1, 1) for number in range(4)]
    assigned, missing = assign(candidates, experts)
    assert missing == {}
    assert loads_after(experts, assigned.values()) == {"busy": 3, "idle": 2, "new": 2}


def test_an_expert_of_the_direction_is_preferred_among_equals():
    experts = [Expert("A", frozenset({1})), Expert("B", frozenset({2}))]
    candidates = [Candidate("p1", 2, 1), Candidate("p2", 1, 1)]
    assert assign(candidates, experts)[0] == {"p1": ["B"], "p2": ["A"]}


def test_how_many_experts_are_missing_is_told_by_entry():
    experts = [Expert("A", frozenset()), Expert("B", frozenset())]
    candidates = [Candidate("p1", 1, 3, frozenset({"A"})), Candidate("p2", 1, 2)]
    assert assign(candidates, experts)[1] == {"p1": 2}
