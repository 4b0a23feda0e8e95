"""Whatever comes in or is raised costs its own event and nothing else, on both stacks."""

import json

import eventlet
import pytest
import sqlalchemy.event
from greenlet import GreenletExit

from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, UnencodableError, encode
from shared.spine.parking.decisions import Decision, decide_one
from tests.shared.spine.test_delivery import KEY, event, send

BEYOND = "ffffffff-ffff-7fff-bfff-ffffffffffff"  # a UUIDv7 of the year 10889


class PanicError(BaseException):
    """What an extension written in another language raises."""


class WordlessError(Exception):
    def __str__(self):
        raise ValueError("no words")


def spoiled(**attributes):
    """A good event's bytes with some attributes replaced."""
    return json.dumps(json.loads(encode(event("x"))) | attributes).encode()


def raising(error):
    def surprise(_session):
        raise error

    return [surprise]


def settle(stack):
    """Until nothing moves; what is parked is asked for afterwards."""
    while stack.turn():
        pass


KEPT_BY_NO_READER = [
    {"time": "0001-01-01T00:00:00+08:00"},
    {"time": "9999-12-31T23:59:59-08:00"},
    {"id": "a\0"},
    {"id": "i" * 65},
    {"subject": "s" * 200},
    {"type": "laurel.\ud800"},
    {"sequence": "9" * 5000},
    {"data": {"programme": "\ud800"}},
    {"correlationid": ["c"]},
]


def test_what_no_reader_can_keep_is_parked_with_its_bytes(stack):
    bodies = [spoiled(**attributes) for attributes in KEPT_BY_NO_READER]
    for body in bodies:
        send(stack, body)
    stack.publish("good")
    settle(stack)
    rows = stack.parked_rows()
    assert {(row.error, row.state) for row in rows} == {("undecodable", "held")}
    assert sorted(row.body for row in rows) == sorted(bodies)
    assert stack.effects() == ["good"]


def test_an_id_that_tells_no_possible_time_is_an_id(stack):
    send(stack, spoiled(id=BEYOND, subject="2020", data=event("2020").data))
    stack.settle()
    assert stack.effects() == ["2020"]
    assert stack.handled() == [BEYOND]


class SpeechlessError(Exception):
    def __str__(self):
        raise PanicError("no words")


RAISED = {
    "speechless": (SpeechlessError(), "(no words: PanicError)"),
    "killed": (GreenletExit(), "GreenletExit: "),
    "interrupted": (KeyboardInterrupt(), "KeyboardInterrupt: "),
    "value": (RuntimeError("bad \0 value"), "bad \\x00 value"),
    "half": (RuntimeError("half \ud800"), "half \\ud800"),
    "wordless": (WordlessError(), "(no words: ValueError)"),
    "late": (eventlet.Timeout(30, False), "Timeout: "),
    "ending": (SystemExit(3), "SystemExit: 3"),
    "panic": (PanicError("index out of bounds"), "PanicError: index out of bounds"),
}


def test_whatever_a_handler_raises_costs_its_own_event(stack):
    stack.keeper.surprises = {name: raising(error) for name, (error, _words) in RAISED.items()}
    stack.publish("first", *RAISED, "last")
    settle(stack)
    rows = {row.subject: row for row in stack.parked_rows()}
    assert {row.state for row in rows.values()} == {"waiting"}
    assert set(rows) == set(RAISED)
    for name, (_error, words) in RAISED.items():
        assert rows[name].detail.startswith(words)
    assert stack.effects() == ["first", "last"]
    stack.make_due()
    stack.retry_parked()
    assert stack.effects() == sorted(["first", *RAISED, "last"])


def test_a_retry_that_raises_the_unspeakable_holds_up_no_other(stack):
    stack.keeper.surprises = {
        name: [*raising(RuntimeError("\0")), *raising(PanicError("\0"))] for name in ("one", "two")
    }
    stack.publish("one", "two")
    settle(stack)
    stack.make_due()
    assert stack.retry_parked() == 2
    assert [row.attempts for row in stack.parked_rows()] == [2, 2]
    stack.make_due()
    stack.retry_parked()
    assert stack.effects() == ["one", "two"]


UNREADABLE = [
    ({"a": float("nan")}, "Out of range float values are not JSON compliant"),
    ({"a": float("inf")}, "Out of range float values are not JSON compliant"),
    ({"a": "\0"}, "holds NUL or half of a surrogate pair"),
    ({"a": "x" * 1_100_000}, "bytes; at most 1048576 are read"),
]


def test_what_every_reader_would_refuse_is_not_recorded(stack):
    for definition, words in UNREADABLE:
        with pytest.raises(UnencodableError, match=words), stack.session("intake") as session:
            stack.record(session, "2020", definition=definition)
    assert stack.unpublished() == []


def test_what_is_hidden_in_a_tuple_is_seen_and_no_event_is_numbered_below_1(stack):
    deep = ()
    for _ in range(40):
        deep = (deep,)
    for definition, words in (({"a": deep}, "nested deeper"), ({"a": ("x\0",)}, "holds NUL")):
        with pytest.raises(UnencodableError, match=words), stack.session("intake") as session:
            stack.record(session, "2020", definition=definition)
    with pytest.raises(UnencodableError, match="'-1' is not a whole number from 1"):
        encode(event("2020", sequence=-1))
    assert stack.unpublished() == []


def test_of_several_bodies_under_one_id_the_first_acts_and_each_other_is_held(stack):
    first = event("p0")
    bodies = [encode(event(name, first.id)) for name in ("p0", "p1", "p2")]
    for body in bodies:
        send(stack, body)
    settle(stack)
    send(stack, bodies[0])
    settle(stack)
    assert stack.effects() == ["p0"]
    rows = stack.parked_rows()
    assert [(row.body, row.error) for row in rows] == [(b, "duplicate-id") for b in bodies[1:]]


def test_a_number_that_no_writer_can_give_back_is_no_json(stack):
    body = spoiled(data={"programme": "x", "edition": 1, "definition": {"a": 1e99}, "units": []})
    send(stack, body.replace(b"1e+99", b"1e999"))
    settle(stack)
    (row,) = stack.parked_rows()
    assert row.error == "undecodable"


@pytest.mark.parametrize(
    "body", [spoiled(data={"nothing": 1}), b"garbage"], ids=["schema", "bytes"]
)
def test_what_cannot_be_read_stays_discarded_however_often_it_comes(stack, body):
    def come():
        publisher = stack.broker.publisher()
        publisher.publish([Message(*KEY, body, "no id of ours", CONTENT_TYPE)])
        publisher.close()
        settle(stack)

    for _ in range(3):
        come()
    (row,) = stack.parked_rows()
    decide(stack, Decision.DISCARD)
    come()
    assert [(one.id, one.state) for one in stack.parked_rows()] == [(row.id, "discarded")]


def test_what_is_nested_deeper_than_readers_go_is_not_recorded(stack):
    deep = {}
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(UnencodableError, match="nested deeper"), stack.session("intake") as session:
        stack.record(session, "2020", definition=deep)


def decide(stack, decision):
    (row,) = stack.parked_rows()
    with stack.session("scoring") as session:
        decide_one(session, row.id, decision, actor="operator:li", why="so")


def test_a_discarded_event_has_no_effect_however_often_it_comes(stack):
    bad = event("bad")
    stack.keeper.failing = {"bad"}
    send(stack, encode(bad))
    settle(stack)
    decide(stack, Decision.DISCARD)
    stack.keeper.failing = set()
    send(stack, encode(bad))
    settle(stack)
    assert stack.effects() == []
    assert [row.state for row in stack.parked_rows()] == ["discarded"]


def test_what_was_discarded_and_restored_can_be_handled_once(stack):
    bad = event("bad")
    stack.keeper.failing = {"bad"}
    send(stack, encode(bad))
    settle(stack)
    stack.keeper.failing = set()
    for decision in (Decision.DISCARD, Decision.RESTORE, Decision.RETRY):
        decide(stack, decision)
    stack.retry_parked()
    send(stack, encode(bad))
    settle(stack)
    assert stack.effects() == ["bad"]


def test_what_was_handled_meanwhile_is_not_done_again_after_discard_and_restore(stack):
    bad = event("bad")
    stack.keeper.failing = {"bad"}
    send(stack, encode(bad))
    settle(stack)
    stack.keeper.failing = set()
    send(stack, encode(bad))
    settle(stack)
    for decision in (Decision.DISCARD, Decision.RESTORE, Decision.RETRY):
        decide(stack, decision)
    stack.retry_parked()
    assert stack.effects() == ["bad"]


def test_what_was_sent_keeps_its_content_type(stack):
    send(stack, encode(event("x")), f"{CONTENT_TYPE}; charset=utf-8")
    stack.settle()
    assert stack.effects() == ["x"]


def test_whatever_is_raised_while_a_window_is_out_throws_its_channel_away(stack):
    """Else a refusal of the next window would be counted for one of this."""
    (relay,) = [one for one in stack.relays() if one.lane == "outbox"]
    stack.publish("first")
    engine = stack.runtime("intake").database.engine

    def panic(_connection, _cursor, statement, *_more):
        if statement.startswith("UPDATE outbox"):
            raise PanicError("in the middle")

    sqlalchemy.event.listen(engine, "before_cursor_execute", panic)
    with pytest.raises(PanicError):
        relay.publish_window()
    sqlalchemy.event.remove(engine, "before_cursor_execute", panic)
    assert relay._publisher is None
    assert stack.unpublished() == ["first"]
    settle(stack)
    assert (stack.unpublished(), stack.effects()) == ([], ["first"])
