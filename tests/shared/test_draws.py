"""The verifiable draw: a known answer, and what must hold for every draw."""

import copy
import json
import runpy
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import draws

HERE = Path(__file__).parent
KNOWN = json.loads((HERE / "draw_transcript.json").read_text())
recompute = runpy.run_path(str(HERE / "recompute_draw.py"))["recompute"]

NAMES = st.text(min_size=1, max_size=6)
UNIT, OTHER_UNIT = "P110000", "P310000"


def directories(target_count=6, agencies="abc", inspectors_each=3):
    targets = [
        {"id": f"项目-{n}", "parties": [f"USCC-{n}", UNIT if n % 2 else OTHER_UNIT]}
        for n in range(target_count)
    ]
    inspectors = [
        {"id": f"{agency}-{n}", "agency": f"agency-{agency}", "conflicts": []}
        for agency in agencies
        for n in range(inspectors_each)
    ]
    return targets, inspectors


def drawn(
    targets, inspectors, *, target_count=4, caps=None, secret="s", public_value="3225.12", **more
):
    agencies = {inspector["agency"] for inspector in inspectors}
    plan = {
        "id": "plan-1",
        "target_count": target_count,
        "min_inspectors": 2,
        "caps": dict.fromkeys(agencies, 15) if caps is None else caps,
        "commitments": {"ministry": draws.commitment(secret), "观察员": draws.commitment("t")},
        "announced": "closing index of 2 November 2020",
        "targets_sha256": draws.freeze(targets),
        "inspectors_sha256": draws.freeze(inspectors),
        **more,
    }
    secrets = {"ministry": secret, "观察员": "t"}
    return draws.draw(plan, targets, inspectors, secrets, public_value)


def test_the_known_transcript_holds_and_is_drawn_again_to_the_last_digit():
    assert draws.check_transcript(KNOWN) == []
    parts = (KNOWN[name] for name in ("plan", "targets", "inspectors", "secrets", "public_value"))
    assert draws.draw(*parts) == KNOWN
    assert [result["target"] for result in KNOWN["results"]] == [
        "2020-P110000-0003", "2020-P110000-0002", "2020-P110000-0006",
    ]  # fmt: skip


def test_the_algorithm_text_is_enough_to_recompute_the_known_transcript():
    assert recompute(KNOWN) == (KNOWN["seed"], KNOWN["results"], KNOWN["skips"])


@st.composite
def transcripts(draw):
    target_ids = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    codes = st.lists(st.sampled_from("UVW"), max_size=2, unique=True).map(sorted)
    targets = [{"id": name, "parties": draw(codes)} for name in target_ids]
    agencies = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    people = draw(st.lists(NAMES, min_size=1, max_size=10, unique=True))
    inspectors = [
        {"id": name, "agency": draw(st.sampled_from(agencies)), "conflicts": draw(codes)}
        for name in people
    ]
    caps = draw(st.dictionaries(st.sampled_from(agencies), st.integers(0, 3)))
    count = draw(st.integers(1, len(targets)))
    secret, public_value = draw(st.text(max_size=5)), draw(st.text(max_size=5))
    return drawn(
        targets, inspectors, target_count=count, caps=caps, secret=secret, public_value=public_value
    )


@given(transcripts())
def test_two_independent_programmes_draw_alike(transcript):
    assert draws.check_transcript(transcript) == []
    assert recompute(transcript) == (transcript["seed"], transcript["results"], transcript["skips"])


@given(transcripts())
def test_every_draw_keeps_caps_conflicts_and_counts(transcript):
    parties = {target["id"]: set(target["parties"]) for target in transcript["targets"]}
    people = {inspector["id"]: inspector for inspector in transcript["inspectors"]}
    results = transcript["results"]
    used = Counter(result["agency"] for result in results)
    assert all(used[agency] <= transcript["plan"]["caps"].get(agency, 0) for agency in used)
    assert len(results) <= transcript["plan"]["target_count"]
    assert len({result["target"] for result in results}) == len(results)
    for result in results:
        team = [people[name] for name in result["inspectors"]]
        assert len({person["id"] for person in team}) == 2
        assert {person["agency"] for person in team} == {result["agency"]}
        assert not any(parties[result["target"]] & set(person["conflicts"]) for person in team)


def leaves(value, path=()):
    """The path of every leaf, empty containers included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in inner:
        if isinstance(child, dict | list) and child:
            yield from leaves(child, (*path, key))
        else:
            yield (*path, key)


def at(value, path):
    for key in path:
        value = value[key]
    return value


LEAVES = list(leaves(KNOWN))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 20),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([[], {}, ["agency-a"], {"agency-a": 1}]),
)


def same_json(one, other):
    return json.dumps(one) == json.dumps(other)


@settings(max_examples=300)
@given(path=st.sampled_from(LEAVES), value=VALUES)
def test_every_changed_leaf_is_found(path, value):
    transcript = copy.deepcopy(KNOWN)
    changed = not same_json(at(transcript, path), value)
    at(transcript, path[:-1])[path[-1]] = value
    assert bool(draws.check_transcript(transcript)) is changed


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_every_leaf_that_is_left_out_is_found(path):
    transcript = copy.deepcopy(KNOWN)
    del at(transcript, path[:-1])[path[-1]]
    assert draws.check_transcript(transcript) != []


@pytest.mark.parametrize("name", ["targets", "inspectors", "results", "skips"])
def test_a_line_that_stands_twice_or_was_added_is_found(name):
    transcript = copy.deepcopy(KNOWN)
    transcript[name].append(copy.deepcopy(transcript[name][0]))
    assert draws.check_transcript(transcript) != []
    assert draws.check_transcript(KNOWN | {"remark": "all in order"}) == [
        "remark does not recompute"
    ]


def test_a_fault_is_named():
    other = KNOWN | {"secrets": {"ministry": "another secret", "observer": "s"}}
    faults = draws.check_transcript(other)
    assert "the secret of ministry does not fit its commitment" in faults
    assert "the secrets are not those that were committed to" not in faults
    assert "the secrets are not those that were committed to" in draws.check_transcript(
        KNOWN | {"secrets": {"ministry": KNOWN["secrets"]["ministry"]}}
    )


@given(st.lists(NAMES, min_size=2, unique=True), st.text(), st.data())
def test_leaving_one_entry_out_moves_no_other(names, seed, data):
    gone = data.draw(st.sampled_from(names))
    before = {name: draws.ticket(seed, draws.netstrings("target", name)) for name in names}
    left = [name for name in names if name != gone]
    after = {name: draws.ticket(seed, draws.netstrings("target", name)) for name in left}
    assert after == {name: number for name, number in before.items() if name != gone}
    assert sorted(left, key=after.get) == [n for n in sorted(names, key=before.get) if n != gone]


def test_a_target_that_nobody_may_inspect_leaves_the_others_as_they_were():
    targets, inspectors = directories()
    whole = drawn(targets, inspectors, target_count=6, min_inspectors=2)
    order = [result["target"] for result in whole["results"]]
    plan, secrets = whole["plan"], whole["secrets"]
    blocked = [dict(person, conflicts=[f"USCC-{order[0][-1]}"]) for person in inspectors]
    seed = whole["seed"]
    results, skips = draws._assign(plan, targets, blocked, seed, {})
    assert [result["target"] for result in results] == order[1:]
    assert [result["ticket"] for result in results] == [r["ticket"] for r in whole["results"][1:]]
    assert {skip["reason"] for skip in skips} == {draws.TOO_FEW}
    assert secrets == {"ministry": "s", "观察员": "t"}


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_two_lists_of_parts_give_one_text(one, other):
    assert (draws.netstrings(*one) == draws.netstrings(*other)) is (one == other)


def test_lengths_count_bytes_so_that_parts_cannot_be_shifted():
    assert draws.netstrings("1:a,", "b") == "4:1:a,,1:b,"
    assert draws.netstrings("检查", "") == "6:检查,0:,"


@given(st.permutations(directories()[0]), st.permutations(directories()[1]))
def test_the_order_in_which_directories_are_listed_does_not_matter(targets, inspectors):
    assert drawn(targets, inspectors) == drawn(*directories())


def test_changing_any_announced_fact_changes_the_seed():
    targets, inspectors = directories()
    calm = drawn(targets, inspectors)["seed"]
    others = [
        drawn(targets[1:], inspectors),
        drawn(targets, inspectors[1:]),
        drawn(targets, inspectors, secret="another"),
        drawn(targets, inspectors, public_value="3225.13"),
        drawn(targets, inspectors, target_count=5),
        drawn(targets, inspectors, caps={"agency-a": 15, "agency-b": 15, "agency-c": 14}),
        drawn(targets, inspectors, id="plan-2"),
        drawn(targets, inspectors, announced="closing index of 3 November 2020"),
    ]
    assert len({calm, *(other["seed"] for other in others)}) == len(others) + 1


def test_every_agency_has_the_same_chance_however_many_inspectors_it_has():
    targets, few = directories(1, "ab", 2)
    many = few + [{"id": f"c-{n}", "agency": "agency-c", "conflicts": []} for n in range(20)]
    used = Counter(
        drawn(targets, many, target_count=1, public_value=str(n))["results"][0]["agency"]
        for n in range(900)
    )
    assert sorted(used) == ["agency-a", "agency-b", "agency-c"]
    assert all(240 < count < 360 for count in used.values())


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"version": draws.VERSION},
        KNOWN | {"plan": []},
        KNOWN | {"targets": [1]},
        KNOWN | {"secrets": None},
    ],
)
def test_what_is_no_transcript_has_a_fault_and_no_traceback(junk):
    assert draws.check_transcript(junk) != []
