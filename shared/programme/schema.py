"""The programme definition as plain data: which fields it has, and what each may hold."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.lines import SHORT, TEXT, Says, Text
from shared.programme.values import IMMEDIATE, RECTIFY, UNIT_CODE

UNIT_KINDS = ("province", "planning_city", "corps", "central_enterprise")
COUNT = validate.Range(1, 100_000, error="must be from 1 to 100000")
LIKE = 0.8  # of 1: a kind of unit misspelt, which is no code of a unit
WRITTEN_OUT = 40  # digits; a decimal of more is one that no page shows
DAYS = validate.Range(1, 1000, error="must be from 1 to 1000")
WAIT = validate.Range(0, 1000, error="must be from 0 to 1000")
YEARS = validate.Range(1, 100, error="must be from 1 to 100")
INSPECTORS = validate.Range(2, 20, error="must be from 2 to 20")
ITEMS = validate.Length(1, 100, error="must have 1 to 100 items")


class Points(validate.Range):
    """Points or a percentage, written out: exact arithmetic with `1e-99999999` would never end."""

    def __init__(self, places: int) -> None:
        words = f"must be from 0 to 100, with at most {places} decimal places"
        super().__init__(Decimal(0), Decimal(100), error=words)
        self._places = places

    def __call__(self, value: Any) -> Any:
        """The value; raises ValidationError."""
        super().__call__(value)
        _sign, digits, exponent = value.as_tuple()
        fitting = max(len(digits) + int(exponent) + self._places, 0)
        if abs(int(exponent)) > WRITTEN_OUT or any(digits[fitting:]):
            raise ValidationError(self._format_error(value, self.message_max))
        return value


POINTS = Points(6)


VERSION = Says(1, 40)
KEY = validate.Regexp(
    r"[A-Za-z][A-Za-z0-9_-]{0,59}\Z",
    error="must be 1 to 60 letters, digits, - or _, first a letter",
)


def _positive(most: int, places: int) -> Callable[[Decimal], None]:
    def check(value: Decimal) -> None:
        if not 0 < value <= most or -int(value.as_tuple().exponent) > places:
            raise ValidationError(
                f"must be above 0, at most {most}, with at most {places} decimal places"
            )

    return check


def _unit(value: str) -> None:
    meant = difflib.get_close_matches(value.casefold(), UNIT_KINDS, 1, LIKE)
    is_code = UNIT_CODE.fullmatch(value) and not meant
    if not (value in UNIT_KINDS or is_code):
        raise ValidationError(f"must be {', '.join(UNIT_KINDS)} or the code of a unit")


def _bare(key: str) -> str:
    """A key without what is easily mistyped: two keys that are plainly one are too alike."""
    return "".join(filter(str.isalnum, key.casefold()))


def _repeated(items: Sequence[Mapping[str, Any]], name: str) -> dict[int, Any]:
    """A complaint for each item whose value of that name an earlier one has already."""
    values = [item[name] for item in items]
    return {
        index: {name: [f"{value} is there already"]}
        for index, value in enumerate(values)
        if value in values[:index]
    }


def _each_once(values: Sequence[str]) -> None:
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ValidationError(f"names twice: {', '.join(twice)}")


def _of_these_days(instant: datetime) -> None:
    if not 1990 <= instant.year < 2200:  # noqa: PLR2004 - years of awards, and of calendars
        raise ValidationError("must lie between 1990 and 2200")


class _Submission(Schema):
    opens_at = fields.AwareDateTime(required=True, validate=_of_these_days)
    closes_at = fields.AwareDateTime(required=True, validate=_of_these_days)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["opens_at"] >= data["closes_at"]:
            raise ValidationError("must be after opens_at", "closes_at")


class _Named(Schema):
    name_zh = Text(TEXT, required=True)
    name_en = Text(TEXT, required=True)


class _Direction(Schema):
    number = fields.Integer(required=True, strict=True, validate=COUNT)
    class_code = fields.String(required=True, data_key="class")
    name_zh = Text(TEXT, required=True)
    name_en = Text(TEXT, required=True)
    quota = fields.Integer(load_default=None, allow_none=True, strict=True, validate=COUNT)


class _Criterion(Schema):
    key = fields.String(required=True, validate=KEY)
    name_zh = Text(TEXT, required=True)
    name_en = Text(TEXT, required=True)
    weight = fields.Decimal(required=True, as_string=True, validate=_positive(1, 6))
    maximum = fields.Decimal(
        required=True, as_string=True, data_key="max", validate=_positive(1000, 2)
    )


class _Inspection(Schema):
    policy = fields.String(required=True, validate=validate.OneOf((IMMEDIATE, RECTIFY)))
    pass_score = fields.Decimal(required=True, as_string=True, validate=POINTS)
    warning_score = fields.Decimal(required=True, as_string=True, validate=POINTS)
    hard_gates = fields.List(fields.String(validate=KEY), load_default=list)
    finding_keys = fields.List(fields.String(validate=KEY), load_default=list)
    key_names = fields.Dict(
        keys=fields.String(validate=KEY), values=fields.Nested(_Named), load_default=dict
    )
    rectification_days = fields.Integer(required=True, strict=True, validate=DAYS)
    not_cooperating_fails = fields.Boolean(load_default=True)
    least_returned = fields.Integer(load_default=1, strict=True, validate=COUNT)
    least_return_rate = fields.Decimal(load_default=Decimal(0), as_string=True, validate=POINTS)
    min_inspectors = fields.Integer(load_default=2, strict=True, validate=INSPECTORS)
    draw_within_days = fields.Integer(load_default=30, strict=True, validate=DAYS)
    hearing_working_days = fields.Integer(load_default=0, strict=True, validate=WAIT)
    draw_notice_working_days = fields.Integer(load_default=1, strict=True, validate=DAYS)
    agency_cap_per_year = fields.Integer(load_default=15, strict=True, validate=COUNT)
    rule_version = Text(VERSION, required=True)
    citation_zh = Text(TEXT, required=True)
    citation_en = Text(TEXT, required=True)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["warning_score"] > data["pass_score"]:
            raise ValidationError("must not be above pass_score", "warning_score")
        for name in ("hard_gates", "finding_keys"):
            if twice := sorted({key for key in data[name] if data[name].count(key) > 1}):
                raise ValidationError(f"names twice: {', '.join(twice)}", name)
        gates = {_bare(key): key for key in data["hard_gates"]}
        for key in data["finding_keys"]:
            if (gate := gates.get(_bare(key), key)) != key:
                raise ValidationError(f"{key} is almost the hard gate {gate}", "finding_keys")
        if strange := sorted(
            data["key_names"].keys() - {*data["hard_gates"], *data["finding_keys"]}
        ):
            told = f"{strange[0]} is neither a hard gate nor one of finding_keys"
            raise ValidationError(told, "key_names")


class Definition(Schema):
    """The definition as plain data: what YAML files hold and programme.published carries."""

    id = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9]{1,20}\Z", error="must be 1 to 20 letters or digits"),
    )
    name_zh = Text(TEXT, required=True)
    name_en = Text(TEXT, required=True)
    submission = fields.Nested(_Submission, required=True)
    classes = fields.Dict(keys=fields.String(), values=fields.Nested(_Named), required=True)
    directions = fields.List(fields.Nested(_Direction), required=True, validate=ITEMS)
    required_evidence = fields.List(Text(SHORT), required=True, validate=_each_once)
    unit_quotas = fields.Dict(
        keys=fields.String(validate=_unit),
        values=fields.Integer(
            strict=True, validate=validate.Range(0, 100_000, error="must be from 0 to 100000")
        ),
        required=True,
    )
    total_quota = fields.Integer(required=True, strict=True, validate=COUNT)
    correction_days = fields.Integer(load_default=10, strict=True, validate=DAYS)
    experts_per_application = fields.Integer(required=True, strict=True, validate=COUNT)
    rubric = fields.List(fields.Nested(_Criterion), required=True, validate=ITEMS)
    publicity_working_days = fields.Integer(required=True, strict=True, validate=DAYS)
    validity_years = fields.Integer(required=True, strict=True, validate=YEARS)
    workday_overrides = fields.Dict(keys=fields.Date(), values=fields.Boolean(), load_default=dict)
    inspection = fields.Nested(_Inspection, required=True)

    @validates_schema
    def _hang_together(self, data: dict[str, Any], **_: Any) -> None:
        rubric: Any = _repeated(data["rubric"], "key")
        total = sum(item["weight"] for item in data["rubric"])
        if total != 1:
            rubric = [f"the weights sum to {total}; they must sum to exactly 1"]
        directions = _repeated(data["directions"], "number")
        for index, item in enumerate(data["directions"]):
            if item["class_code"] not in data["classes"]:
                message = f"{item['class_code']!r} is not among the classes"
                directions.setdefault(index, {})["class"] = [message]
        if wrong := {k: v for k, v in (("rubric", rubric), ("directions", directions)) if v}:
            raise ValidationError(wrong)


DEFINITION = Definition()
