import hashlib
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.rules import ranking, reasons
from services.scoring.rules.ranking import Candidate, Places
from shared.project import Reason

DIRECTIONS = (1, 2, 3)
SCORES = st.sampled_from([Decimal(n) for n in ("60", "75.5", "75.5001", "90")])
QUOTA = st.none() | st.integers(1, 4)


def candidate(project, score="75", direction=1, criteria=("70", "80"), content=None):
    content_hash = hashlib.sha256((content or project).encode()).hexdigest()
    means = tuple(Decimal(mean) for mean in criteria)
    return Candidate(project, direction, Decimal(score), means, content_hash)


@st.composite
def rounds(draw):
    """Up to 12 candidates, many of them tied, and quotas that some rounds reach."""
    candidates = [
        candidate(f"p{number}", draw(SCORES), draw(st.sampled_from(DIRECTIONS)), (draw(SCORES),))
        for number in range(draw(st.integers(0, 12)))
    ]
    quotas = {direction: draw(QUOTA) for direction in DIRECTIONS}
    taken = {direction: draw(st.integers(0, 2)) for direction in DIRECTIONS}
    return candidates, Places(draw(st.integers(1, 12)), quotas, taken, sum(taken.values()))


def shortlisted(outcomes):
    return [outcome.project for outcome in outcomes if outcome.shortlisted]


@given(rounds())
def test_no_quota_is_ever_exceeded_what_was_taken_before_included(round_):
    candidates, places = round_
    directions = {c.project: c.direction for c in candidates}
    new = Counter(directions[p] for p in shortlisted(ranking.rank(candidates, places)))
    free = max(0, places.total - sum(places.taken.values()))
    assert new.total() <= free
    for direction, quota in places.by_direction.items():
        if quota is not None:
            assert new[direction] <= max(0, quota - places.taken[direction])


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_plays_no_part(round_, dice):
    candidates, places = round_
    shuffled = dice.sample(candidates, len(candidates))
    assert ranking.rank(shuffled, places) == ranking.rank(candidates, places)


@given(rounds())
def test_ranks_are_consecutive_and_follow_the_scores(round_):
    candidates, places = round_
    outcomes = ranking.rank(candidates, places)
    scores = {c.project: c.score for c in candidates}
    first = places.ranked + 1
    assert [o.rank for o in outcomes] == list(range(first, first + len(candidates)))
    assert [scores[o.project] for o in outcomes] == sorted(scores.values(), reverse=True)


@given(rounds())
def test_only_a_direction_quota_lets_a_lower_rank_go_before_a_higher_one(round_):
    candidates, places = round_
    outcomes = ranking.rank(candidates, places)
    directions = {c.project: c.direction for c in candidates}
    for number, passed_over in enumerate(outcomes):
        if not passed_over.shortlisted and shortlisted(outcomes[number:]):
            direction = directions[passed_over.project]
            quota = places.by_direction[direction]
            before = [directions[p] for p in shortlisted(outcomes[:number])]
            assert before.count(direction) + places.taken[direction] >= quota
            assert f"direction {direction}" in passed_over.reasons[0].en


@given(rounds())
def test_no_place_stays_free_while_an_entry_could_have_it(round_):
    candidates, places = round_
    outcomes = ranking.rank(candidates, places)
    directions = {c.project: c.direction for c in candidates}
    used = Counter(directions[p] for p in shortlisted(outcomes)) + Counter(places.taken)
    for outcome in outcomes:
        if not outcome.shortlisted:
            direction = directions[outcome.project]
            quota = places.by_direction[direction]
            is_full = quota is not None and used[direction] >= quota
            assert is_full or used.total() >= places.total


@given(rounds())
def test_every_outcome_is_explained_and_only_refusals_have_reasons(round_):
    for outcome in ranking.rank(*round_):
        assert bool(outcome.reasons) is not outcome.shortlisted


def test_the_reasons_name_each_quota_that_was_full():
    candidates = [candidate("a", "90"), candidate("b", "80"), candidate("c", "70", direction=2)]
    outcomes = ranking.rank(candidates, Places(1, {1: 1}))
    assert [tuple(reason.en for reason in outcome.reasons) for outcome in outcomes] == [
        (),
        (
            "all 1 places were taken by entries ranked before",
            "all 1 places of direction 1 were taken by entries ranked before",
        ),
        ("all 1 places were taken by entries ranked before",),
    ]


def test_a_direction_without_a_quota_takes_what_the_total_leaves():
    candidates = [candidate(name) for name in "abcd"]
    assert len(shortlisted(ranking.rank(candidates, Places(3, {1: None})))) == 3


def test_a_tie_is_broken_by_the_heaviest_criterion_then_the_next():
    tied = [
        candidate("low", criteria=("70", "90")),
        candidate("high", criteria=("71", "10")),
        candidate("middle", criteria=("70", "91")),
    ]
    outcomes = ranking.rank(tied, Places(3, {}))
    assert [outcome.project for outcome in outcomes] == ["high", "middle", "low"]


def test_a_tie_on_everything_is_broken_by_the_lowest_content_hash():
    tied = [candidate(name) for name in ("a", "b", "c", "d")]
    outcomes = ranking.rank(tied, Places(2, {}))
    hashes = {c.project: c.content_hash for c in tied}
    assert [outcome.project for outcome in outcomes] == sorted(hashes, key=hashes.get)
    assert [outcome.project for outcome in outcomes] != ["a", "b", "c", "d"]


def test_a_difference_in_the_fourth_place_decides():
    outcomes = ranking.rank([candidate("a", "75.0001"), candidate("b", "75.0002")], Places(1, {}))
    assert shortlisted(outcomes) == ["b"]


def test_late_entries_are_ranked_after_the_others_for_the_places_that_are_left():
    late = [candidate("a", "99"), candidate("b", "98", direction=2), candidate("c", "97")]
    places = Places(total=5, by_direction={1: 3, 2: 2}, taken={1: 1, 2: 2}, ranked=7)
    outcomes = ranking.rank(late, places)
    assert [(o.project, o.rank, o.shortlisted) for o in outcomes] == [
        ("a", 8, True),
        ("b", 9, False),
        ("c", 10, True),
    ]


def test_totals_that_look_alike_are_told_apart_before_any_tie_break():
    one, other = Fraction("55.408896"), Fraction("55.408867")
    candidates = [
        replace(candidate("low", content="a"), score=other, criteria=(Fraction(99),)),
        replace(candidate("high", content="b"), score=one, criteria=(Fraction(1),)),
    ]
    outcomes = ranking.rank(candidates, Places(1, {}))
    assert [outcome.project for outcome in outcomes] == ["high", "low"]


def test_who_waits_for_a_place_keeps_the_rank_and_comes_before_who_is_new():
    waiting = [replace(candidate(f"w{rank}", "60"), rank=rank) for rank in (2, 5)]
    outcomes = ranking.rank([candidate("new", "99"), *reversed(waiting)], Places(2, {}, {1: 1}, 5))
    assert [(one.project, one.rank, one.shortlisted) for one in outcomes] == [
        ("w2", 2, True),
        ("w5", 5, False),
        ("new", 6, False),
    ]


def test_a_place_is_free_while_the_whole_and_the_direction_have_one():
    places = Places(3, {1: 1, 2: None, 4: 5}, taken={1: 1, 2: 1}, of_others=0)
    assert [ranking.is_free(direction, places) for direction in (1, 2, 3, 4)] == [
        False, True, False, True,
    ]  # fmt: skip
    full = replace(places, taken={1: 1, 2: 2})
    assert not any(ranking.is_free(direction, full) for direction in (1, 2, 3, 4))


def test_reasons_are_told_in_both_languages():
    candidates = [candidate("a", "90"), candidate("b", "80"), candidate("c", "70", direction=2)]
    outcomes = ranking.rank(candidates, Places(9, {1: 1, 2: 0}))
    assert [[(r.zh, r.en) for r in outcome.reasons] for outcome in outcomes] == [
        [],
        [("方向1的1个名额已由排名在前的项目占用",
          "all 1 places of direction 1 were taken by entries ranked before")],
        [("本轮方向2没有名额", "the round has no places of direction 2")],
    ]  # fmt: skip
    (late,) = ranking.rank(candidates[:1], Places(2, {}, taken={5: 2}))
    assert [(r.zh, r.en) for r in late.reasons] == [
        ("全部2个名额已由排名在前的项目占用", "all 2 places were taken by entries ranked before")
    ]
    assert (reasons.barred_by("p9"), reasons.objected("so")) == (
        Reason(
            "项目 p9 被撤销资格，承担主体受限",
            "the undertaker is barred because project p9 was revoked",
        ),
        Reason("异议成立：so", "an objection was upheld: so"),
    )
    assert (reasons.scored("80.0", 3), reasons.publicised(2, "80.0")) == (
        Reason("3名专家均已评分，平均80.0分", "all 3 experts have scored it: 80.0"),
        Reason(
            "公示期满，无未决异议；得分80.0，排名第2",
            "publicity ended with no objection open; score 80.0, rank 2",
        ),
    )


@given(rounds(), st.data())
def test_who_was_scored_again_takes_the_turn_that_the_new_score_gives(round_, data):
    candidates, places = round_
    first = ranking.rank(candidates, places)
    ranks = {outcome.project: outcome.rank for outcome in first}
    again = {c.project for c in candidates if data.draw(st.booleans())}
    waiting = [replace(c, rank=ranks[c.project]) for c in candidates if c.project not in again]
    anew = [
        replace(c, score=data.draw(SCORES), again=True) for c in candidates if c.project in again
    ]
    by_merit = sorted(
        [*waiting, *anew], key=lambda c: (-c.score, -c.criteria[0], c.content_hash, c.project)
    )
    later = replace(places, ranked=places.ranked + len(candidates))
    second = ranking.rank([*waiting, *anew], later)
    assert [outcome.project for outcome in second] == [c.project for c in by_merit]
    kept = {outcome.project: outcome.rank for outcome in second}
    assert all(kept[c.project] == c.rank for c in waiting)
    assert len(set(kept.values())) == len(candidates)
