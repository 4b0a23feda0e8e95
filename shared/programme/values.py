"""The programme definition of one round, as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

IMMEDIATE, RECTIFY = "immediate", "rectify"
UNIT_CODE = re.compile("[A-Z][A-Z0-9]{0,15}")


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
    """How inspections are judged; scores are points of 100, rates are per cent.

    A finding's key is a hard gate or one of `finding_keys`; without any of these, it is free.
    """

    policy: str
    pass_score: Decimal
    warning_score: Decimal
    hard_gates: tuple[str, ...]
    finding_keys: tuple[str, ...]
    rectification_days: int
    not_cooperating_fails: bool
    least_returned: int
    least_return_rate: Decimal
    min_inspectors: int
    draw_notice_working_days: int
    draw_within_days: int
    hearing_working_days: int
    agency_cap_per_year: int
    rule_version: str
    citation_zh: str
    citation_en: str
    key_names: Mapping[str, Mapping[str, str]]

    def named(self, key: str) -> tuple[str, str]:
        """What a finding is about as the public reads it, in Chinese and English."""
        if name := self.key_names.get(key):
            return f"{name['name_zh']}（{key}）", f"{name['name_en']} ({key})"
        return key, key

    @property
    def is_immediate(self) -> bool:
        """Whether a failure revokes at once, without rectification first."""
        return self.policy == IMMEDIATE


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
    correction_days: int
    rubric: tuple[Criterion, ...]
    publicity_working_days: int
    validity_years: int
    workday_overrides: Mapping[date, bool]
    inspection: InspectionPolicy

    def quota_of(self, unit_code: str, unit_kind: str) -> int:
        """How many applications a unit may recommend: its own line, else its kind's."""
        return self.unit_quotas.get(unit_code, self.unit_quotas.get(unit_kind, 0))
