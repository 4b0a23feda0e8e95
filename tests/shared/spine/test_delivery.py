"""The delivery suite: the same promises on memory + SQLite and on RabbitMQ + PostgreSQL."""

import json
from datetime import UTC, datetime

import pytest

from shared.errors import IllegalTransitionError, NotFoundError
from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, Event, encode, new_id
from shared.spine.parking.decisions import Decision, decide_one, history
from shared.spine.relay import republish_all

KEY = ("intake.events", "programme.published")


def send(stack, body, content_type=CONTENT_TYPE):
    publisher = stack.broker.publisher()
    outcome = publisher.publish([Message(*KEY, body, new_id(), content_type, {"x": "1"})])
    publisher.close()
    assert outcome.failure is None


def event(name, event_id=None, **changes):
    values = {
        "id": event_id or new_id(),
        "source": "/laurel/intake",
        "type": "programme.published",
        "subject": name,
        "time": datetime(2020, 10, 12, tzinfo=UTC),
        "sequence": 1,
        "correlation_id": "c",
        "causation_id": None,
        "traceparent": None,
        "data": {"programme": name, "edition": 1, "definition": {}, "units": []},
    }
    return Event(**(values | changes))


def test_an_event_recorded_in_a_transaction_reaches_its_handler_once(stack):
    stack.publish("2020", "2021")
    stack.settle()
    assert stack.effects() == ["2020", "2021"]
    assert stack.unpublished() == []
    assert len(stack.handled()) == 2


def test_an_event_published_twice_has_one_effect(stack):
    stack.publish("2020")
    stack.settle()
    assert republish_all(stack.runtime("intake").database) == 1
    stack.settle()
    assert stack.effects() == ["2020"]


def test_the_same_event_twice_in_one_batch_has_one_effect(stack):
    body = encode(event("2020"))
    send(stack, body)
    send(stack, body)
    stack.settle()
    assert stack.effects() == ["2020"]


def test_a_bad_event_costs_only_itself(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("2020", "bad", "2021")
    with pytest.raises(AssertionError, match="no luck with bad"):
        stack.settle()
    assert stack.effects() == ["2020", "2021"]
    (row,) = stack.parked_rows()
    assert (row.subject, row.error, row.attempts, row.state) == (
        "bad",
        "RuntimeError",
        1,
        "waiting",
    )
    assert json.loads(row.body)["data"]["programme"] == "bad"


def test_a_parked_event_is_handled_once_its_handler_can(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError):
        stack.settle()
    stack.keeper.failing = set()
    stack.make_due()
    assert stack.retry_parked() == 1
    assert stack.effects() == ["bad"]
    (row,) = stack.parked_rows()
    assert row.state == "handled"
    assert stack.retry_parked() == 0


def test_attempts_are_counted_in_the_database_until_an_operator_must_decide(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError):
        stack.settle()
    for _ in range(stack.settings.parked_attempts):
        stack.make_due()
        stack.retry_parked()
    (row,) = stack.parked_rows()
    assert (row.state, row.attempts) == ("held", stack.settings.parked_attempts)
    assert stack.effects() == []


NOT_UNDERSTOOD = [
    (b"\xff\xfe\x00", CONTENT_TYPE, "undecodable"),
    (b"{}", "text/plain", "undecodable"),
    (encode(event("x")).decode().encode("utf-16"), CONTENT_TYPE, "undecodable"),
    (b'{"a": 1}', CONTENT_TYPE, "undecodable"),
    (b"[" * 5000 + b"]" * 5000, CONTENT_TYPE, "undecodable"),
    (b'{"specversion":"1.0","a":' + b"[" * 40 + b"]" * 40 + b"}", CONTENT_TYPE, "undecodable"),
    (b" " * 1_100_000, CONTENT_TYPE, "undecodable"),
    (encode(event("x", type="programme.dreamt")), CONTENT_TYPE, "unknown-version"),
    (encode(event("x", version=9)), CONTENT_TYPE, "unknown-version"),
    (encode(event("x", source="/laurel/scoring")), CONTENT_TYPE, "unknown-version"),
    (encode(event("x", data={"programme": 3})), CONTENT_TYPE, "schema"),
    (encode(event("x")).replace(b'"id":"', b'"di":"'), CONTENT_TYPE, "undecodable"),
    (encode(event("x")).replace(b'"id":"', b'"id":"\\ud800'), CONTENT_TYPE, "undecodable"),
]


def test_what_cannot_be_understood_is_held_with_its_bytes(stack):
    for body, content_type, _error in NOT_UNDERSTOOD:
        send(stack, body, content_type)
    stack.publish("good")
    with pytest.raises(AssertionError):
        stack.settle()
    rows = stack.parked_rows()
    assert {row.state for row in rows} == {"held"}
    assert [row.headers["headers"] for row in rows] == [{"x": "1"}] * len(NOT_UNDERSTOOD)
    held = [(row.body, row.headers["content_type"], row.error) for row in rows]
    assert sorted(held) == sorted(NOT_UNDERSTOOD)
    assert stack.effects() == ["good"]


def test_an_id_that_comes_again_with_another_body_is_held(stack):
    first = event("2020")
    send(stack, encode(first))
    stack.settle()
    send(stack, encode(event("2021", first.id)))
    with pytest.raises(AssertionError, match="duplicate-id"):
        stack.settle()
    assert stack.effects() == ["2020"]


def test_an_operator_retries_and_asking_twice_is_asking_once(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError):
        stack.settle()
    (row,) = stack.parked_rows()
    stack.keeper.failing = set()
    for _ in range(2):
        with stack.session("scoring") as session:
            decide_one(session, row.id, Decision.RETRY, actor="operator:li", why="")
    assert stack.retry_parked() == 1
    assert stack.effects() == ["bad"]
    with pytest.raises(IllegalTransitionError), stack.session("scoring") as session:
        decide_one(session, row.id, Decision.RETRY, actor="operator:li", why="")


def test_a_discarded_event_stays_with_who_and_why(stack):
    send(stack, b"junk")
    with pytest.raises(AssertionError):
        stack.settle()
    (row,) = stack.parked_rows()
    with stack.session("scoring") as session:
        why = "a test of the network"
        decide_one(session, row.id, Decision.DISCARD, actor="operator:li", why=why)
    stack.settle()
    (row,) = stack.parked_rows()
    assert row.state == "discarded"
    with stack.session("scoring") as session:
        last = history(session, row.id)[-1]
    assert (last["who"], last["what"], last["why"]) == ("operator:li", "discarded", why)


def test_an_unknown_parked_id_is_an_error_that_names_it(stack):
    with pytest.raises(NotFoundError, match="nope"), stack.session("scoring") as session:
        decide_one(session, "nope", Decision.DISCARD, actor="operator:li", why="r")


def test_a_batch_is_larger_than_one_window_and_nothing_is_left(stack):
    names = [f"p{number:04d}" for number in range(1203)]
    stack.publish(*names)
    stack.settle()
    assert stack.effects() == names
