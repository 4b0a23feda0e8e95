"""The programme definition of one round: its values, and how they are read from plain data.

One definition for all services: published once by intake, kept whole by every consumer. The plain
data's schema is in shared/programme_schema.py; what is wrong with a YAML text, and where, is told
by shared/programme_lint.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from shared.programme_schema import DEFINITION


@dataclass(frozen=True)
class Direction:
    """One direction of the round's catalogue, in its class; `quota` places at most, or no limit."""

    number: int
    class_code: str
    name_zh: str
    name_en: str
    quota: int | None


@dataclass(frozen=True)
class Criterion:
    """One line of the rubric: scored from 0 to `maximum`, counted with `weight` (they sum to 1)."""

    key: str
    name_zh: str
    name_en: str
    weight: Decimal
    maximum: Decimal


@dataclass(frozen=True)
class InspectionPolicy:
    """How inspections are judged; scores are points of 100."""

    policy: str
    pass_score: Decimal
    warning_score: Decimal
    hard_gates: tuple[str, ...]
    rectification_days: int
    not_cooperating_fails: bool
    min_inspectors: int
    agency_cap_per_year: int
    rule_version: str
    citation_zh: str
    citation_en: str


@dataclass(frozen=True)
class Programme:
    """One round. Instants are aware; days are calendar days in China."""

    id: str
    name_zh: str
    name_en: str
    opens_at: datetime
    closes_at: datetime
    classes: Mapping[str, Mapping[str, str]]
    directions: Mapping[int, Direction]
    required_evidence: tuple[str, ...]
    unit_quotas: Mapping[str, int]
    total_quota: int
    experts_per_application: int
    rubric: tuple[Criterion, ...]
    publicity_working_days: int
    validity_years: int
    workday_overrides: Mapping[date, bool]
    inspection: InspectionPolicy

    @classmethod
    def parse(cls, definition: Mapping[str, Any]) -> "Programme":
        """Read a definition; raises marshmallow's ValidationError naming every wrong field."""
        return _parse(json.dumps(definition))

    def quota_of(self, unit_code: str, unit_kind: str) -> int:
        """How many applications a unit may recommend: its own line, else its kind's."""
        return self.unit_quotas.get(unit_code, self.unit_quotas.get(unit_kind, 0))


@lru_cache(maxsize=64)
def _parse(definition: str) -> Programme:
    loaded = DEFINITION.load(json.loads(definition))
    directions = {
        item["number"]: Direction(
            item["number"], item["class_code"], item["name_zh"], item["name_en"], item["quota"]
        )
        for item in loaded["directions"]
    }
    policy = InspectionPolicy(
        **loaded["inspection"] | {"hard_gates": tuple(loaded["inspection"]["hard_gates"])}
    )
    return Programme(
        id=loaded["id"],
        name_zh=loaded["name_zh"],
        name_en=loaded["name_en"],
        opens_at=loaded["submission"]["opens_at"],
        closes_at=loaded["submission"]["closes_at"],
        classes=loaded["classes"],
        directions=directions,
        required_evidence=tuple(loaded["required_evidence"]),
        unit_quotas=loaded["unit_quotas"],
        total_quota=loaded["total_quota"],
        experts_per_application=loaded["experts_per_application"],
        rubric=tuple(Criterion(**item) for item in loaded["rubric"]),
        publicity_working_days=loaded["publicity_working_days"],
        validity_years=loaded["validity_years"],
        workday_overrides=loaded["workday_overrides"],
        inspection=policy,
    )


def normalise(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as JSON values with every default filled in; raises ValidationError."""
    dumped: dict[str, Any] = DEFINITION.dump(DEFINITION.load(definition))
    return dumped
