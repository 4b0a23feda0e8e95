"""What the routes of plans and inspections take and give."""

from marshmallow import Schema, ValidationError, fields, validate

from shared.agency.message import METHODS
from shared.lines import LONG, SHA256, TEXT, Text
from shared.programme.schema import COUNT
from shared.web.fields import Instant, Number


def _of_two_holders(commitments: dict[str, str]) -> None:
    if len(set(commitments.values())) < 2:  # noqa: PLR2004 - one alone could try values
        raise ValidationError("must be of at least two holders with secrets of their own")


class PlanIn(Schema):
    """A plan to announce; an empty `projects` means all designated ones of the round."""

    programme = fields.String(required=True)
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    target_count = fields.Integer(required=True, strict=True, validate=COUNT)
    projects = fields.List(fields.String(), load_default=list)
    commitments = fields.Dict(
        keys=Text(TEXT),
        values=fields.String(validate=SHA256),
        required=True,
        validate=_of_two_holders,
    )
    public_value = Text(
        TEXT,
        required=True,
        metadata={
            "description": "which value that others publish is mixed in: the one of the day of "
            "draw_at, as it was published first"
        },
    )
    draw_at = Instant(required=True)


class PlanOut(Schema):
    """An announced plan."""

    id = fields.String()
    programme = fields.String()
    method = fields.String()
    target_count = fields.Integer()
    min_inspectors = fields.Integer()
    caps = fields.Dict()
    plan_sha256 = fields.String()
    targets_sha256 = fields.String()
    inspectors_sha256 = fields.String()
    commitments = fields.Dict()
    public_value = fields.String()
    draw_at = fields.AwareDateTime()


class DrawIn(Schema):
    """The secrets, opened, and the public value as it came out."""

    secrets = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    public_value = Number(required=True)


class InspectionOut(Schema):
    """One inspection."""

    inspection = fields.String()
    plan = fields.String()
    project = fields.String()
    programme = fields.String()
    agency = fields.String()
    method = fields.String()
    inspectors = fields.List(fields.String())
    stage = fields.String()
    order = fields.String(allow_none=True)
    outcome = fields.String(allow_none=True)
    score = fields.String(allow_none=True)
    reasons_zh = fields.List(fields.String())
    reasons_en = fields.List(fields.String())


class VoidIn(Schema):
    """Why an inspection is void."""

    reason_zh = Text(LONG, required=True)
    reason_en = Text(LONG, required=True)


class InspectionQuery(Schema):
    """Which inspections to list."""

    agency = fields.String(load_default=None)
    project = fields.String(load_default=None)
    stage = fields.String(load_default=None)
    programme = fields.String(load_default=None)
