"""The programme definition of one round: its values, and how they are read from plain data.

One definition for all services: published once by intake, kept whole by every consumer. What is
wrong with a YAML text, and where, is told by shared/programme_lint.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

IMMEDIATE, RECTIFY = "immediate", "rectify"
UNIT_KINDS = ("province", "planning_city", "corps", "central_enterprise")


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
        loaded = DEFINITION.load(definition)
        directions = {
            item["number"]: Direction(
                item["number"], item["class_code"], item["name_zh"], item["name_en"], item["quota"]
            )
            for item in loaded["directions"]
        }
        policy = InspectionPolicy(
            **loaded["inspection"] | {"hard_gates": tuple(loaded["inspection"]["hard_gates"])}
        )
        return cls(
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

    def quota_of(self, unit_code: str, unit_kind: str) -> int:
        """How many applications a unit may recommend: its own line, else its kind's."""
        return self.unit_quotas.get(unit_code, self.unit_quotas.get(unit_kind, 0))


POSITIVE = validate.Range(min=1, error="must be 1 or more")
POINTS = validate.Range(min=Decimal(0), max=Decimal(100), error="must be from 0 to 100")
TEXT = validate.Length(min=1, error="must not be empty")


class _Submission(Schema):
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["opens_at"] >= data["closes_at"]:
            raise ValidationError("must be after opens_at", "closes_at")


class _Class(Schema):
    name_zh = fields.String(required=True, validate=TEXT)
    name_en = fields.String(required=True, validate=TEXT)


class _Direction(Schema):
    number = fields.Integer(required=True, strict=True, validate=POSITIVE)
    class_code = fields.String(required=True, data_key="class")
    name_zh = fields.String(required=True, validate=TEXT)
    name_en = fields.String(required=True, validate=TEXT)
    quota = fields.Integer(load_default=None, allow_none=True, strict=True, validate=POSITIVE)


class _Criterion(Schema):
    key = fields.String(required=True, validate=TEXT)
    name_zh = fields.String(required=True, validate=TEXT)
    name_en = fields.String(required=True, validate=TEXT)
    weight = fields.Decimal(required=True, as_string=True)
    maximum = fields.Decimal(required=True, as_string=True, data_key="max")


class _Inspection(Schema):
    policy = fields.String(required=True, validate=validate.OneOf((IMMEDIATE, RECTIFY)))
    pass_score = fields.Decimal(required=True, as_string=True, validate=POINTS)
    warning_score = fields.Decimal(required=True, as_string=True, validate=POINTS)
    hard_gates = fields.List(fields.String(validate=TEXT), load_default=list)
    rectification_days = fields.Integer(required=True, strict=True, validate=POSITIVE)
    not_cooperating_fails = fields.Boolean(load_default=True)
    min_inspectors = fields.Integer(load_default=2, strict=True, validate=validate.Range(min=2))
    agency_cap_per_year = fields.Integer(load_default=15, strict=True, validate=POSITIVE)
    rule_version = fields.String(required=True, validate=TEXT)
    citation_zh = fields.String(required=True, validate=TEXT)
    citation_en = fields.String(required=True, validate=TEXT)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["warning_score"] > data["pass_score"]:
            raise ValidationError("must not be above pass_score", "warning_score")


class Definition(Schema):
    """The definition as plain data: what YAML files hold and programme.published carries."""

    id = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9]{1,20}\Z"))
    name_zh = fields.String(required=True, validate=TEXT)
    name_en = fields.String(required=True, validate=TEXT)
    submission = fields.Nested(_Submission, required=True)
    classes = fields.Dict(keys=fields.String(), values=fields.Nested(_Class), required=True)
    directions = fields.List(fields.Nested(_Direction), required=True, validate=TEXT)
    required_evidence = fields.List(fields.String(validate=TEXT), required=True)
    unit_quotas = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(strict=True, validate=validate.Range(min=0)),
        required=True,
    )
    total_quota = fields.Integer(required=True, strict=True, validate=POSITIVE)
    experts_per_application = fields.Integer(required=True, strict=True, validate=POSITIVE)
    rubric = fields.List(fields.Nested(_Criterion), required=True, validate=TEXT)
    publicity_working_days = fields.Integer(required=True, strict=True, validate=POSITIVE)
    validity_years = fields.Integer(required=True, strict=True, validate=POSITIVE)
    workday_overrides = fields.Dict(keys=fields.Date(), values=fields.Boolean(), load_default=dict)
    inspection = fields.Nested(_Inspection, required=True)

    @validates_schema
    def _hang_together(self, data: dict[str, Any], **_: Any) -> None:
        wrong: dict[str, str] = {}
        if sum(item["weight"] for item in data["rubric"]) != 1:
            wrong["rubric"] = "the weights must sum to exactly 1"
        numbers = [item["number"] for item in data["directions"]]
        if len(set(numbers)) < len(numbers):
            wrong["directions"] = "every number must be there once"
        for item in data["directions"]:
            if item["class_code"] not in data["classes"]:
                wrong["directions"] = f"class {item['class_code']!r} is not among the classes"
        if wrong:
            raise ValidationError({name: [message] for name, message in wrong.items()})


DEFINITION = Definition()


def normalise(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as JSON values with every default filled in; raises ValidationError."""
    dumped: dict[str, Any] = DEFINITION.dump(DEFINITION.load(definition))
    return dumped
