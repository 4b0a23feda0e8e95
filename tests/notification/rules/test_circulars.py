"""Numbers of circulars: by China's year, without gaps, in one form."""

from datetime import UTC, datetime

import pytest

from services.notification.rules.circulars import number_of, year_of


@pytest.mark.parametrize(
    ("instant", "year"),
    [
        (datetime(2020, 12, 31, 15, 59, 59, tzinfo=UTC), 2020),
        (datetime(2020, 12, 31, 16, 0, tzinfo=UTC), 2021),
        (datetime(2021, 12, 31, 15, 59, 59, tzinfo=UTC), 2021),
    ],
)
def test_the_year_begins_when_it_begins_in_china(instant, year):
    assert year_of(instant) == year


def test_a_number_sorts_by_year_and_serial():
    numbers = [number_of(2020, 9999), number_of(2021, 1), number_of(2021, 12)]
    assert numbers == ["LAUREL-2020-9999", "LAUREL-2021-0001", "LAUREL-2021-0012"]
    assert sorted(numbers) == numbers
