"""What intake's routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.intake.rules import Verdict
from shared.lines import FILENAME, LONG, REMARK, SHA256, SHORT, TEXT, Text, says_something
from shared.programme.schema import COUNT, UNIT_KINDS
from shared.project import DECIDED_GROUNDS, ChangeKind
from shared.web.fields import Mail, Uscc, Versioned


class ProgrammeIn(Schema):
    """A definition as YAML text."""

    yaml = fields.String(required=True)


class ProgrammeOut(Schema):
    """A round in force."""

    id = fields.String()
    edition = fields.Integer()
    definition = fields.Dict()
    published_at = fields.AwareDateTime()


class UnitIn(Schema):
    """A unit's entry in the register."""

    kind = fields.String(required=True, validate=validate.OneOf(UNIT_KINDS))
    name_zh = Text(TEXT, required=True)
    name_en = Text(TEXT, required=True)
    region_code = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(r"\d{6}\Z")
    )
    region_edition = Text(TEXT, load_default=None, allow_none=True)


class UnitOut(UnitIn, Versioned):
    """A unit of the register."""

    code = fields.String()


class EvidenceIn(Schema):
    """One item of evidence, known by its SHA-256."""

    kind = Text(SHORT, required=True)
    filename = Text(FILENAME, required=True)
    sha256 = fields.String(required=True, validate=SHA256)
    size = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2**40))


class EvidenceOut(EvidenceIn):
    """An item with the reviewer's verdict."""

    number = fields.Integer()
    verdict = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class ApplicationEdit(Schema):
    """What may be changed in a draft."""

    undertaker_name = Text(TEXT)
    title = Text(TEXT)
    direction = fields.Integer(strict=True, validate=COUNT)
    contact_email = Mail()


class ApplicationIn(Schema):
    """A new application."""

    programme = fields.String(required=True)
    unit = fields.String(required=True)
    uscc = Uscc(required=True)
    undertaker_name = Text(TEXT, required=True)
    title = Text(TEXT, required=True)
    direction = fields.Integer(required=True, strict=True, validate=COUNT)
    contact_email = Mail(required=True)
    evidence = fields.List(fields.Nested(EvidenceIn), load_default=list)


class StepOut(Schema):
    """One step of an application's history."""

    at = fields.AwareDateTime()
    actor = fields.String()
    what = fields.String()
    detail = fields.Dict()


class ApplicationRow(Schema):
    """An application in a list."""

    project = fields.String()
    programme = fields.String()
    unit = fields.String()
    uscc = fields.String()
    undertaker_name = fields.String()
    title = fields.String()
    direction = fields.Integer()
    state = fields.String()
    sequence = fields.Integer()
    submitted_at = fields.AwareDateTime(allow_none=True)


class ApplicationOut(ApplicationRow):
    """An application with its evidence."""

    epoch = fields.Integer()
    reason = fields.String(allow_none=True)
    opinion = fields.String(allow_none=True)
    content_hash = fields.String(allow_none=True)
    answer_by = fields.AwareDateTime(allow_none=True)
    evidence = fields.List(fields.Nested(EvidenceOut))


class ApplicationPageOut(ApplicationOut):
    """One application, and whether the undertaker applied with the same title elsewhere."""

    same = fields.List(
        fields.String(), metadata={"description": "other applications with this title and code"}
    )


class ApplicationQuery(Schema):
    """Which applications to list."""

    unit = fields.String(load_default=None)
    state = fields.String(load_default=None)
    programme = fields.String(load_default=None)


class FindingIn(Schema):
    """The reviewer's verdict on one item; `reason` is needed unless it is verified."""

    item = fields.Integer(required=True, strict=True, validate=COUNT)
    verdict = fields.String(required=True, validate=validate.OneOf([*Verdict]))
    reason = Text(REMARK, load_default="")

    @validates_schema
    def _say_why(self, data: dict[str, Any], **_: Any) -> None:
        if data["verdict"] != Verdict.VERIFIED and not says_something(data["reason"]):
            raise ValidationError("is needed: say what is wrong with the item", "reason")


class FindingsIn(Schema):
    """Verdicts on some items."""

    items = fields.List(fields.Nested(FindingIn), required=True, validate=validate.Length(1))


class OpinionIn(Schema):
    """The recommendation opinion and who signs it."""

    opinion = Text(LONG, required=True)
    signatory = Text(SHORT, required=True)


class ChangeIn(Schema):
    """A major change of the undertaker."""

    project = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*ChangeKind]))
    occurred_on = fields.Date(required=True)
    summary = Text(LONG, required=True)


class ViolationIn(Schema):
    """What may be a ground for revocation."""

    project = fields.String(required=True)
    ground = fields.String(required=True, validate=validate.OneOf(DECIDED_GROUNDS))
    summary = Text(LONG, required=True)


class ReportOut(Schema):
    """A report taken."""

    id = fields.String()
    project = fields.String()
    reported_at = fields.AwareDateTime()
