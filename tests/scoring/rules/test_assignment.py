from collections import Counter
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.rules.assignment import Candidate, Judge, assign

CODES = ("E1", "E2", "E3", "E4")


@st.composite
def rounds(draw):
    """Few enough entries and experts that every possible assignment can be looked at."""
    codes = CODES[: draw(st.integers(0, 4))]
    loads = st.integers(0, 3)
    judges = [Judge(code, draw(st.frozensets(st.integers(1, 2))), draw(loads)) for code in codes]
    candidates = [
        Candidate(
            f"p{number}", draw(st.integers(1, 2)), draw(st.integers(0, 3)),
            draw(st.frozensets(st.sampled_from(CODES))),
        )
        for number in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    return candidates, judges


def loads_after(judges, groups):
    return Counter({j.code: j.load for j in judges}) + Counter(c for g in groups for c in g)


def unevenness(judges, groups):
    loads = loads_after(judges, groups)
    return sum(loads[judge.code] ** 2 for judge in judges)


def possible(candidates, judges):
    """Every way to give every candidate as many experts without conflict as it wants."""
    free = [[j.code for j in judges if j.code not in c.barred] for c in candidates]
    choices = (combinations(f, c.wanted) for f, c in zip(free, candidates, strict=True))
    return list(product(*choices))


@given(rounds())
def test_nobody_in_conflict_is_assigned_and_nobody_twice(round_):
    candidates, judges = round_
    assigned, _missing = assign(candidates, judges)
    known = {judge.code for judge in judges}
    for candidate in candidates:
        experts = assigned[candidate.project]
        assert set(experts) <= known - candidate.barred
        assert len(set(experts)) == len(experts)


@given(rounds())
def test_each_entry_gets_exactly_what_it_wants_or_is_reported(round_):
    candidates, judges = round_
    assigned, missing = assign(candidates, judges)
    for candidate in candidates:
        lacking = missing.get(candidate.project, 0)
        assert len(assigned[candidate.project]) + lacking == candidate.wanted
    assert 0 not in missing.values()


@given(rounds())
def test_experts_are_missing_only_where_no_assignment_is_possible(round_):
    candidates, judges = round_
    _assigned, missing = assign(candidates, judges)
    assert bool(missing) is not bool(possible(candidates, judges))


@given(rounds())
def test_no_other_assignment_spreads_the_load_more_evenly(round_):
    candidates, judges = round_
    assigned, missing = assign(candidates, judges)
    if not missing:
        groups = [assigned[candidate.project] for candidate in candidates]
        best = min(unevenness(judges, other) for other in possible(candidates, judges))
        assert unevenness(judges, groups) == best


@given(rounds())
def test_of_the_most_even_assignments_one_with_the_fewest_strangers_is_taken(round_):
    candidates, judges = round_
    assigned, missing = assign(candidates, judges)
    knows = {judge.code: judge.directions for judge in judges}

    def strangers(groups):
        return sum(
            c.direction not in knows[code]
            for c, group in zip(candidates, groups, strict=True)
            for code in group
        )

    if not missing:
        ours = [assigned[candidate.project] for candidate in candidates]
        even = unevenness(judges, ours)
        rivals = [g for g in possible(candidates, judges) if unevenness(judges, g) == even]
        assert strangers(ours) == min(map(strangers, rivals))


@given(rounds(), st.randoms(use_true_random=False))
def test_the_same_round_in_another_order_is_assigned_alike(round_, dice):
    candidates, judges = round_
    shuffled = (dice.sample(list(part), len(part)) for part in (candidates, judges))
    assert assign(*shuffled) == assign(candidates, judges)


def test_a_round_of_the_real_size_differs_by_one_entry_at_most():
    judges = [Judge(f"E{n:02}", frozenset({n % 10 + 1, (n * 3) % 10 + 1})) for n in range(60)]
    barred = [frozenset({f"E{n % 60:02}", f"E{n * 7 % 60:02}"}) for n in range(340)]
    candidates = [Candidate(f"p{n:03}", n % 10 + 1, 3, barred[n]) for n in range(340)]
    assigned, missing = assign(candidates, judges)
    loads = loads_after(judges, assigned.values())
    assert missing == {}
    assert set(loads.values()) == {17}  # 340 entries, 3 experts each, 60 experts


def test_who_has_more_already_gets_less():
    judges = [
        Judge("busy", frozenset({1}), 3),
        Judge("idle", frozenset()),
        Judge("new", frozenset()),
    ]
    candidates = [Candidate(f"p{number}", 1, 1) for number in range(4)]
    assigned, missing = assign(candidates, judges)
    assert missing == {}
    assert loads_after(judges, assigned.values()) == {"busy": 3, "idle": 2, "new": 2}


def test_an_expert_of_the_direction_is_preferred_among_equals():
    judges = [Judge("A", frozenset({1})), Judge("B", frozenset({2}))]
    candidates = [Candidate("p1", 2, 1), Candidate("p2", 1, 1)]
    assert assign(candidates, judges)[0] == {"p1": ["B"], "p2": ["A"]}


def test_how_many_experts_are_missing_is_told_by_entry():
    judges = [Judge("A", frozenset()), Judge("B", frozenset())]
    candidates = [Candidate("p1", 1, 3, frozenset({"A"})), Candidate("p2", 1, 2)]
    assert assign(candidates, judges)[1] == {"p1": 2}
