"""Names that the round's definition gives to codes: directions and recommending units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from services.notification import queries
from services.notification.models.proceedings import Programme


@dataclass(frozen=True)
class Names:
    """What codes are called in one language; an unknown code is shown as it is."""

    rounds: Sequence[tuple[str, str]]
    units: Mapping[str, str]
    _directions: Mapping[tuple[str, int], str]

    def direction(self, programme: str, number: int) -> str:
        """A direction of one round."""
        return self._directions.get((programme, number), str(number))

    def unit(self, code: str) -> str:
        """A recommending unit."""
        return self.units.get(code, code)

    def directions(self) -> list[tuple[int, str]]:
        """All directions, by number, as the newest round that has them calls them."""
        newest: dict[int, str] = {}
        for (_programme, number), name in self._directions.items():
            newest.setdefault(number, name)
        return sorted(newest.items())


def names(session: Session, language: str) -> Names:
    """The names of all rounds, newest first."""
    rounds = queries.programmes(session)
    field = f"name_{language}"
    return Names(
        rounds=[(row.id, row.definition[field]) for row in rounds],
        units={unit["code"]: unit[field] for row in reversed(rounds) for unit in row.units},
        _directions={
            (row.id, direction["number"]): direction[field]
            for row in rounds
            for direction in _directions(row)
        },
    )


def _directions(row: Programme) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = row.definition["directions"]
    return found
