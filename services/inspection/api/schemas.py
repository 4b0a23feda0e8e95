"""What inspection's routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.agency.message import METHODS
from shared.programme.schema import COUNT
from shared.project import Ground
from shared.web.fields import CODE, LONG, SHA256, TEXT, Instant, Mail, Number, Party, Uscc

KEY_ID = validate.Regexp(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}\Z",
    error="must be 1 to 80 letters, digits, - _ or ., and must not begin with a dot",
)


def _of_two_holders(commitments: dict[str, str]) -> None:
    if len(set(commitments.values())) < 2:  # noqa: PLR2004 - one alone could try values
        raise ValidationError("must be of at least two holders with secrets of their own")


class AgencyIn(Schema):
    """A third-party agency."""

    code = fields.String(required=True, validate=CODE)
    name = fields.String(required=True, validate=TEXT)
    legal_representative = fields.String(required=True, validate=TEXT)


class KeyIn(Schema):
    """One Ed25519 key with its validity."""

    kid = fields.String(required=True, validate=KEY_ID)
    public_jwk = fields.Dict(required=True)
    valid_from = Instant(required=True)
    valid_to = Instant(required=True)


class KeyOut(KeyIn):
    """A registered key."""

    agency = fields.String()


class InspectorIn(Schema):
    """An inspector; conflicts are USCCs of undertakers or codes of units."""

    code = fields.String(required=True, validate=CODE)
    name = fields.String(required=True, validate=TEXT)
    agency = fields.String(required=True)
    conflicts = fields.List(Party(), load_default=list)


class ReceiptOut(Schema):
    """What became of a message."""

    receipt = fields.String()
    agency = fields.String(allow_none=True)
    message = fields.String(allow_none=True)
    inspection = fields.String(allow_none=True)
    status = fields.String()
    code = fields.String()
    reason = fields.String()
    outcome = fields.String(allow_none=True)
    reasons_zh = fields.List(fields.String())
    reasons_en = fields.List(fields.String())
    received_at = fields.AwareDateTime()


class PlanIn(Schema):
    """A plan to announce; an empty `projects` means all designated ones of the round."""

    programme = fields.String(required=True)
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    target_count = fields.Integer(required=True, strict=True, validate=COUNT)
    projects = fields.List(fields.String(), load_default=list)
    commitments = fields.Dict(
        keys=fields.String(validate=TEXT),
        values=fields.String(validate=SHA256),
        required=True,
        validate=_of_two_holders,
    )
    public_value = fields.String(required=True, validate=TEXT)
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

    reason_zh = fields.String(required=True, validate=LONG)
    reason_en = fields.String(required=True, validate=LONG)


class InspectionQuery(Schema):
    """Which inspections to list."""

    agency = fields.String(load_default=None)
    project = fields.String(load_default=None)
    stage = fields.String(load_default=None)
    programme = fields.String(load_default=None)


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


class EvidenceIn(Schema):
    """One item of evidence."""

    description = fields.String(required=True, validate=TEXT)
    sha256 = fields.String(required=True, validate=SHA256)


class RevokeIn(Schema):
    """An official's decision on grounds 2 to 4."""

    ground = fields.String(required=True, validate=validate.OneOf([*Ground]))
    citation = fields.String(required=True, validate=TEXT)
    reason_zh = fields.String(required=True, validate=LONG)
    reason_en = fields.String(required=True, validate=LONG)
    evidence = fields.List(fields.Nested(EvidenceIn), required=True)
    notice_at = Instant(required=True)
    statement = fields.String(required=True, validate=LONG)
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

    decision = fields.String(required=True, validate=TEXT)
    reason_zh = fields.String(required=True, validate=LONG)
    reason_en = fields.String(required=True, validate=LONG)


class TaskOut(Schema):
    """What waits for an official."""

    id = fields.String()
    project = fields.String()
    kind = fields.String()
    ground = fields.String(allow_none=True)
    summary = fields.String()
    reported_at = fields.AwareDateTime()
    decision = fields.String(allow_none=True)


class DismissIn(Schema):
    """Why a task leads to nothing."""

    reason = fields.String(required=True, validate=LONG)


class ChangeDecisionIn(Schema):
    """A decision on a reported change; `replaced` names the new undertaker."""

    decision = fields.String(
        required=True, validate=validate.OneOf(("replaced", "withdrawn", "dismissed"))
    )
    reason = fields.String(required=True, validate=LONG)
    uscc = Uscc(load_default=None, allow_none=True)
    name = fields.String(load_default=None, allow_none=True, validate=TEXT)
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
