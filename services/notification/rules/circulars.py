"""Circulars: their kinds, and numbers that have no gaps within a year."""

from datetime import datetime
from enum import StrEnum

from shared.workdays import china_date


class CircularKind(StrEnum):
    """What a circular makes known."""

    REVOCATION = "revocation"
    REINSTATEMENT = "reinstatement"


def year_of(published_at: datetime) -> int:
    """The year that a circular is numbered in: China's."""
    return china_date(published_at).year


def number_of(year: int, serial: int) -> str:
    """The number as it stands in addresses and events, such as LAUREL-2021-0003."""
    return f"LAUREL-{year}-{serial:04d}"
