"""What operators see of parked events and decide about them, through the real door, on both stacks."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import IllegalTransitionError
from shared.spine.parking import ParkedState, decisions
from shared.spine.parking.decisions import FROM, TO, Decision
from tests.shared.spine.rows import ago, park, parked_row
from tests.shared.spine.test_delivery import send

pytestmark = pytest.mark.long

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
ALLOWED = {
    (ParkedState.WAITING, Decision.RETRY): ParkedState.WAITING,
    (ParkedState.WAITING, Decision.DISCARD): ParkedState.DISCARDED,
    (ParkedState.HELD, Decision.RETRY): ParkedState.WAITING,
    (ParkedState.HELD, Decision.DISCARD): ParkedState.DISCARDED,
    (ParkedState.DISCARDED, Decision.RESTORE): ParkedState.HELD,
}
REFUSED = [(state, d) for state in ParkedState for d in Decision if (state, d) not in ALLOWED]


class Operator:
    """Somebody with the role `operator` at the keeping service's door."""

    def __init__(self, stack):
        self._http = stack.http("scoring")
        self._token = stack.token("operator", sub="li")

    def get(self, path, status=200, **query):
        answer = self._http.get(f"/v1/events/{path}", query_string=query, headers=self._token)
        assert answer.status_code == status, answer.text
        return answer.json

    def post(self, path, status=None, **body):
        answer = self._http.post(f"/v1/events/{path}", json=body, headers=self._token)
        assert answer.status_code == status or answer.status_code in (200, 202), answer.text
        return answer.json

    def history(self, parked_id):
        shown = self.get(f"parked/{parked_id}")
        return [(step["who"], step["what"], step["why"]) for step in shown["history"]]


@pytest.fixture
def operator(stack):
    return Operator(stack)


@pytest.fixture
def failed(stack):
    """One event that a failing handler has put aside; the handler would take it by now."""
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError, match="no luck with bad"):
        stack.settle()
    stack.keeper.failing = set()
    (row,) = stack.parked_rows()
    return row.id


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"a", "b", "c"}),
        ({"handler": "scoring.keep_programme"}, {"a", "b"}),
        ({"type": "project.revoked"}, {"b"}),
        ({"error": "ValueError"}, {"a"}),
        ({"subject": "c"}, {"c"}),
        ({"since": "2026-11-23T08:00:00Z"}, {"b", "c"}),
        ({"until": "2026-11-23T16:00:00+08:00"}, {"a"}),
        ({"since": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:00:01Z"}, {"b"}),
        ({"error": "ValueError", "subject": "b"}, set()),
    ],
)
def test_a_filter_finds_what_it_names_and_nothing_else(stack, operator, query, names):
    park(
        stack,
        parked_row(subject="a", error="ValueError", parked_at=MONDAY - timedelta(seconds=1)),
        parked_row(subject="b", event_type="project.revoked", parked_at=MONDAY),
        parked_row(subject="c", handler="scoring.other", parked_at=MONDAY + timedelta(days=1)),
    )
    found = operator.get("parked", **query)
    assert {row["subject"] for row in found["items"]} == names
    assert found["totals"] == ({"held": len(names)} if names else {})


def test_a_group_is_a_filter(stack, operator):
    first, _other = park(stack, parked_row(detail="no 1"), parked_row(detail="nothing"))
    found = operator.get("parked", group=first["fingerprint"])
    assert [row["id"] for row in found["items"]] == [first["id"]]


def test_pages_follow_each_other_without_a_gap_and_totals_stay(stack, operator):
    rows = park(
        stack,
        *(parked_row(state=state) for state in ["held", "waiting"] * 5),
        parked_row(state="discarded"),
    )
    seen, after = [], ""
    while after is not None:
        answer = operator.get("parked", limit=3, after=after)
        assert answer["totals"] == {"held": 5, "waiting": 5, "discarded": 1}
        seen += [row["id"] for row in answer["items"]]
        after = answer["next"]
    assert seen == [row["id"] for row in rows[:10]]
    assert [row["state"] for row in operator.get("parked", state="discarded")["items"]] == [
        "discarded"
    ]


def test_failures_that_differ_in_ids_numbers_and_quotes_are_one_group(stack, operator):
    first, last = ago(days=2), ago(days=1)
    alike = [
        "project 019ab3c1-7f00-7abc-8def-000000000001 has 3 of 'six' parts at 0xff",
        'project 019ab3c1-7f00-7abc-8def-000000000002 has 44 of "no" parts at 0x7',
    ]
    park(
        stack,
        parked_row(detail=alike[0], parked_at=last),
        parked_row(detail=alike[1], parked_at=first),
        parked_row(detail="project of nobody"),
        parked_row(detail=alike[0], handler="scoring.other"),
        parked_row(detail=alike[0], error="ValueError"),
        parked_row(detail=alike[0], state="handled"),
    )
    groups = operator.get("groups")["items"]
    assert [group["count"] for group in groups] == [2, 1, 1, 1]
    assert groups[0]["first_seen"] == first.isoformat()
    assert groups[0]["last_seen"] == last.isoformat()
    assert groups[0]["detail"] in alike
    found = operator.get("groups", handler="scoring.other")["items"]
    assert [(group["handler"], group["count"]) for group in found] == [("scoring.other", 1)]


def test_one_is_shown_with_bytes_headers_error_attempts_and_history(stack, operator, failed):
    shown = operator.get(f"parked/{failed}")
    assert '"programme":"bad"' in shown["body"]
    assert shown["headers"]["content_type"] == "application/cloudevents+json"
    assert (shown["error"], shown["detail"]) == ("RuntimeError", "no luck with bad")
    assert (shown["attempts"], shown["state"], shown["source"]) == (1, "waiting", "intake")
    assert operator.history(failed) == [("spine", "parked", "RuntimeError: no luck with bad")]
    assert operator.get("parked/nothing", status=404)["detail"].startswith("No parked event")


def test_a_retry_of_one_is_run_once_however_often_it_is_asked(stack, operator, failed):
    for _ in range(2):
        assert operator.post(f"parked/{failed}/retry")["state"] == "waiting"
    assert stack.retry_parked() == 1
    assert stack.effects() == ["bad"]
    assert operator.history(failed)[1:] == [
        ("operator:li", "retry asked", ""),
        ("spine", "handled", "on retry"),
    ]
    refusal = operator.post(f"parked/{failed}/retry", status=409)
    assert refusal["detail"] == f"Parked event {failed} is handled already."


def test_an_event_that_was_handled_meanwhile_is_settled_and_not_handled_again(stack, operator):
    stack.keeper.failing = {"bad"}
    (event,) = stack.publish("bad")
    with pytest.raises(AssertionError, match="no luck"):
        stack.settle()
    stack.keeper.failing = set()
    with stack.session("intake") as session:
        session.connection().exec_driver_sql("UPDATE outbox SET published_at = NULL")
    while stack.turn():
        pass
    assert stack.handled() == [event.id]
    (row,) = stack.parked_rows()
    operator.post(f"parked/{row.id}/retry")
    stack.retry_parked()
    assert stack.effects() == ["bad"]
    assert [row.state for row in stack.parked_rows()] == ["handled"]


def test_what_comes_again_while_it_is_parked_is_noted_and_parked_once(stack, operator, failed):
    stack.keeper.failing = {"bad"}
    with stack.session("intake") as session:
        session.connection().exec_driver_sql("UPDATE outbox SET published_at = NULL")
    while stack.turn():
        pass
    assert [row.id for row in stack.parked_rows()] == [failed]
    assert operator.history(failed)[1:] == [
        ("spine", "came again", "RuntimeError: no luck with bad")
    ]


def test_a_query_is_counted_first_and_then_decided_batch_by_batch(stack, operator, monkeypatch):
    monkeypatch.setattr(decisions, "BATCH", 4)
    rows = park(stack, *(parked_row() for _ in range(10)), parked_row(error="ValueError"))
    wanted = {"error": "RuntimeError", "reason": "no use"}
    counted = operator.post("discard", **wanted, count_only=True)
    assert counted == {"matching": 10, "changed": 0, "next": None}
    assert {row.state for row in stack.parked_rows()} == {"held"}
    told, after = [], ""
    while after is not None:
        answer = operator.post("discard", **wanted, after=after)
        told.append((answer["changed"], answer["matching"]))
        after = answer["next"]
    assert told == [(4, 6), (4, 2), (2, 0)]
    assert operator.get("parked", state="discarded")["totals"] == {"discarded": 10, "held": 1}
    assert operator.history(rows[0]["id"]) == [("operator:li", "discarded", "no use")]


def test_a_group_is_tried_again_and_what_is_on_its_way_is_not_asked_twice(stack, operator):
    rows = park(
        stack,
        *(parked_row(detail=f"no {number}") for number in range(3)),
        parked_row(detail="otherwise"),
    )
    group = rows[0]["fingerprint"]
    told = [operator.post("retry", group=group)["changed"] for _ in range(2)]
    assert told == [3, 0]
    assert len(operator.history(rows[0]["id"])) == 1
    assert stack.retry_parked() == 3
    assert sorted(row.attempts for row in stack.parked_rows()) == [1, 2, 2, 2]


def test_a_discarded_event_stays_and_can_be_taken_back(stack, operator, failed):
    operator.post(f"parked/{failed}/discard", reason="a test's own")
    assert stack.retry_parked() == 0
    assert stack.parked() == []
    operator.post(f"parked/{failed}/restore", reason="it was not")
    stack.make_due()
    assert stack.retry_parked() == 0
    operator.post(f"parked/{failed}/retry")
    assert stack.retry_parked() == 1
    assert stack.effects() == ["bad"]
    assert operator.history(failed)[1:] == [
        ("operator:li", "discarded", "a test's own"),
        ("operator:li", "restored", "it was not"),
        ("operator:li", "retry asked", ""),
        ("spine", "handled", "on retry"),
    ]


def test_what_is_taken_back_takes_back_no_other(stack, operator):
    stack.keeper.failing = {"bad", "worse"}
    stack.publish("bad", "worse")
    with pytest.raises(AssertionError, match="no luck with"):
        stack.settle()
    stack.keeper.failing = set()
    by_subject = {row.subject: row for row in stack.parked_rows()}
    operator.post("discard", reason="a test's own")
    operator.post(f"parked/{by_subject['bad'].id}/restore", reason="it was not")
    for row in by_subject.values():
        send(stack, row.body)
    stack.turn()
    assert stack.effects() == ["bad"]


@pytest.mark.parametrize("path", ["discard", "restore"])
def test_without_a_reason_nothing_is_discarded_or_restored(stack, operator, failed, path):
    for body in ({}, {"reason": "x"}):
        assert "reason" in operator.post(f"parked/{failed}/{path}", status=422, **body)["detail"]
        assert "reason" in operator.post(path, status=422, **body)["detail"]
    assert [row.state for row in stack.parked_rows()] == ["waiting"]


def test_an_event_whose_handler_is_gone_is_held_with_that_reason(stack, operator):
    (row,) = park(stack, parked_row(handler="scoring.was_renamed"))
    operator.post(f"parked/{row['id']}/retry")
    assert stack.retry_parked() == 1
    shown = operator.get(f"parked/{row['id']}")
    assert (shown["state"], shown["error"]) == ("held", "unknown-handler")
    assert shown["detail"].startswith("No handler is called scoring.was_renamed any more; point it")


def test_the_table_of_decisions_is_what_the_code_goes_by():
    told = {(state, decision): TO[decision] for decision in Decision for state in FROM[decision]}
    assert told == ALLOWED


@pytest.mark.parametrize(("state", "decision"), REFUSED)
def test_every_pair_outside_the_table_is_refused(stack, state, decision):
    settled_at = ago(hours=1) if state in (ParkedState.HANDLED, ParkedState.DISCARDED) else None
    (row,) = park(stack, parked_row(state=state, settled_at=settled_at))
    before = stack.parked_rows()
    with stack.session("scoring") as session:
        with pytest.raises(IllegalTransitionError, match=f"is {state} already"):
            decisions.decide_one(session, row["id"], decision, actor="operator:li", why="no")
        wanted = decisions.Wanted(subject="2020")
        assert decisions.decide(session, wanted, decision, actor="operator:li", why="no") == []
    assert stack.parked_rows() == before


def test_what_fails_again_while_a_query_goes_on_is_not_asked_for_again(
    stack, operator, monkeypatch
):
    monkeypatch.setattr(decisions, "BATCH", 2)
    park(stack, *(parked_row() for _ in range(5)))
    asked, after = 0, ""
    while after is not None:
        answer = operator.post("retry", after=after)
        asked, after = asked + answer["changed"], answer["next"]
        stack.retry_parked()
    assert asked == 5
    assert [row.attempts for row in stack.parked_rows()] == [2] * 5
