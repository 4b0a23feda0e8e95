"""From scores to the list through HTTP: ranking, publicity, designation, the list of entries."""

from datetime import datetime

import pytest
from sqlalchemy import event

SELECTION = {"p1": "90", "p2": "80", "p3": "70"}


def at(text):
    return datetime.fromisoformat(f"{text}+08:00")


def test_the_best_are_shortlisted_and_the_rest_is_told_why_not(scoring):
    answer = scoring.shortlist(SELECTION, total_quota=2)
    assert answer.status_code == 201
    assert [(i["rank"], i["project"], i["state"]) for i in answer.json["items"]] == [
        (1, "p1", "SHORTLISTED"),
        (2, "p2", "SHORTLISTED"),
        (3, "p3", "NOT_SELECTED"),
    ]
    (refused,) = scoring.events("application.not_selected")
    assert refused.subject == "p3"
    assert refused.data["score"] == "70.0000"
    assert refused.data["reasons"] == ["all 2 places were taken by entries ranked before"]


def test_the_quota_of_a_direction_is_kept(scoring):
    quotas = [item | {"quota": 1} for item in scoring_directions()]
    scoring.shortlist(SELECTION, directions=quotas)
    assert scoring.states() == {"p1": "SHORTLISTED", "p2": "NOT_SELECTED", "p3": "NOT_SELECTED"}
    assert scoring.entry("p2")["reasons"] == [
        "all 1 places of direction 1 were taken by entries ranked before"
    ]


def scoring_directions():
    names = {"name_zh": "方向", "name_en": "direction"}
    return [{"number": number, "class": "A", **names} for number in (1, 2)]


def test_nothing_is_ranked_while_an_entry_is_not_scored(scoring):
    scoring.publish()
    scoring.register("E1", "E2", "E3")
    scoring.enter("p1", "p2")
    scoring.score_all({"p1": "90"})
    answer = scoring.rank()
    assert (answer.status_code, answer.json["slug"]) == (409, "unscored-entries")
    assert answer.json["entries"] == ["p2"]
    assert scoring.states() == {"p1": "SCORED", "p2": "SCORING"}


def test_ranking_again_finds_nothing_to_rank(scoring):
    scoring.shortlist(SELECTION)
    answer = scoring.rank()
    assert (answer.status_code, answer.json["slug"]) == (409, "nothing-to-do")


def test_what_comes_late_is_ranked_for_the_places_that_are_left(scoring):
    scoring.shortlist({"p1": "80", "p2": "70"}, total_quota=3)
    scoring.enter("p3", "p4")
    scoring.score_all({"p3": "99", "p4": "98"})
    ranked = scoring.rank().json["items"]
    assert [(item["project"], item["rank"], item["state"]) for item in ranked] == [
        ("p3", 3, "SHORTLISTED"),
        ("p4", 4, "NOT_SELECTED"),
    ]


def test_an_upheld_objection_frees_its_place_for_a_late_entry(scoring):
    scoring.shortlist({"p1": "80"}, total_quota=1)
    scoring.publicise()
    scoring.decide(scoring.object("p1").json["id"], upheld=True)
    scoring.enter("p2")
    scoring.score_all({"p2": "60"})
    scoring.rank()
    assert scoring.states() == {"p1": "NOT_SELECTED", "p2": "SHORTLISTED"}


@pytest.mark.parametrize(
    ("opened", "closes_on"),
    [
        ("2020-09-29T10:00", "2020-10-13"),  # holidays 1 to 8 October; Saturday the 10th is worked
        ("2020-09-25T10:00", "2020-10-09"),  # Sunday 27 September is worked
        ("2020-10-12T10:00", "2020-10-19"),
        ("2020-10-12T00:00", "2020-10-19"),
        ("2020-10-11T23:59", "2020-10-16"),  # a Sunday: opened, but not counted
        ("2020-01-22T10:00", "2020-02-06"),  # Spring Festival, prolonged to 2 February
        ("2020-12-28T10:00", "2021-01-05"),  # New Year's Day, into the next year's calendar
    ],
)
def test_publicity_lasts_five_chinese_working_days(scoring, opened, closes_on):
    scoring.shortlist(SELECTION)
    scoring.clock.set(at(opened))
    publicity = scoring.publicise()
    assert (publicity["opens_on"], publicity["closes_on"]) == (opened[:10], closes_on)
    assert scoring.client.get(f"/v1/publicity/{publicity['id']}").json == publicity
    (opening,) = scoring.events("publicity.opened")
    assert opening.data["closes_on"] == closes_on
    assert [(e["project"], e["rank"], e["score"]) for e in opening.data["entries"]] == [
        ("p1", 1, "90.0000"),
        ("p2", 2, "80.0000"),
        ("p3", 3, "70.0000"),
    ]


def test_a_list_of_any_length_is_published_in_events_that_every_reader_takes(scoring, monkeypatch):
    monkeypatch.setattr("services.scoring.commands.selection.PAGE", 2)
    assert (
        scoring.shortlist({f"p{number}": 90 - number for number in range(1, 6)}).status_code == 201
    )
    publicity = scoring.publicise()["id"]
    pages = scoring.events("publicity.opened")
    assert [(page.subject, page.sequence) for page in pages] == [(publicity, n) for n in (1, 2, 3)]
    assert [entry["rank"] for page in pages for entry in page.data["entries"]] == [1, 2, 3, 4, 5]


def test_a_year_that_the_calendar_does_not_know_is_an_error_that_says_what_to_set(scoring):
    scoring.shortlist(SELECTION)
    scoring.clock.set(at("2090-12-28T10:00"))
    answer = scoring.post("publicity", {"programme": "2020"})
    assert (answer.status_code, answer.json["slug"]) == (409, "unknown-calendar-year")
    assert answer.json["year"] == 2090
    assert "'workday_overrides'" in answer.json["detail"]
    assert "'2090-12-29: true'" in answer.json["detail"]
    assert set(scoring.states().values()) == {"SHORTLISTED"}


def test_what_the_error_says_to_set_works(scoring):
    scoring.shortlist(SELECTION)
    scoring.clock.set(at("2090-12-28T10:00"))
    days = {f"2090-12-{day}": True for day in (29, 30, 31)} | {"2091-01-01": False}
    scoring.publish(edition=2, workday_overrides=days | {"2091-01-02": True, "2091-01-03": True})
    assert scoring.publicise()["closes_on"] == "2091-01-03"


def test_overrides_win_over_the_calendar(scoring):
    scoring.shortlist(SELECTION, publicity_working_days=1, workday_overrides={"2020-10-13": False})
    assert scoring.publicise()["closes_on"] == "2020-10-14"


def test_publicity_needs_a_shortlist(scoring):
    scoring.publish()
    answer = scoring.post("publicity", {"programme": "2020"})
    assert (answer.status_code, answer.json["slug"]) == (409, "nothing-to-do")


@pytest.mark.parametrize("path", ["assignments", "rankings", "publicity"])
def test_an_unknown_programme_is_not_found(scoring, path):
    answer = scoring.post(path, {"programme": "1999"})
    assert (answer.status_code, answer.json["slug"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["experts", "assignments", "rankings", "publicity"])
@pytest.mark.parametrize("role", ["expert", "unit", "undertaker"])
def test_only_officials_steer_the_selection(scoring, path, role):
    answer = scoring.post(path, {"programme": "2020"}, scoring.token(role))
    assert answer.status_code == 403


def test_the_list_of_entries_runs_as_many_queries_for_many_as_for_few(scoring):
    statements = []
    engine = scoring.runtime("scoring").database.engine
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    scoring.publish()
    counts = []
    for names in (("p1",), (f"p{number}" for number in range(2, 30))):
        scoring.enter(*names)
        statements.clear()
        listed = scoring.states()
        counts.append((len(listed), len(statements)))
    assert counts == [(1, 3), (29, 3)]  # BEGIN, entries, their assignments


def test_entries_are_listed_by_programme_and_state(scoring):
    scoring.shortlist(SELECTION, total_quota=2)
    path = "/v1/entries?programme=2020&state=NOT_SELECTED"
    listed = scoring.client.get(path, headers=scoring.official).json["items"]
    assert [item["project"] for item in listed] == ["p3"]
    other = scoring.client.get("/v1/entries?programme=2021", headers=scoring.official)
    assert other.json["items"] == []
