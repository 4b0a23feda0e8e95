"""Every consumed event, twice and out of order; a new edition in the middle of a round."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from stdnum.cn import uscc

from services.scoring import models
from services.scoring.commands import entries
from services.scoring.commands.selection import NothingToPublishError, rank_entries
from shared.testing import acting
from tests.scoring.conftest import ANOTHER, Scoring
from tests.side_by_side import side_by_side


def acknowledged(scoring):
    return [
        (event.data["project"], event.data["epoch"], event.data["outlet"])
        for event in scoring.events("revocation.acknowledged")
    ]


def edition(scoring):
    with scoring.session("scoring") as session:
        row = session.get_one(models.Programme, "2020")
        return row.edition, row.definition["total_quota"]


def test_a_recommended_application_passes_the_formal_check_and_is_scored(scoring):
    scoring.enter("p1")
    assert scoring.states() == {"p1": "SCORING"}
    assert scoring.entry("p1")["sequence"] == 2


@pytest.mark.parametrize("missing", ["opinion", "content_hash"])
def test_an_incomplete_application_does_not_pass_the_formal_check(scoring, missing):
    scoring.enter("p1", **{missing: ""})
    assert scoring.states() == {"p1": "RECOMMENDED"}
    (reason,) = scoring.entry("p1")["reasons"]
    assert "incomplete" in reason


def test_what_fails_the_formal_check_holds_up_no_ranking_and_ends_with_it(scoring):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", opinion="")
    scoring.enter("p2")
    scoring.score_all({"p2": "80"})
    ranked = {item["project"]: item["state"] for item in scoring.rank().json["items"]}
    assert ranked == {"p1": "NOT_SELECTED", "p2": "SHORTLISTED"}
    (refused,) = scoring.events("application.not_selected")
    assert "incomplete" in refused.data["reasons"][0]


def test_the_same_recommendation_twice_changes_nothing(scoring, said):
    first = said.recommended("p1")
    scoring.receive(first)
    scoring.receive(first, said.recommended("p1", title="another"))
    assert scoring.states() == {"p1": "SCORING"}
    assert scoring.entry("p1")["title"] == "某项目"


def test_a_recommendation_that_comes_again_late_revives_no_scored_entry(scoring, said):
    scoring.shortlist({"p1": "80"})
    scoring.receive(said.recommended("p1"))
    assert scoring.states() == {"p1": "SHORTLISTED"}


def test_the_newest_edition_wins_in_any_order(scoring):
    scoring.publish(edition=2, total_quota=20)
    scoring.publish(edition=1, total_quota=10)
    assert edition(scoring) == (2, 20)
    scoring.publish(edition=3, total_quota=30)
    scoring.publish(edition=3, total_quota=31)
    assert edition(scoring) == (3, 30)


def test_a_revocation_closes_the_entry_and_is_acknowledged_once(scoring, said):
    revocation = said.revoked("p1", sequence=9)
    scoring.enter("p1")
    scoring.enter("p2", undertaker=ANOTHER)
    scoring.receive(revocation, revocation, said.revoked("p1", sequence=9))
    assert scoring.states() == {"p1": "REVOKED", "p2": "SCORING"}
    assert scoring.entry("p1")["sequence"] == 9
    assert acknowledged(scoring) == [("p1", 1, "entry")]
    (acknowledgement,) = scoring.events("revocation.acknowledged")
    assert acknowledgement.causation_id == revocation.id
    assert acknowledgement.data["revocation"] == revocation.id


def test_a_revocation_before_the_recommendation_leaves_the_entry_closed(scoring, said):
    scoring.receive(said.revoked("p1"), said.recommended("p1"), said.recommended("p1"))
    assert scoring.states() == {"p1": "REVOKED"}
    assert acknowledged(scoring) == [("p1", 1, "entry")]


def test_a_revocation_at_the_same_moment_as_the_recommendation_leaves_it_closed(
    on_postgres, replica, said
):
    projects = [f"p{number:02}" for number in range(20)]
    recommendations, revocations = map(said.recommended, projects), map(said.revoked, projects)
    with ThreadPoolExecutor(8) as pool:
        for recommendation, revocation in zip(recommendations, revocations, strict=True):
            pool.submit(on_postgres.deliver, recommendation)
            pool.submit(replica.deliver, revocation)
    on_postgres.clock.set(on_postgres.clock.now() + timedelta(hours=1))
    on_postgres.retry_parked()
    assert on_postgres.parked() == []
    assert on_postgres.states() == dict.fromkeys(projects, "REVOKED")


def test_each_epoch_is_acknowledged_of_its_own(scoring, said):
    second, first = said.revoked("p1", sequence=12, epoch=2), said.revoked("p1", sequence=9)
    scoring.receive(second, first, second)
    assert acknowledged(scoring) == [("p1", 2, "entry"), ("p1", 1, "entry")]
    assert scoring.entry("p1")["sequence"] == 12


def test_a_closed_entry_takes_no_part_in_the_selection_any_more(scoring, said):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1")
    scoring.enter("p2", undertaker=ANOTHER)
    scoring.assign()
    scoring.receive(said.revoked("p1"))
    assert scoring.score("p1", "E1").json["slug"] == "illegal-transition"
    scoring.score_all({"p2": "80"})
    assert [item["project"] for item in scoring.rank().json["items"]] == ["p2"]


def test_a_revocation_ends_the_other_entries_of_the_undertaker_that_acted(scoring, said):
    scoring.shortlist({"p1": "80", "p2": "70"})
    scoring.enter("p3")
    scoring.enter("p4", undertaker=ANOTHER)
    scoring.receive(said.revoked("p9"))
    states = dict.fromkeys(("p1", "p2", "p3"), "NOT_SELECTED")
    assert scoring.states() == states | {"p4": "SCORING", "p9": "REVOKED"}
    assert scoring.entry("p1")["reasons"] == [
        "the undertaker is barred because project p9 was revoked"
    ]
    ended = {event.subject for event in scoring.events("application.not_selected")}
    assert ended == {"p1", "p2", "p3"}


def test_what_a_revocation_ended_goes_on_when_it_is_undone_in_either_order(scoring, said):
    scoring.shortlist({"p1": "80", "p2": "70"})
    scoring.publicise()
    scoring.enter("p3")
    before = scoring.states()
    revoked, reinstated = said.revoked("p9", sequence=9), said.reinstated("p9", sequence=10)
    scoring.receive(revoked)
    assert set(scoring.states().values()) == {"NOT_SELECTED", "REVOKED"}
    scoring.receive(reinstated)
    assert scoring.states() == before | {"p9": "DESIGNATED"}
    resumed = scoring.events("application.resumed")
    assert {event.subject: event.data["state"] for event in resumed} == before
    scoring.receive(said.reinstated("p8", sequence=10), said.revoked("p8", sequence=9))
    assert scoring.states() == before | {"p9": "DESIGNATED", "p8": "DESIGNATED"}


def test_two_bars_are_both_undone_before_anything_goes_on(scoring, said):
    scoring.publish()
    scoring.enter("p1")
    scoring.receive(said.revoked("p8"), said.revoked("p9"), said.reinstated("p8", sequence=10))
    assert scoring.states()["p1"] == "NOT_SELECTED"
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.states()["p1"] == "SCORING"


def test_a_place_that_went_to_another_meanwhile_stays_there(scoring, said):
    scoring.shortlist({"p1": "90", "p2": "80"}, others=("p2",), total_quota=1)
    scoring.receive(said.revoked("p9"))
    scoring.rank()
    assert (scoring.states()["p1"], scoring.states()["p2"]) == ("NOT_SELECTED", "SHORTLISTED")
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.entry("p1")["state"] == "NOT_SELECTED"
    assert scoring.entry("p1")["reasons"] == [
        "its place went to another while its undertaker was barred"
    ]
    scoring.publicise()
    scoring.decide(scoring.object("p2").json["id"], upheld=True)
    assert [item["project"] for item in scoring.rank().json["items"]] == ["p1"]


def test_who_waits_for_a_place_gets_none_under_the_bar(scoring, said):
    scoring.shortlist({"p1": "90", "p2": "80", "p3": "70"}, others=("p1", "p3"), total_quota=1)
    scoring.receive(said.revoked("p9"))
    assert scoring.entry("p2")["reasons"] == [
        "the undertaker is barred because project p9 was revoked"
    ]
    scoring.publish(edition=2, total_quota=2)
    assert [item["project"] for item in scoring.rank().json["items"]] == ["p3"]
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.entry("p2")["reasons"] == [
        "the bar was undone: it waits in its turn for a place"
    ]
    told = [e.data["decision"]["reasons_en"] for e in scoring.events() if e.subject == "p2"]
    assert told[-2:] == [
        ["the undertaker is barred because project p9 was revoked"],
        ["the bar was undone: it waits in its turn for a place"],
    ]
    scoring.publish(edition=3, total_quota=3)
    assert [item["project"] for item in scoring.rank().json["items"]] == ["p2"]


def test_when_a_bar_is_undone_places_go_by_rank(scoring, said):
    scoring.publish(total_quota=2)
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", "p2")
    scoring.enter("p3", undertaker=ANOTHER)
    scoring.score_all({"p1": "80", "p2": "90", "p3": "70"})
    scoring.rank()
    scoring.receive(said.revoked("p9"))
    scoring.rank()
    scoring.receive(said.reinstated("p9", sequence=10))
    states = {"p1": "NOT_SELECTED", "p2": "SHORTLISTED", "p3": "SHORTLISTED", "p9": "DESIGNATED"}
    assert scoring.states() == states


def test_what_became_of_a_project_ends_the_same_in_any_order(tmp_path, said):
    """Revoked, reinstated, handed to another undertaker, and revoked again by that one's act."""
    another = said.event(
        "project.changed",
        said.revoked("p9").data
        | {"state": "DESIGNATED", "epoch": 2, "undertaker": ANOTHER}
        | {"contact_email": None},
        subject="p9",
        sequence=11,
    )
    events = [
        said.revoked("p9", sequence=9),
        said.reinstated("p9", sequence=10),
        another,
        said.revoked("p9", sequence=12, epoch=2, undertaker=ANOTHER),
    ]
    ends = set()
    for number, order in enumerate(itertools.permutations(events)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with Scoring(directory) as scoring:
            scoring.enter("p1")
            scoring.enter("p2", undertaker=ANOTHER)
            scoring.receive(*order)
            ends.add(tuple(scoring.states().items()))
            assert sorted(acknowledged(scoring)) == [("p9", 1, "entry"), ("p9", 2, "entry")]
    assert ends == {(("p1", "SCORING"), ("p2", "NOT_SELECTED"), ("p9", "REVOKED"))}


@pytest.fixture
def with_one_place(on_postgres, said):
    """One place, given to nobody: p1, barred by p8, had it, and p2 waits for it."""
    on_postgres.shortlist({"p1": "90", "p2": "80"}, others=("p2",), total_quota=1)
    on_postgres.receive(said.revoked("p8"))
    return on_postgres


def database_of(scoring):
    return scoring.runtime("scoring").database


def of_its_own(number):
    """An undertaker with a code of its own."""
    first = f"91110000MA{number:07d}"
    return {"uscc": first + uscc.calc_check_digit(first), "name": "虚构"}


PAIRS = 20


def meet(first, second, pairs):
    """Each pair of events comes to two replicas at the same moment."""
    with ThreadPoolExecutor(2) as pool:
        for one, other in pairs:
            both = [pool.submit(first.deliver, one), pool.submit(second.deliver, other)]
            for done in both:
                done.result(60)
    for _ in range(5):  # what the database broke off is tried again
        first.clock.set(first.clock.now() + timedelta(hours=1))
        first.retry_parked()
    assert first.parked() == []


@pytest.mark.parametrize("was_revoked", [False, True])
def test_a_recommendation_and_what_bars_or_frees_its_undertaker_meet(
    on_postgres, replica, said, was_revoked
):
    on_postgres.publish()
    theirs = [{"undertaker": of_its_own(number)} for number in range(PAIRS)]
    if was_revoked:
        on_postgres.receive(*(said.revoked(f"y{n}", **one) for n, one in enumerate(theirs)))
    then = said.reinstated if was_revoked else said.revoked
    meet(
        on_postgres,
        replica,
        [(said.recommended(f"x{n}", **one), then(f"y{n}", **one)) for n, one in enumerate(theirs)],
    )
    states = on_postgres.states()
    expected = "SCORING" if was_revoked else "NOT_SELECTED"
    assert {states[f"x{n}"] for n in range(PAIRS)} == {expected}


def test_a_revocation_for_a_former_undertaker_s_act_meets_its_reinstatement(
    on_postgres, replica, said
):
    on_postgres.publish()
    pairs = []
    for number in range(PAIRS):
        acted = of_its_own(number)
        on_postgres.receive(said.recommended(f"x{number}", undertaker=acted))
        now = on_postgres.clock.now().isoformat()
        decision = {
            "ground": "inspection_failed", "citation": "c", "reasons_zh": [], "reasons_en": [],
            "rule_version": "1", "actor": "li", "inspection": None, "acted_by": acted["uscc"],
            "decided_at": now, "effective_at": now,
        }  # fmt: skip
        more = {"undertaker": ANOTHER}
        pairs.append(
            (
                said.revoked(f"y{number}", sequence=9, decision=decision, **more),
                said.reinstated(f"y{number}", sequence=10, **more),
            )
        )
    meet(on_postgres, replica, pairs)
    states = on_postgres.states()
    assert {states[f"x{number}"] for number in range(PAIRS)} == {"SCORING"}
    assert {states[f"y{number}"] for number in range(PAIRS)} == {"DESIGNATED"}


def places(scoring):
    return sum(state == "SHORTLISTED" for state in scoring.states().values())


@pytest.mark.parametrize("rank_first", [True, False])
def test_a_ranking_and_a_bar_undone_at_once_give_no_place_twice(with_one_place, said, rank_first):
    now, undone = with_one_place.clock.now(), said.reinstated("p8", sequence=10)
    data = undone.data | {"valid_from": None, "valid_to": None}
    undone = replace(undone, data=data)

    def rank(session):
        with suppress(NothingToPublishError):
            rank_entries(session, "2020", acting(now))

    def undo(session):
        entries.follow_project(session, undone, acting(now, undone))

    side_by_side(database_of(with_one_place), *((rank, undo) if rank_first else (undo, rank)))
    assert places(with_one_place) == 1


def test_two_bars_undone_at_once_give_no_place_twice(with_one_place, said):
    with_one_place.rank()
    with_one_place.receive(said.revoked("p9", undertaker=ANOTHER))
    assert places(with_one_place) == 0
    now = with_one_place.clock.now()

    def undo(project, **changes):
        event = said.reinstated(project, sequence=10, valid_from=None, valid_to=None, **changes)
        return lambda session: entries.follow_project(session, event, acting(now, event))

    side_by_side(database_of(with_one_place), undo("p8"), undo("p9", undertaker=ANOTHER))
    assert places(with_one_place) == 1


def test_an_objection_upheld_under_the_bar_ends_the_entry_for_good(scoring, said):
    scoring.shortlist({"p1": "80"})
    scoring.publicise()
    objection = scoring.object("p1").json["id"]
    scoring.receive(said.revoked("p9"))
    scoring.decide(objection, upheld=True)
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.states()["p1"] == "NOT_SELECTED"
    assert scoring.entry("p1")["reasons"] == ["an objection was upheld: the register of patents"]
    assert scoring.rank().json["slug"] == "nothing-to-do"


def test_a_publicity_that_ended_under_the_bar_is_needed_again(scoring, said):
    scoring.shortlist({"p1": "80"})
    scoring.publicise()
    scoring.receive(said.revoked("p9"))
    scoring.clock.set(scoring.clock.now() + timedelta(days=60))
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.states()["p1"] == "SHORTLISTED"
    scoring.publicise()
    scoring.clock.set(scoring.clock.now() + timedelta(days=60))
    scoring.tick()
    assert scoring.states()["p1"] == "DESIGNATED"


def test_who_is_recommended_after_the_bar_is_not_entered_for_scoring(scoring, said):
    scoring.receive(said.revoked("p9"), said.recommended("p1"))
    assert scoring.states() == {"p1": "NOT_SELECTED", "p9": "REVOKED"}


def test_another_undertaker_and_a_reinstatement_are_followed(scoring, said):
    scoring.receive(said.recommended("p1"))
    changed = said.revoked("p1", sequence=20)
    data = changed.data | {"state": "RECTIFYING", "undertaker": ANOTHER, "contact_email": None}
    scoring.receive(replace(changed, type="project.changed", data=data))
    assert scoring.entry("p1")["undertaker"] == ANOTHER
    assert scoring.states() == {"p1": "RECTIFYING"}


def test_the_rubric_stays_once_an_expert_has_scored_by_it(scoring, said):
    other = [criterion | {"max": "50"} for criterion in said.DEFINITION["rubric"]]
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", "p2")
    scoring.assign()
    scoring.publish(edition=2, rubric=other)
    assert scoring.score("p1", "E1").status_code == 422
    assert scoring.score("p1", "E1", dict.fromkeys(said.SCORES, "40")).status_code == 200
    fewer = [{**other[0], "weight": "1"}]
    scoring.publish(edition=3, rubric=fewer, total_quota=1)
    scoring.score_all({"p1": "40", "p2": "45"})
    assert {p: scoring.entry(p)["score"] for p in ("p1", "p2")} == {
        "p1": "80.0000",
        "p2": "90.0000",
    }
    assert scoring.rank().status_code == 201
    assert scoring.states() == {"p1": "NOT_SELECTED", "p2": "SHORTLISTED"}


def test_a_round_that_asks_for_more_experts_gets_them_for_entries_in_scoring(scoring):
    scoring.publish(experts_per_application=1)
    scoring.register("E1", "E2")
    scoring.enter("p1")
    scoring.assign()
    scoring.publish(edition=2, experts_per_application=2)
    assert scoring.score("p1", *scoring.assigned("p1")).json["state"] == "SCORING"
    scoring.score_all({"p1": "70"})
    assert scoring.states() == {"p1": "SCORED"}


def test_a_round_that_asks_for_fewer_experts_needs_no_replacement_any_more(scoring):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1")
    scoring.assign()
    scoring.score("p1", "E1")
    scoring.score("p1", "E2")
    scoring.post("entries/p1/recuse", {"reason": "ill"}, scoring.expert("E3"))
    assert scoring.states() == {"p1": "SCORING"}
    scoring.publish(edition=2, experts_per_application=2)
    assert scoring.assign().json["assigned"] == 0
    assert scoring.states() == {"p1": "SCORED"}
    assert len(scoring.events("application.scored")) == 1


def test_the_last_one_to_recuse_completes_what_enough_others_have_scored(scoring):
    scoring.publish(experts_per_application=3)
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1")
    scoring.assign()
    scoring.score("p1", "E1")
    scoring.score("p1", "E2")
    scoring.publish(edition=2, experts_per_application=2)
    scoring.post("entries/p1/recuse", {"reason": "ill"}, scoring.expert("E3"))
    assert scoring.states() == {"p1": "SCORED"}


def test_an_entry_of_an_unknown_round_waits_for_it(scoring):
    scoring.enter("p1")
    assert scoring.assign().status_code == 404
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    assert scoring.assign().json["assigned"] == 3


def test_a_reinstatement_undoes_the_revocation_in_any_order(scoring, said):
    scoring.enter("p1", "p2")
    revoked, reinstated = said.revoked("p1", sequence=9), said.reinstated("p1", sequence=10)
    scoring.receive(revoked, reinstated)
    scoring.receive(said.reinstated("p2", sequence=10), said.revoked("p2", sequence=9))
    assert scoring.states() == {"p1": "DESIGNATED", "p2": "DESIGNATED"}
    assert [scoring.entry(name)["sequence"] for name in ("p1", "p2")] == [10, 10]
    assert sorted(acknowledged(scoring)) == [("p1", 1, "entry"), ("p2", 1, "entry")]


def test_a_reinstated_project_that_was_never_entered_is_designated(scoring, said):
    scoring.receive(said.reinstated("p9", sequence=10))
    assert scoring.states() == {"p9": "DESIGNATED"}
