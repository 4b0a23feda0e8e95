"""Designation: once, when publicity is over, late if it must be, whoever's timer fires."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from services.scoring import models

END = datetime.fromisoformat("2020-10-20T00:00:00+08:00")  # publicity's last day is the 19th


def designated(scoring):
    return scoring.events("project.designated")


def test_a_project_is_designated_when_its_last_day_of_publicity_is_over_and_once(scoring):
    scoring.shortlist({"p1": "90"})
    scoring.publicise()
    scoring.clock.set(END - timedelta(seconds=5))
    assert scoring.tick() == 0
    scoring.clock.set(END)
    assert scoring.tick() == 1
    assert scoring.tick() == 0
    (event,) = designated(scoring)
    assert (event.subject, event.sequence) == ("p1", 4)
    assert event.data["state"] == "DESIGNATED"
    assert event.data["epoch"] == 1
    assert (event.data["valid_from"], event.data["valid_to"]) == ("2020-10-20", "2023-10-20")


def test_every_move_that_others_hear_of_says_why_by_which_rules_who_and_when(scoring):
    scoring.shortlist({"p1": "90", "p2": "80", "p3": "70"}, total_quota=2)
    scoring.publicise()
    scoring.decide(scoring.object("p1").json["id"], upheld=True)
    scoring.rank()
    scoring.clock.set(END)
    scoring.tick()
    kinds = (
        "application.scored",
        "application.not_selected",
        "application.resumed",
        "project.designated",
    )
    told = [event for kind in kinds for event in scoring.events(kind)]
    why = {(e.subject, e.type.rpartition(".")[2]): e.data["decision"] for e in told}
    name_zh, name_en = scoring.DEFINITION["name_zh"], scoring.DEFINITION["name_en"]
    for (_project, kind), decision in why.items():
        assert (decision["citation"], decision["rule_version"]) == (
            f"{name_zh} / {name_en}",
            "2020/1",
        )
        who = "timer" if kind == "designated" else {"scored": "expert"}.get(kind, "official")
        assert decision["actor"].startswith(who), (kind, decision["actor"])
        assert decision["decided_at"] == decision["effective_at"]
    said = {key: (decision["reasons_zh"], decision["reasons_en"]) for key, decision in why.items()}
    assert said["p2", "scored"] == (
        ["3名专家均已评分，平均80.0000分"],
        ["all 3 experts have scored it: 80.0000"],
    )
    assert said["p1", "not_selected"] == (
        ["异议成立：the register of patents"],
        ["an objection was upheld: the register of patents"],
    )
    assert said["p3", "not_selected"] == (
        ["全部2个名额已由排名在前的项目占用"],
        ["all 2 places were taken by entries ranked before"],
    )
    assert said["p3", "resumed"] == (["名额空出，依次递补"], ["a place became free"])
    assert said["p2", "designated"] == (
        ["公示期满，无未决异议；得分80.0000，排名第2"],
        ["publicity ended with no objection open; score 80.0000, rank 2"],
    )


def test_a_designation_that_is_late_is_done_late_and_valid_from_that_day(scoring):
    scoring.shortlist({"p1": "90"})
    scoring.publicise()
    scoring.clock.set(END + timedelta(days=365))
    scoring.tick()
    assert designated(scoring)[0].data["valid_from"] == "2021-10-20"


@pytest.mark.parametrize(
    ("day", "years", "valid_to"),
    [
        ("2024-02-29", 3, "2027-02-28"),
        ("2024-02-29", 4, "2028-02-29"),
        ("2024-02-28", 1, "2025-02-28"),
        ("2023-12-31", 2, "2025-12-31"),
    ],
)
def test_validity_ends_on_the_same_day_of_a_later_year(scoring, day, years, valid_to):
    scoring.shortlist({"p1": "90"}, validity_years=years)
    scoring.publicise()
    scoring.clock.set(datetime.fromisoformat(f"{day}T23:00:00+08:00"))
    scoring.tick()
    (event,) = designated(scoring)
    assert (event.data["valid_from"], event.data["valid_to"]) == (day, valid_to)


def test_a_place_that_became_free_goes_to_the_next_in_rank(scoring):
    scoring.shortlist({"p1": "90", "p2": "80", "p3": "70"}, total_quota=1)
    assert scoring.rank().json["slug"] == "nothing-to-do"
    scoring.publicise()
    objection = scoring.object("p1").json["id"]
    scoring.decide(objection, upheld=True)
    ranked = scoring.rank().json["items"]
    assert [(item["project"], item["rank"], item["state"]) for item in ranked] == [
        ("p2", 2, "SHORTLISTED")
    ]
    assert scoring.entry("p3")["reasons"] == ["all 1 places were taken by entries ranked before"]
    (resumed,) = scoring.events("application.resumed")
    assert (resumed.subject, resumed.data["state"]) == ("p2", "SHORTLISTED")
    assert resumed.data["reasons"] == ["a place became free"]
    assert scoring.rank().json["slug"] == "nothing-to-do"
    scoring.publicise()
    scoring.clock.set(END + timedelta(days=30))
    scoring.tick()
    assert [event.subject for event in designated(scoring)] == ["p2"]


def test_a_direction_that_a_later_edition_gave_up_has_no_places(scoring):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", "p2")
    scoring.enter("p3", direction=2)
    scoring.score_all({"p1": "90", "p2": "80", "p3": "70"})
    left = [line for line in scoring.DEFINITION["directions"] if line["number"] != 1]
    scoring.publish(edition=2, directions=left)
    scoring.rank()
    assert scoring.states() == {"p1": "NOT_SELECTED", "p2": "NOT_SELECTED", "p3": "SHORTLISTED"}
    assert scoring.entry("p1")["reasons"] == ["the round has no places of direction 1"]


def test_who_comes_late_is_ranked_after_who_waits(scoring):
    scoring.shortlist({"p1": "90", "p2": "60"}, total_quota=1)
    scoring.publicise()
    scoring.decide(scoring.object("p1").json["id"], upheld=True)
    scoring.enter("p3")
    scoring.score_all({"p3": "99"})
    ranked = {item["project"]: item for item in scoring.rank().json["items"]}
    assert ranked["p2"]["state"] == "SHORTLISTED"
    assert (ranked["p3"]["state"], ranked["p3"]["rank"]) == ("NOT_SELECTED", 3)


def test_entries_are_ranked_by_exact_scores_and_not_by_what_is_shown(scoring):
    rubric = [dict(line) for line in scoring.DEFINITION["rubric"]]
    for line, most in zip(rubric, ("997", "991", "983"), strict=False):
        line["max"] = most
    scoring.publish(total_quota=1, rubric=rubric, experts_per_application=1)
    scoring.register("E1")
    scoring.enter("low", "high")
    scoring.assign()
    low = {"innovation": "500", "effect": "500", "feasibility": "500"}
    scoring.score("low", "E1", low)
    scoring.score("high", "E1", low | {"feasibility": "500.00"} | {"innovation": "500.01"})
    first = scoring.rank().json["items"][0]
    assert first["project"] == "high"


def test_an_entry_that_cannot_be_designated_holds_no_other_up(scoring):
    scoring.shortlist({"p1": "90", "p2": "80"})
    scoring.publicise()
    with scoring.session("scoring") as session:
        session.get_one(models.Entry, "p1").programme = "lost"
    scoring.clock.set(END)
    scoring.tick()
    assert [event.subject for event in designated(scoring)] == ["p2"]


def test_a_revocation_before_the_designation_prevents_it(scoring, said):
    scoring.shortlist({"p1": "90"})
    scoring.publicise()
    scoring.receive(said.revoked("p1"))
    scoring.clock.set(END)
    scoring.tick()
    assert designated(scoring) == []


def test_two_replicas_designate_each_project_once(on_postgres, replica):
    points = {f"p{number:02}": str(99 - number) for number in range(40)}
    on_postgres.shortlist(points)
    on_postgres.publicise()
    on_postgres.clock.set(END)
    replica.clock.set(END)
    services = [on_postgres, replica] * 4
    with ThreadPoolExecutor(len(services)) as pool:
        done = list(pool.map(lambda service: service.tick(), services))
    done.append(on_postgres.tick())
    assert sum(done) == 40
    counted = Counter(event.subject for event in designated(on_postgres))
    assert counted == dict.fromkeys(points, 1)


def test_an_objection_and_the_timer_at_the_same_time_agree(on_postgres, replica):
    projects = [f"p{number:02}" for number in range(20)]
    on_postgres.shortlist(dict.fromkeys(projects, "80"))
    on_postgres.publicise()
    replica.clock.set(END)
    with ThreadPoolExecutor(8) as pool:
        ticks = [pool.submit(replica.tick) for _ in range(4)]
        answers = dict(zip(projects, pool.map(on_postgres.object, projects), strict=True))
        assert [tick.exception() for tick in ticks] == [None] * 4
    replica.tick()
    frozen = {project for project, answer in answers.items() if answer.status_code == 201}
    states = on_postgres.states()
    assert {p for p, state in states.items() if state == "PUBLICISED"} == frozen
    assert {p for p, state in states.items() if state == "DESIGNATED"} == set(projects) - frozen
