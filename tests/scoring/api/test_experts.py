"""Experts through HTTP: the directory, conflicts, assignment, recusal, scores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from services.scoring import models

OTHER_USCC = "91110000600037341L"
SCORES = ("innovation", "effect", "feasibility")


@pytest.fixture
def round_(scoring):
    """A round of two entries and four experts, nothing assigned yet."""
    scoring.publish()
    scoring.register("E1", "E2", "E3", "E4")
    scoring.enter("p1", "p2")
    return scoring


def loads(scoring):
    pairs = [(code, project) for project in ("p1", "p2") for code in scoring.assigned(project)]
    return sorted(code for code, _project in pairs)


def test_every_entry_gets_as_many_experts_as_the_round_asks_for(round_):
    answer = round_.assign()
    assert (answer.status_code, answer.json) == (201, {"programme": "2020", "assigned": 6})
    assert len(set(round_.assigned("p1"))) == len(set(round_.assigned("p2"))) == 3
    assert len(set(loads(round_))) == 4


def test_assigning_twice_changes_nothing(round_):
    round_.assign()
    before = loads(round_)
    assert round_.assign().json["assigned"] == 0
    assert loads(round_) == before


def test_assigning_at_the_same_time_gives_nobody_too_many(on_postgres):
    on_postgres.publish()
    on_postgres.register("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8")
    on_postgres.enter(*(f"p{number}" for number in range(10)))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: on_postgres.assign(), range(8)))
    assert sorted(answer.json["assigned"] for answer in answers) == [0, 0, 0, 0, 0, 0, 0, 30]
    assert {len(on_postgres.assigned(f"p{number}")) for number in range(10)} == {3}


@pytest.mark.parametrize(
    "conflict",
    [
        {"employer_uscc": "91350100M000100Y43"},
        {"employer_uscc": " 91350100m000100y43 "},
        {"conflicts": ["91350100M000100Y43"]},
        {"conflicts": ["91350100m000100y43"]},
        {"conflicts": ["P110000"]},
    ],
)
def test_an_expert_in_conflict_is_not_assigned(round_, conflict):
    round_.register("E1", **conflict)
    round_.assign()
    assert round_.assigned("p1") == round_.assigned("p2") == ["E2", "E3", "E4"]


def test_a_conflict_with_others_does_not_matter(round_):
    round_.register("E1", employer_uscc=OTHER_USCC, conflicts=["P120000", OTHER_USCC])
    round_.assign()
    assert "E1" in loads(round_)


def test_too_few_experts_are_named_by_entry_and_nothing_is_assigned(round_):
    round_.register("E1", "E2", conflicts=["P110000"])
    answer = round_.assign()
    assert (answer.status_code, answer.json["slug"]) == (409, "too-few-experts")
    assert answer.json["missing"] == {"p1": 1, "p2": 1}
    assert loads(round_) == []


def test_registering_an_expert_again_keeps_the_declared_conflicts(round_):
    answer = round_.post("experts/E1/conflicts", {"conflicts": ["S001", "P110000"]})
    assert answer.json["conflicts"] == ["P110000", "S001"]
    round_.register("E1", conflicts=["XPCC"])
    (expert, *_others) = round_.client.get("/v1/experts", headers=round_.official).json["items"]
    assert expert["conflicts"] == ["P110000", "S001", "XPCC"]


def test_a_conflict_declared_after_the_assignment_recuses_the_expert(round_):
    round_.register("E4", conflicts=["P110000"])
    round_.assign()
    round_.score("p1", "E1")
    round_.post("experts/E1/conflicts", {"conflicts": ["P110000"]})
    assert round_.assigned("p1") == ["E2", "E3"]
    answer = round_.score("p1", "E1")
    assert (answer.status_code, answer.json["slug"]) == (403, "not-assigned")
    assert round_.assign().json["slug"] == "too-few-experts"


def test_a_new_employer_recuses_the_expert_too(round_):
    round_.assign()
    expert = round_.assigned("p1")[0]
    round_.register(expert, employer_uscc="91350100M000100Y43")
    assert expert not in round_.assigned("p1") + round_.assigned("p2")


def test_a_conflict_found_after_the_entry_was_scored_takes_the_score_away(scoring):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1")
    scoring.score_all({"p1": "80"})
    assert scoring.entry("p1")["state"] == "SCORED"
    scoring.post("experts/E1/conflicts", {"conflicts": ["P110000"]})
    entry = scoring.entry("p1")
    assert (entry["state"], entry["score"], scoring.assigned("p1")) == (
        "SCORING",
        None,
        ["E2", "E3"],
    )
    assert scoring.rank().json["slug"] == "unscored-entries"
    scoring.register("E4")
    scoring.score_all({"p1": "80"})
    assert scoring.entry("p1")["state"] == "SCORED"


@pytest.fixture
def ranked(scoring):
    """Three entries ranked for one place; `p1`, which has it, is another undertaker's."""
    scoring.publish(total_quota=1)
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", undertaker={"uscc": OTHER_USCC, "name": "另一公司"})
    scoring.enter("p2", "p3")
    scoring.score_all({"p1": "90", "p2": "80", "p3": "70"})
    scoring.rank()
    return scoring


def declare(scoring, code, *conflicts):
    answer = scoring.post(f"experts/{code}/conflicts", {"conflicts": list(conflicts)})
    assert answer.status_code == 200, answer.text


def score_again(scoring, project, points):
    scoring.register("E4")
    assert scoring.assign().json["assigned"] == 1
    answer = scoring.score(project, "E4", dict.fromkeys(SCORES, points))
    assert answer.json["state"] == "SCORED"


def designate(scoring):
    scoring.publicise()
    scoring.clock.set(scoring.clock.now() + timedelta(days=60))
    scoring.tick()
    return [event.subject for event in scoring.events("project.designated")]


@pytest.mark.parametrize("is_public", [False, True])
def test_a_conflict_found_after_the_ranking_takes_score_and_place_away(ranked, is_public):
    if is_public:
        ranked.publicise()
    declare(ranked, "E1", OTHER_USCC)
    entry = ranked.entry("p1")
    assert (entry["state"], entry["score"], ranked.assigned("p1")) == (
        "SCORING",
        None,
        ["E2", "E3"],
    )
    (told,) = ranked.events("application.resumed")
    assert (told.subject, told.data["state"]) == ("p1", "SCORING")
    assert told.data["decision"]["reasons_en"] == told.data["reasons"] == entry["reasons"]
    assert "conflict of interest" in told.data["reasons"][0]
    ranked.clock.set(ranked.clock.now() + timedelta(days=60))
    ranked.tick()
    assert ranked.rank().json["slug"] == "unscored-entries"
    assert ranked.states() == {"p1": "SCORING", "p2": "NOT_SELECTED", "p3": "NOT_SELECTED"}


@pytest.mark.parametrize(
    ("points", "winner"),
    [("95", "p1"), ("50", "p2")],  # 90, 90 and 50 are less than 80 in the mean
)
def test_what_is_scored_again_is_ranked_by_its_new_score(ranked, points, winner):
    ranked.publicise()
    declare(ranked, "E1", OTHER_USCC)
    score_again(ranked, "p1", points)
    assert ranked.entry("p1")["reasons"] == []
    ranked.rank()
    states = dict.fromkeys(("p1", "p2", "p3"), "NOT_SELECTED")
    assert ranked.states() == states | {winner: "SHORTLISTED"}
    assert designate(ranked) == [winner]


def test_a_place_that_becomes_free_is_nobodys_by_a_score_in_conflict(ranked):
    declare(ranked, "E1", ranked.entry("p2")["undertaker"]["uscc"])
    assert ranked.assigned("p2") == ["E1", "E2", "E3"]
    assert ranked.entry("p2")["state"] == "NOT_SELECTED"
    ranked.publicise()
    ranked.decide(ranked.object("p1").json["id"], upheld=True)
    ranked.rank()
    assert (ranked.entry("p2")["state"], ranked.assigned("p2")) == ("SCORING", ["E2", "E3"])
    score_again(ranked, "p2", "80")
    ranked.rank()
    assert designate(ranked) == ["p2"]


def test_a_conflict_declared_under_a_bar_counts_when_the_bar_is_undone(ranked, said):
    ranked.publicise()
    another = {"undertaker": {"uscc": OTHER_USCC, "name": "另一公司"}}
    ranked.receive(said.revoked("p9", **another))
    assert ranked.entry("p1")["state"] == "NOT_SELECTED"
    declare(ranked, "E1", OTHER_USCC)
    ranked.receive(said.reinstated("p9", **another))
    assert (ranked.entry("p1")["state"], ranked.assigned("p1")) == ("SCORING", ["E2", "E3"])
    states = [event.data["state"] for event in ranked.events("application.resumed")]
    assert states == ["PUBLICISED", "SCORING"]


def test_a_conflict_found_after_the_designation_changes_nothing(ranked):
    assert designate(ranked) == ["p1"]
    declare(ranked, "E1", OTHER_USCC)
    assert (ranked.entry("p1")["state"], ranked.assigned("p1")) == (
        "DESIGNATED",
        ["E1", "E2", "E3"],
    )


def test_an_objection_upheld_while_another_scores_ends_the_entry(ranked):
    ranked.publicise()
    objection = ranked.object("p1").json["id"]
    declare(ranked, "E1", OTHER_USCC)
    ranked.decide(objection, upheld=True)
    assert ranked.entry("p1")["state"] == "NOT_SELECTED"
    assert [item["project"] for item in ranked.rank().json["items"]] == ["p2"]
    assert designate(ranked) == ["p2"]


def test_a_recused_expert_is_replaced_by_another_and_never_asked_again(round_):
    round_.assign()
    first = round_.assigned("p1")
    answer = round_.post("entries/p1/recuse", {"reason": "my cousin"}, round_.expert(first[0]))
    assert (answer.status_code, answer.json["recused"]) == (200, "my cousin")
    assert round_.assign().json["assigned"] == 1
    (replacement,) = {"E1", "E2", "E3", "E4"} - set(first)
    assert sorted(round_.assigned("p1")) == sorted([*first[1:], replacement])
    round_.post("entries/p1/recuse", {"reason": "ill"}, round_.expert(replacement))
    assert round_.assign().json["slug"] == "too-few-experts"


def test_who_has_scored_cannot_recuse_any_more(round_):
    round_.assign()
    code = round_.assigned("p1")[0]
    round_.score("p1", code)
    answer = round_.post("entries/p1/recuse", {"reason": "second thoughts"}, round_.expert(code))
    assert (answer.status_code, answer.json["slug"]) == (403, "not-assigned")


def test_an_entry_is_scored_when_its_last_expert_has_scored(round_):
    round_.assign()
    *firsts, last = round_.assigned("p1")
    for code, points in zip(firsts, ("80", "85.5"), strict=True):
        answer = round_.score(
            "p1", code, dict.fromkeys(("innovation", "effect", "feasibility"), points)
        )
        assert answer.json["state"] == "SCORING"
    assert round_.events("application.scored") == []
    answer = round_.score("p1", last, {"innovation": "90", "effect": "70", "feasibility": "60.5"})
    assert answer.json["state"] == "SCORED"
    assert "score" not in answer.json  # what it came to is not the experts' to know
    assert round_.entry("p1")["score"] == "79.8833"
    (scored,) = round_.events("application.scored")
    assert (scored.subject, scored.sequence, scored.data["score"]) == ("p1", 3, "79.8833")


def test_an_expert_sees_what_they_score_and_nobody_s_outcome(round_):
    round_.assign()
    for code in round_.assigned("p1"):
        round_.score("p1", code)
    own, *_ = round_.assigned("p1")
    (other,) = {"E1", "E2", "E3", "E4"} - set(round_.assigned("p1"))

    def seen(headers):
        return round_.client.get("/v1/entries/p1", headers=headers)

    assert seen(round_.official).json["score"] == "80.0000"
    answer = seen(round_.expert(own))
    assert (answer.status_code, answer.json["title"]) == (200, round_.entry("p1")["title"])
    assert not {"score", "rank", "reasons"} & set(answer.json)
    for stranger in (round_.expert(other), round_.token("expert")):
        assert (seen(stranger).status_code, seen(stranger).json["slug"]) == (403, "not-assigned")


def test_of_two_changes_of_an_expert_s_entry_as_seen_the_second_is_refused(scoring):
    body = {"code": "E1", "name": "n", "directions": [1]}

    def change(name, version):
        headers = scoring.official | {"If-Match": version}
        return scoring.client.post("/v1/experts", json=body | {"name": name}, headers=headers)

    assert change("a", '"1"').status_code == 412  # there is none yet
    seen = change("a", '"0"').headers["ETag"]
    assert [change(name, seen).status_code for name in "bc"] == [201, 412]
    (kept,) = scoring.client.get("/v1/experts", headers=scoring.official).json["items"]
    assert (kept["name"], kept["version"]) == ("b", 2)


def test_scores_may_be_changed_until_all_have_scored_and_not_after(round_):
    round_.assign()
    first, second, third = round_.assigned("p1")
    round_.score("p1", first, {"innovation": "0", "effect": "0", "feasibility": "0"})
    for code in (first, second, third):
        assert round_.score("p1", code).status_code == 200
    assert round_.entry("p1")["score"] == "80.0000"
    answer = round_.score("p1", first)
    assert (answer.status_code, answer.json["slug"]) == (409, "illegal-transition")


@pytest.mark.parametrize("claims", [{"expert": "E9"}, {}])
def test_a_stranger_may_not_score(round_, claims):
    round_.assign()
    body = {"scores": {"innovation": "1", "effect": "1", "feasibility": "1"}}
    answer = round_.post("entries/p1/scores", body, round_.token("expert", **claims))
    assert (answer.status_code, answer.json["slug"]) == (403, "not-assigned")


@pytest.mark.parametrize(
    ("scores", "field"),
    [
        ({"innovation": "80", "effect": "80"}, "scores.feasibility"),
        ({"innovation": "80", "effect": "80", "feasibility": "100.01"}, "scores.feasibility"),
        ({"innovation": "80", "effect": "80", "feasibility": "-1"}, "scores.feasibility"),
        ({"innovation": "80", "effect": "80", "feasibility": "1.005"}, "scores.feasibility"),
        ({"innovation": "NaN", "effect": "80", "feasibility": "80"}, "scores.innovation.value"),
        ({"innovation": "much", "effect": "80", "feasibility": "80"}, "scores.innovation.value"),
    ],
)
def test_a_wrong_score_is_refused_by_name_and_not_kept(round_, scores, field):
    round_.assign()
    code = round_.assigned("p1")[0]
    answer = round_.score("p1", code, scores)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    with round_.session("scoring") as session:
        assert session.get_one(models.Assignment, ("p1", code)).scores is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"employer_uscc": "91350100M000100Y4Z"}, "employer_uscc"),
        ({"employer_uscc": "9" * 30}, "employer_uscc"),
        ({"conflicts": ["91350100M000100Y4Z"]}, "conflicts.0"),
        ({"conflicts": ["P110000", ""]}, "conflicts.1"),
        ({"directions": ["one"]}, "directions.0"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_expert_is_refused_by_field(scoring, changes, field):
    answer = scoring.post("experts", {"code": "E1", "name": "Li Na"} | changes)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_experts_see_their_own_assignments_and_officials_those_they_name(round_):
    round_.assign()
    code = round_.assigned("p1")[0]
    mine = round_.client.get("/v1/assignments", headers=round_.expert(code)).json["items"]
    theirs = round_.client.get(f"/v1/assignments?expert={code}", headers=round_.official)
    other = round_.client.get("/v1/assignments?expert=E1", headers=round_.expert("E9"))
    assert mine == theirs.json["items"]
    assert {item["expert"] for item in mine} == {code}
    assert other.json["items"] == []


def test_an_official_is_told_to_name_the_expert(round_):
    answer = round_.client.get("/v1/assignments", headers=round_.official)
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"field": "expert", "message": "must be the code of an expert"}
    ]
