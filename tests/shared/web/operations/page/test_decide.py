"""Buttons do what they say, to as many as they say, once."""

import re

import pytest

from shared.spine.parking import decisions
from shared.web.operations.page import decide
from tests.shared.web.operations.page.conftest import OWN


def group_of(page):
    return re.findall(r"/operations/decide\?decision=retry&amp;group=(\w+)", page)[0]


def test_a_group_is_counted_then_retried_then_gone(desk):
    desk.park(3)
    desk.park(1, error="ValueError", detail="no such place")
    group = group_of(desk.read())
    asked = desk.read(f"/decide?decision=retry&group={group}")
    assert "3 parked events will be tried again" in asked
    assert ">Retry 3</button>" in asked
    assert desk.states() == ["held"] * 4
    told = desk.post("/decide", decision="retry", group=group)
    assert "<strong>3</strong> asked to be tried again" in told
    assert desk.retry_parked() == 3
    assert desk.kept() == ["round-0", "round-1", "round-2"]
    assert desk.states() == ["handled"] * 3 + ["held"]
    assert group not in desk.read()


def test_asking_twice_runs_it_once(desk):
    desk.park(2)
    group = group_of(desk.read())
    desk.post("/decide", decision="retry", group=group)
    told = desk.post("/decide", decision="retry", group=group)
    assert "<strong>0</strong> asked" in told
    assert "There is nothing to retry" in desk.read(f"/decide?decision=retry&group={group}")
    assert desk.retry_parked() == 2
    assert desk.retry_parked() == 0
    assert desk.kept() == ["round-0", "round-1"]
    assert desk.steps() == [("operator:developer", "retry asked", "")] * 2


def test_a_group_is_discarded_for_a_reason_and_restored(desk):
    desk.park(2)
    group = group_of(desk.read())
    assert "2 parked events will be discarded" in desk.read(
        f"/decide?decision=discard&group={group}"
    )
    desk.post("/decide", decision="discard", group=group, reason="not ours")
    assert desk.states() == ["discarded"] * 2
    assert "Nothing is parked." in desk.read()
    desk.post("/decide", decision="restore", group=group, reason="ours after all")
    assert desk.states() == ["held"] * 2
    assert desk.steps() == [
        *[("operator:developer", "discarded", "not ours")] * 2,
        *[("operator:developer", "restored", "ours after all")] * 2,
    ]


@pytest.mark.parametrize("decision", ["discard", "restore"])
@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 501])
def test_without_a_good_reason_only_a_retry_is_done(desk, decision, reason):
    (parked,) = desk.park(state="held" if decision == "discard" else "discarded")
    before = desk.states()
    for path in ("/decide", f"/parked/{parked}"):
        told = desk.post(path, status=422, decision=decision, reason=reason)
        assert "reason" in told
    assert desk.states() == before


def test_one_event_is_retried_discarded_and_restored(desk):
    (parked,) = desk.park()
    told = desk.post(f"/parked/{parked}", decision="discard", reason="not ours")
    assert "<strong>1</strong> discarded" in told
    assert desk.states() == ["discarded"]
    desk.post(f"/parked/{parked}", decision="restore", reason="ours")
    desk.post(f"/parked/{parked}", decision="retry")
    assert desk.retry_parked() == 1
    assert desk.kept() == ["round-0"]
    assert [what for _who, what, _why in desk.steps()] == ["discarded", "restored", "retry asked"]


def test_what_was_handled_meanwhile_is_not_handled_again(desk):
    (parked,) = desk.park()
    desk.post(f"/parked/{parked}", decision="retry")
    desk.retry_parked()
    for decision in ("retry", "discard", "restore"):
        told = desk.post(f"/parked/{parked}", status=409, decision=decision, reason="again")
        assert "is handled already" in told
    assert desk.kept() == ["round-0"]


def test_a_filter_decides_about_what_it_shows_and_nothing_else(desk):
    desk.park(2, subject="one")
    desk.park(3, subject="two")
    desk.post("/decide", decision="discard", subject="two", reason="not ours")
    assert desk.states() == ["held"] * 2 + ["discarded"] * 3
    assert "5 parked events will" not in desk.read("/decide?decision=discard")
    assert "all of scoring" in desk.read("/decide?decision=discard")


@pytest.mark.parametrize("name", ["desk", "real_desk"])
def test_of_very_many_a_bounded_number_is_done_at_once_and_the_rest_is_told(name, request):
    desk = request.getfixturevalue(name)
    at_once = decide.BATCHES * decisions.BATCH
    desk.park(at_once + 700)
    assert f"{at_once:,} at once; then you are shown what is left." in desk.read(
        "/decide?decision=discard"
    )
    told = desk.post("/decide", decision="discard", reason="too many")
    assert f"<strong>{at_once:,}</strong> discarded" in told
    assert "<strong>700</strong> are left" in told
    assert desk.states() == ["discarded"] * at_once + ["held"] * 700
    told = desk.post("/decide", decision="discard", reason="too many")
    assert "<strong>700</strong> discarded" in told
    assert set(desk.states()) == {"discarded"}


def test_the_address_one_is_sent_to_keeps_the_filter(desk):
    desk.park(2)
    fields = {"decision": "retry", "error": "RuntimeError", "since": "2020-01-01T00:00"}
    answer = desk.client.post(
        "/operations/decide", data=fields, headers=desk.token("operator") | OWN
    )
    assert answer.headers["Location"] == (
        "/operations/parked?error=RuntimeError&since=2020-01-01T00%3A00&done=retry&changed=2&left=0"
    )
