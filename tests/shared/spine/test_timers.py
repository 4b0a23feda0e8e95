"""Timers: each due row in a savepoint of its own, and what fails costs only itself."""

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from structlog.testing import capture_logs

from shared.spine import timers
from shared.spine.timers import BATCH, each_due
from shared.telemetry import REGISTRY


class Base(DeclarativeBase):
    """The table of this test."""


class Alarm(Base):
    __tablename__ = "alarms"

    number: Mapped[int] = mapped_column(primary_key=True)
    rung: Mapped[str | None] = mapped_column(String, unique=True)


@pytest.fixture
def alarms(stack):
    """Rings every alarm that has not rung yet; gives a way to do so."""
    Base.metadata.create_all(stack.runtime("scoring").database.engine)

    def add(count):
        with stack.session("scoring") as session:
            session.add_all(Alarm(number=number) for number in range(count))

    def ring(act):
        due = select(Alarm).where(Alarm.rung.is_(None)).order_by(Alarm.number)
        with stack.session("scoring") as session:
            return each_due(session, due, act)

    def rung():
        with stack.session("scoring") as session:
            found = select(Alarm.number).where(Alarm.rung.is_not(None)).order_by(Alarm.number)
            return list(session.scalars(found))

    return add, ring, rung


def failures():
    labels = {"service": "scoring", "timer": "alarms"}
    return REGISTRY.get_sample_value("laurel_timer_failures_total", labels) or 0


def ring_good(bad):
    def act(alarm):
        if alarm.number in bad:
            raise RuntimeError(f"alarm {alarm.number} is broken")
        alarm.rung = str(alarm.number)

    return act


def test_a_batch_of_bad_rows_starves_no_good_one(alarms):
    add, ring, rung = alarms
    add(BATCH + 1)
    before = failures()
    assert ring(ring_good(range(BATCH))) == 1
    assert rung() == [BATCH]
    assert failures() == before + BATCH


def test_a_row_that_breaks_a_unique_key_costs_only_itself(alarms):
    add, ring, rung = alarms
    add(3)

    def act(alarm):
        alarm.rung = str(max(alarm.number, 1))

    assert ring(act) == 2
    assert rung() == [0, 2]


def test_what_a_row_raised_that_is_no_exception_costs_only_itself(alarms):
    add, ring, rung = alarms
    add(2)

    def act(alarm):
        if alarm.number == 0:
            raise SystemExit
        alarm.rung = "yes"

    assert ring(act) == 1
    assert rung() == [1]


def test_a_row_that_failed_is_tried_again_later_and_not_at_every_tick(alarms, monkeypatch):
    add, ring, rung = alarms
    add(1)
    tried, now = [], timers.time.monotonic()

    def act(alarm):
        tried.append(alarm.number)
        raise RuntimeError

    monkeypatch.setattr(timers.time, "monotonic", lambda: now)
    assert (ring(act), ring(act)) == (0, 0)
    assert tried == [0]
    monkeypatch.setattr(timers.time, "monotonic", lambda: now + 2)
    assert ring(ring_good(())) == 1
    assert rung() == [0]


def test_more_bad_rows_than_several_batches_starve_no_good_one(alarms):
    add, ring, rung = alarms
    add(2 * BATCH + 1)
    assert ring(ring_good(range(2 * BATCH))) == 1
    assert rung() == [2 * BATCH]


def test_a_tick_does_one_batch_of_good_rows(alarms):
    add, ring, rung = alarms
    add(BATCH + 1)
    assert ring(ring_good(())) == BATCH
    assert rung() == list(range(BATCH))


def fail(_alarm):
    raise RuntimeError("broken")


def test_each_failure_doubles_the_wait_and_a_success_ends_it(alarms, monkeypatch):
    """A wait is from half of so many seconds to the whole."""
    add, ring, rung = alarms
    add(1)
    now = [0.0]
    monkeypatch.setattr(timers.time, "monotonic", lambda: now[0])
    for longest in (1, 2, 4, 8):
        with capture_logs() as lines:
            ring(fail)
        assert [line["event"] for line in lines] == ["timer-row-failed"]
        now[0] += longest / 2 - 0.01
        assert ring(ring_good(())) == 0
        now[0] += longest / 2 + 0.02
    assert (lines[0]["row"], lines[0]["tries"]) == ((0,), 4)
    assert ring(lambda _alarm: None) == 1
    ring(fail)
    now[0] += 1.01
    assert ring(ring_good(())) == 1
    assert rung() == [0]


def test_what_another_replica_has_in_hand_is_passed_over(real_stack):
    Base.metadata.create_all(real_stack.runtime("scoring").database.engine)
    with real_stack.session("scoring") as session:
        session.add_all(Alarm(number=number) for number in range(2))
    due = select(Alarm).where(Alarm.rung.is_(None)).order_by(Alarm.number)
    with real_stack.session("scoring") as other:
        other.scalars(due.limit(1).with_for_update()).all()
        with real_stack.session("scoring") as session:
            assert each_due(session, due, ring_good(())) == 1
