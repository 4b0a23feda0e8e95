"""`laurel events`: what is parked, and what an operator decides about it."""

import json

import pytest

from deploy.local.process import wait_until


@pytest.fixture
def ids(running):
    """One unreadable event, parked by its three consumers."""
    return running.park()


def test_parked_events_are_listed_with_totals(installed, ids):
    result = installed("events", "parked", "--json")
    found = {name: answer["items"] for name, answer in result.json.items()}
    assert set(found) == {"intake", "scoring", "inspection", "notification"}
    rows = [row for rows in found.values() for row in rows if row["id"] in ids]
    assert {(row["error"], row["state"], row["attempts"]) for row in rows} == {
        ("undecodable", "held", 1)
    }
    assert sorted(row["handler"] for row in rows) == [
        "inspection.keep_programme", "notification.keep_programme", "scoring.keep_programme",
    ]  # fmt: skip
    assert result.json["scoring"]["totals"]["held"] >= 1


def test_a_table_shows_them_and_a_service_can_be_chosen(installed, ids):
    result = installed("events", "parked", "--service", "scoring", "--limit", "200")
    assert (result.code, result.err) == (0, "")
    assert "scoring.keep_programme" in result.out
    assert "inspection" not in result.out
    assert installed("events", "parked", "--service", "intake").out == "intake: none\n"


def test_a_long_list_tells_how_to_go_on(installed, ids, running):
    running.park()
    result = installed("events", "parked", "--service", "scoring", "--limit", "1")
    words = result.out.splitlines()[-1].removeprefix("more: laurel ").split()
    following = installed(*words, "--json").json["scoring"]["items"]
    assert words[:2] == ["events", "parked"]
    assert [row["id"] > words[-1] for row in following] == [True] * len(following)


def test_one_is_shown_with_its_bytes_and_history(installed, ids):
    shown = installed("events", "show", ids[0], "--json").json
    assert (shown["id"], shown["body"]) == (ids[0], "not an event")
    assert [entry["what"] for entry in shown["history"]] == ["parked"]
    result = installed("events", "show", ids[0])
    assert (result.code, result.err) == (0, "")
    assert "body  not an event" in result.out
    assert "spine  parked  undecodable: " in result.out


def history(installed, parked_id):
    shown = installed("events", "show", parked_id, "--json").json
    return [(entry["who"], entry["what"], entry["why"]) for entry in shown["history"]]


def test_a_retry_is_done_by_the_service_and_kept_in_the_history(installed, ids):
    result = installed("events", "retry", ids[0])
    assert (result.code, result.err) == (0, "")
    assert f"{ids[0]} will be tried within seconds" in result.out
    wait_until(lambda: len(history(installed, ids[0])) == 3, 20, "the retry")
    (_parked, asked, failed) = history(installed, ids[0])
    assert asked == ("operator:developer", "retry asked", "")
    assert failed[:2] == ("spine", "attempt 2 failed")


def test_a_retry_to_another_handler_names_one_event_and_one_that_exists(installed, ids):
    refusal = installed("events", "retry", ids[0], "--to", "scoring.dreamt").refusal
    assert "No handler is called 'scoring.dreamt': to must be one of " in refusal
    unnamed = installed("events", "retry", "--all", "--to", "scoring.keep_programme")
    assert (unnamed.code, unnamed.out) == (2, "")
    assert "--to takes one event" in unnamed.err


def test_a_discarded_event_keeps_its_reason_and_is_open_no_more(installed, ids):
    result = installed("events", "discard", ids[0], "--reason", "a test's")
    assert (result.code, result.err) == (0, "")
    assert history(installed, ids[0])[-1] == ("operator:developer", "discarded", "a test's")
    for words in (("retry", ids[0]), ("discard", ids[0], "--reason", "again")):
        refusal = installed("events", *words).refusal
        assert refusal.endswith(f"409: Parked event {ids[0]} is discarded already.")
    found = json.loads(installed("events", "parked", "--state", "discarded", "--json").out)
    assert ids[0] in [row["id"] for answer in found.values() for row in answer["items"]]


@pytest.mark.parametrize("words", [("show",), ("retry",), ("discard", "--reason", "no use")])
@pytest.mark.parametrize("unknown", ["nothing", "../../../health/live", "a b?c#d", "医院"])
def test_an_unknown_id_is_named(installed, words, unknown):
    refusal = installed("events", words[0], unknown, *words[1:]).refusal
    assert refusal == f"No service has a parked event with the id {unknown!r}."


def test_a_reason_must_say_something(installed, ids):
    refusal = installed("events", "discard", ids[0], "--reason", "x").refusal
    assert "422: The body is not valid: reason: " in refusal
