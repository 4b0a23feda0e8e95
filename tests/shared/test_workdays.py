"""Real days as the State Council published them, and what the calendar does not know."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UnknownYearError
from shared.workdays import add_working_days, china_date, end_of_day, is_working_day

KNOWN = st.dates(date(2018, 1, 1), date(2024, 12, 1))


def day(text):
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("2020-09-27", True),  # a Sunday worked for the National Day of 2020
        ("2020-10-01", False),  # Mid-Autumn and National Day together
        ("2020-10-08", False),
        ("2020-10-09", True),
        ("2020-10-10", True),  # a Saturday worked for the National Day
        ("2020-10-11", False),
        ("2020-01-31", False),  # the Spring Festival, prolonged to 2 February in that year
        ("2020-02-01", False),
        ("2020-02-03", True),
        ("2021-02-07", True),  # a Sunday worked for the Spring Festival of 2021
        ("2021-02-17", False),
        ("2021-02-20", True),  # a Saturday worked for it
        ("2022-10-08", True),  # a Saturday worked for the National Day of 2022
        ("2022-10-09", True),  # and the Sunday after it
        ("2023-10-06", False),
        ("2023-10-07", True),
        ("2020-10-12", True),
        ("2020-10-17", False),
    ],
)
def test_working_days_are_those_of_the_state_councils_notices(text, works):
    assert is_working_day(day(text), {}) is works


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2020-09-29", 5, "2020-10-13"),
        ("2020-09-30", 1, "2020-10-09"),
        ("2020-09-30", 2, "2020-10-10"),
        ("2020-10-12", 5, "2020-10-19"),
        ("2020-10-16", 1, "2020-10-19"),
        ("2020-12-31", 1, "2021-01-04"),
        ("2020-10-12", 0, "2020-10-12"),
    ],
)
def test_the_first_day_is_not_counted_and_the_last_one_is(start, days, last):
    assert add_working_days(day(start), days, {}) == day(last)


@given(KNOWN, st.integers(1, 20))
def test_exactly_as_many_working_days_lie_after_the_start_and_the_last_is_one(start, days):
    last = add_working_days(start, days, {})
    between = [start + timedelta(days=n) for n in range(1, (last - start).days + 1)]
    assert sum(is_working_day(one, {}) for one in between) == days
    assert is_working_day(last, {})


@given(KNOWN, st.integers(1, 9), st.integers(1, 9))
def test_days_add_up(start, first, second):
    halfway = add_working_days(start, first, {})
    assert add_working_days(halfway, second, {}) == add_working_days(start, first + second, {})


@given(KNOWN, st.booleans())
def test_an_override_wins_over_the_calendar(start, works):
    assert is_working_day(start, {start: works}) is works


@pytest.mark.parametrize("year", [1999, 2090])
def test_a_year_that_the_calendar_does_not_know_is_never_guessed(year):
    with pytest.raises(UnknownYearError) as refusal:
        is_working_day(date(year, 3, 1), {})
    assert refusal.value.slug == "unknown-calendar-year"
    assert refusal.value.extra == {"year": year}
    assert f"'{year}-03-01: true'" in refusal.value.detail
    assert "'workday_overrides'" in refusal.value.detail


def test_an_unknown_year_is_bridged_by_overrides_and_by_nothing_less():
    start = day("2090-12-29")
    overrides = {day("2090-12-30"): True, day("2090-12-31"): False, day("2091-01-01"): False}
    with pytest.raises(UnknownYearError) as refusal:
        add_working_days(start, 2, overrides)
    assert "'2091-01-02: true'" in refusal.value.detail
    overrides[day("2091-01-02")] = True
    assert add_working_days(start, 2, overrides) == day("2091-01-02")


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2020-10-19T15:59:59.999999+00:00", "2020-10-19"),
        ("2020-10-19T16:00:00+00:00", "2020-10-20"),
        ("2020-10-19T00:00:00+08:00", "2020-10-19"),
        ("2020-10-19T23:00:00-05:00", "2020-10-20"),
    ],
)
def test_the_day_is_the_day_in_china(instant, expected):
    assert china_date(datetime.fromisoformat(instant)) == day(expected)


def test_a_day_in_china_ends_at_16_hours_utc():
    assert end_of_day(day("2020-10-19")) == datetime(2020, 10, 19, 16, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000))
def test_every_instant_lies_before_the_end_of_its_own_day(second):
    instant = datetime.fromtimestamp(second, UTC)
    assert instant < end_of_day(china_date(instant)) <= instant + timedelta(days=1)
