"""What the routes of projects, revocations and tasks take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.lines import LONG, TEXT, Text
from shared.project import Ground
from shared.web.fields import EvidenceIn, Instant, Mail, Uscc


class ProjectOut(Schema):
    """A project under supervision."""

    project = fields.String()
    programme = fields.String()
    unit = fields.String()
    undertaker = fields.Dict()
    title = fields.String()
    direction = fields.Integer()
    state = fields.String()
    epoch = fields.Integer()
    sequence = fields.Integer()
    valid_from = fields.Date(allow_none=True)
    valid_to = fields.Date(allow_none=True)
    rectify_by = fields.Date(allow_none=True)
    decision = fields.Dict(attribute="decided", allow_none=True)


class RevokeIn(Schema):
    """An official's decision on grounds 2 to 4."""

    ground = fields.String(required=True, validate=validate.OneOf([*Ground]))
    citation = Text(TEXT, required=True)
    reason_zh = Text(LONG, required=True)
    reason_en = Text(LONG, required=True)
    evidence = fields.List(fields.Nested(EvidenceIn), required=True)
    notice_at = Instant(required=True)
    statement = Text(LONG, required=True)
    undertaker = Uscc(
        load_default=None,
        allow_none=True,
        metadata={"description": "whose act it answers, if not the one that is presumed"},
    )
    task = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "the task it answers, beside those that report its ground"},
    )


class ReinstateIn(Schema):
    """The decision that quashes a revocation's basis."""

    decision = Text(TEXT, required=True)
    reason_zh = Text(LONG, required=True)
    reason_en = Text(LONG, required=True)


class TaskOut(Schema):
    """What waits for an official."""

    id = fields.String()
    project = fields.String()
    kind = fields.String()
    ground = fields.String(allow_none=True)
    summary = fields.String()
    reported_at = fields.AwareDateTime()
    decision = fields.String(allow_none=True)


class ChangeDecisionIn(Schema):
    """A decision on a reported change; `replaced` names the new undertaker."""

    decision = fields.String(
        required=True, validate=validate.OneOf(("replaced", "withdrawn", "dismissed"))
    )
    reason = Text(LONG, required=True)
    uscc = Uscc(load_default=None, allow_none=True)
    name = Text(TEXT, load_default=None, allow_none=True)
    contact_email = Mail(load_default=None, allow_none=True)

    @validates_schema
    def _name_the_new_undertaker(self, data: dict[str, Any], **_: Any) -> None:
        if data["decision"] != "replaced":
            return
        needed = {
            "uscc": "must be the new undertaker's unified social credit code",
            "name": "is needed: the new undertaker's name",
            "contact_email": "is needed: where the new undertaker is written to",
        }
        if missing := {name: [text] for name, text in needed.items() if not data[name]}:
            raise ValidationError(missing)
