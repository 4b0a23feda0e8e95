"""Parked events under two hands at once: what is asked twice runs once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from deploy.local.process import wait_until
from shared.errors import IllegalTransitionError
from shared.spine.entrypoints import handlers_of
from shared.spine.parking import decisions
from shared.spine.parking.decisions import Decision, decide_one
from shared.spine.parking.retries import retry_next

SECONDS = 20


@pytest.fixture
def parked_id(real_stack):
    """One event that failed, parked; it would succeed by now."""
    real_stack.keeper.failing = {"bad"}
    real_stack.publish("bad")
    with pytest.raises(AssertionError, match="no luck with bad"):
        real_stack.settle()
    real_stack.keeper.failing = set()
    (row,) = real_stack.parked_rows()
    return row.id


def ask(stack, parked_id, operator):
    with stack.session("scoring") as session:
        decide_one(session, parked_id, Decision.RETRY, actor=operator, why="")


def history(stack):
    (row,) = stack.parked_rows()
    with stack.session("scoring") as session:
        return [(step["who"], step["what"]) for step in decisions.history(session, row.id)]


def test_two_replicas_that_retry_at_once_run_it_once(real_stack, parked_id):
    entered, go_on = threading.Event(), threading.Event()

    def block(_session):
        entered.set()
        go_on.wait(SECONDS)

    real_stack.keeper.surprises = {"bad": [block]}
    real_stack.make_due()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(real_stack.retry_parked)
        assert entered.wait(SECONDS)
        assert real_stack.retry_parked() == 0
        go_on.set()
        assert first.result() == 1
    assert real_stack.retry_parked() == 0
    assert real_stack.effects() == ["bad"]
    assert history(real_stack) == [("spine", "parked"), ("spine", "handled")]


def test_two_operators_who_ask_at_once_have_it_run_once(real_stack, parked_id):
    with ThreadPoolExecutor() as threads:
        with real_stack.session("scoring") as session:
            decide_one(session, parked_id, Decision.RETRY, actor="operator:li", why="")
            other = threads.submit(ask, real_stack, parked_id, "operator:wang")
            wait_until(lambda: real_stack.waits_for_lock("scoring"), SECONDS, "the other to wait")
        other.result()
    assert real_stack.retry_parked() == 1
    assert real_stack.effects() == ["bad"]
    assert history(real_stack) == [
        ("spine", "parked"),
        ("operator:li", "retry asked"),
        ("spine", "handled"),
    ]


def ask_while_it_runs(stack, parked_id):
    """Have it tried, and ask for a retry while it is; gives the outcomes of both."""
    entered, go_on = threading.Event(), threading.Event()

    def block(_session):
        entered.set()
        go_on.wait(SECONDS)

    stack.keeper.surprises = {"bad": [block]}
    stack.make_due()
    with ThreadPoolExecutor() as threads:
        running = threads.submit(
            retry_next, stack.runtime("scoring").database, handlers_of(stack.keeper), stack.clock
        )
        assert entered.wait(SECONDS)
        asked = threads.submit(ask, stack, parked_id, "operator:li")
        wait_until(lambda: stack.waits_for_lock("scoring"), SECONDS, "the operator to wait")
        go_on.set()
        return running.result(), asked.exception()


def test_what_an_operator_asks_while_a_try_fails_is_kept(real_stack, parked_id):
    real_stack.keeper.failing = {"bad"}
    tried, refused = ask_while_it_runs(real_stack, parked_id)
    assert (tried, refused) == (True, None)
    (row,) = real_stack.parked_rows()
    assert row.due_at <= datetime.now(UTC)
    real_stack.keeper.failing = set()
    assert real_stack.retry_parked() == 1
    assert real_stack.effects() == ["bad"]


def test_who_asks_while_it_runs_has_it_run_once(real_stack, parked_id):
    tried, refused = ask_while_it_runs(real_stack, parked_id)
    assert tried
    assert isinstance(refused, IllegalTransitionError)
    with pytest.raises(IllegalTransitionError, match="is handled already"):
        ask(real_stack, parked_id, "operator:li")
    assert real_stack.effects() == ["bad"]
    assert history(real_stack) == [("spine", "parked"), ("spine", "handled")]


def test_an_attempt_that_fails_on_both_hands_is_counted_once(real_stack, parked_id):
    real_stack.keeper.failing = {"bad"}
    real_stack.make_due()
    with ThreadPoolExecutor() as threads:
        tried = [threads.submit(real_stack.retry_parked) for _ in range(2)]
        assert sum(future.result() for future in tried) >= 1
    (row,) = real_stack.parked_rows()
    assert row.state == "waiting"
    assert row.attempts == 1 + sum(what == "attempt 2 failed" for _who, what in history(real_stack))
    assert real_stack.effects() == []
