"""Chinese working days: the State Council's yearly holidays and make-up days, never a guess."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone

import chinese_calendar

from shared.errors import UnknownYearError

CHINA = timezone(timedelta(hours=8), "UTC+8")  # one zone, no summer time since 1991


def is_working_day(day: date, overrides: Mapping[date, bool]) -> bool:
    """Whether offices work that day; `overrides` wins. Raises UnknownYearError."""
    if day in overrides:
        return overrides[day]
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise UnknownYearError(
            f"The holiday calendar does not know {day.year}. List the days from {day} on under "
            f"'workday_overrides' in the programme definition, for example '{day}: true', or "
            "update the chinesecalendar package.",
            year=day.year,
        ) from error


def add_working_days(start: date, days: int, overrides: Mapping[date, bool]) -> date:
    """The day on which the `days`-th working day after `start` falls; `start` is not counted.

    Raises UnknownYearError when a year is not known and the overrides do not cover it.
    """
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= is_working_day(day, overrides)
    return day


def china_date(instant: datetime) -> date:
    """The calendar day in China at that instant."""
    return instant.astimezone(CHINA).date()


def end_of_day(day: date) -> datetime:
    """The instant at which a calendar day in China is over."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)
