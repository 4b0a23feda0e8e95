"""What `record` promises a command: events share the fate of what they tell."""

from contextlib import suppress


class FallenError(Exception):
    pass


def test_an_event_recorded_before_a_savepoint_outlives_its_rollback(stack):
    with stack.session("intake") as session:
        stack.record(session, "before")
        with suppress(FallenError), session.begin_nested():
            stack.record(session, "inside")
            raise FallenError
        stack.record(session, "after")
    assert stack.unpublished() == ["before", "after"]


def test_an_event_of_a_savepoint_that_held_is_kept(stack):
    with stack.session("intake") as session, session.begin_nested():
        stack.record(session, "outer")
        with session.begin_nested():
            stack.record(session, "inner")
    assert stack.unpublished() == ["outer", "inner"]


def test_an_inner_savepoint_that_fails_takes_only_its_own(stack):
    with stack.session("intake") as session, session.begin_nested():
        stack.record(session, "outer")
        with suppress(FallenError), session.begin_nested():
            stack.record(session, "inner")
            raise FallenError
    assert stack.unpublished() == ["outer"]


def test_nothing_of_a_transaction_that_fails_is_kept(stack):
    with suppress(FallenError), stack.session("intake") as session:
        stack.record(session, "outer")
        with session.begin_nested():
            stack.record(session, "inner")
        raise FallenError
    assert stack.unpublished() == []
