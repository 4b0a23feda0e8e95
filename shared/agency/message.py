"""What an agency sends: a CloudEvent about one inspection, and the report in it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from shared.bounds import MOST_VALUES, is_bulky
from shared.errors import LaurelError
from shared.lines import SHA256, Says, Text
from shared.programme.schema import Points
from shared.spine.envelope import UndecodableError, parse, traceparent_of
from shared.spine.texts import storable

REPORTED, STARTED = "laurel.inspection.reported", "laurel.inspection.started"
METHODS = ("site_check", "full_assessment", "questionnaire")
RESULTS = (
    "no_breach",
    "breach",
    "closed_or_liquidation",
    "non_cooperation",
    "unreachable",
    "inconclusive",
)
FINDINGS = ("ok", "breach", "not_applicable")
MAX_ID, MAX_WORDS = 64, 2_000


class WrongSchemaError(LaurelError):
    """The report's data break the schema; `errors` names every field."""

    slug = "wrong-schema"
    status = 422


@dataclass(frozen=True, slots=True)
class AgencyMessage:
    """One message of an agency, parsed; `inspection` is the subject."""

    id: str
    agency: str
    type: str
    inspection: str
    time: datetime
    data: dict[str, Any]
    traceparent: str | None = None


def _prints(value: str) -> None:
    """A signature hides nothing at all, not even what joins letters."""
    if not value.isprintable():
        raise ValidationError("must hold printed characters only")


class Part(Schema):
    """At every depth of a report, what it says beyond the schema is left out."""

    class Meta:
        """Marshmallow's options."""

        unknown = EXCLUDE


class Finding(Part):
    """The result on one point of the inspection list."""

    key = Text(Says(1, 60), required=True)
    result = fields.String(required=True, validate=validate.OneOf(FINDINGS))
    note = fields.String(load_default="", validate=validate.Length(max=2000))
    evidence_sha256 = fields.String(load_default=None, allow_none=True, validate=SHA256)


class Questionnaire(Part):
    """Numbers of a questionnaire survey."""

    issued = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    returned = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    satisfied = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))

    @validates_schema
    def _add_up(self, data: dict[str, Any], **_: Any) -> None:
        if not data["satisfied"] <= data["returned"] <= data["issued"]:
            raise ValidationError("must not exceed what it is part of", "satisfied")


class Report(Part):
    """An inspection report by one of the three methods."""

    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    conducted_on = fields.Date(required=True)
    inspectors = fields.List(Text(Says(1, 40)), required=True, validate=validate.Length(2))
    result = fields.String(required=True, validate=validate.OneOf(RESULTS))
    findings = fields.List(fields.Nested(Finding), load_default=list)
    score = fields.Decimal(load_default=None, allow_none=True, as_string=True, validate=Points(2))
    questionnaire = fields.Nested(Questionnaire, load_default=None, allow_none=True)
    signed_by = Text(Says(1, 80), required=True, validate=[_prints])

    @validates_schema
    def _fit_the_method(self, data: dict[str, Any], **_: Any) -> None:
        conclusive = data["result"] in ("no_breach", "breach")
        needed = {
            "site_check": "findings",
            "full_assessment": "score",
            "questionnaire": "questionnaire",
        }[data["method"]]
        if conclusive and data[needed] in (None, []):
            raise ValidationError(f"is needed for a {data['method']}", needed)


REPORT = Report()


def read_message(body: bytes, content_type: str | None) -> AgencyMessage:
    """The message in these bytes; raises UndecodableError saying what is wrong with them."""
    attributes = parse(body, content_type)
    source = _text(attributes, "source")
    if not source.startswith("/agencies/") or len(source.split("/")) != 3:  # noqa: PLR2004
        raise UndecodableError("Attribute 'source' must be /agencies/<your code>.")
    kind = _text(attributes, "type")
    if kind not in (REPORTED, STARTED):
        raise UndecodableError(f"Attribute 'type' must be {REPORTED} or {STARTED}.")
    data = attributes.get("data")
    if not isinstance(data, dict):
        raise UndecodableError("Attribute 'data' must be an object.")
    return AgencyMessage(
        id=_text(attributes, "id"),
        agency=source.rsplit("/", 1)[-1],
        type=kind,
        inspection=_text(attributes, "subject"),
        time=_instant(attributes),
        data=data,
        traceparent=traceparent_of(attributes.get("traceparent")),
    )


def load_report(data: dict[str, Any]) -> dict[str, Any]:
    """The report with Python values; raises WrongSchemaError naming every wrong field."""
    if is_bulky(data):
        raise WrongSchemaError(f"The report must hold at most {MOST_VALUES} values.", errors={})
    try:
        loaded: dict[str, Any] = REPORT.load(data)
    except ValidationError as error:
        told = storable(f"The report breaks the schema: {error.messages}", MAX_WORDS)
        raise WrongSchemaError(f"{told}.", errors=error.messages) from error
    return loaded


def implausible(report: dict[str, Any], *, today: date) -> list[str]:
    """What cannot be true in a report although its schema is right."""
    problems = []
    breaches = [item["key"] for item in report["findings"] if item["result"] == "breach"]
    keys = [item["key"] for item in report["findings"]]
    if report["conducted_on"] > today:
        problems.append(f"conducted_on {report['conducted_on']} lies in the future")
    if len(set(report["inspectors"])) < len(report["inspectors"]):
        problems.append("an inspector is named twice")
    if len(set(keys)) < len(keys):
        problems.append("a finding key stands twice")
    if report["result"] == "no_breach" and breaches:
        problems.append(f"result no_breach contradicts the findings {', '.join(breaches)}")
    return problems


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise UndecodableError(f"Attribute '{name}' must be text of 1 to {MAX_ID} characters.")
    return value


def _instant(attributes: dict[str, Any]) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(attributes, "time"))
    except ValueError as error:
        raise UndecodableError(f"Attribute 'time' is no RFC 3339 time: {error}.") from error
    if instant.tzinfo is None:
        raise UndecodableError("Attribute 'time' needs an offset, for example Z or +08:00.")
    return instant
