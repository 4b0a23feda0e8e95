"""`laurel timeline`: one subject's way through all services."""

import pytest

from deploy.local.process import wait_until
from shared.cli.timeline import collect


def test_every_event_is_shown_with_who_handled_it(installed):
    def handlers():
        events = installed("timeline", "2020", "--json").json["events"]
        return [sorted(row["handler"] for row in event["handled"]) for event in events[:1]]

    everyone = [[f"{name}.keep_programme" for name in ("inspection", "notification", "scoring")]]
    wait_until(lambda: handlers() == everyone, 20, "all three handlers")
    told = installed("timeline", "2020", "--json").json
    first = told["events"][0]
    assert (told["subject"], first["service"], first["type"]) == (
        "2020",
        "intake",
        "programme.published",
    )
    assert first["recorded_at"] <= first["published_at"]
    assert all(row["delay_seconds"] >= 0 for row in first["handled"])


def test_a_table_shows_the_same(installed):
    result = installed("timeline", "2020")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2020, real times")
    assert "programme.published" in result.out


@pytest.mark.parametrize("unknown", ["2099", "a b?c#d", "医院", "%2e%2e"])
def test_an_unknown_subject_is_named(installed, unknown):
    assert installed("timeline", unknown).refusal == f"No service knows of {unknown!r}."


def test_events_come_in_the_order_of_their_recording_each_with_its_handlers():
    published = [
        {"event": name, "recorded_at": at}
        for name, at in (("e2", "2020-10-12T02"), ("e1", "2020-10-12T01"))
    ]
    answers = {
        "intake": {"published": published, "handled": []},
        "scoring": {"published": [], "handled": [{"event": "e2", "handler": "scoring.x"}]},
    }
    assert [
        (event["event"], event["service"], [row["handler"] for row in event["handled"]])
        for event in collect(answers)
    ] == [("e1", "intake", []), ("e2", "intake", ["scoring.x"])]
