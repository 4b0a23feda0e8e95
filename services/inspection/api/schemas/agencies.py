"""What the routes of agencies take and give."""

from marshmallow import Schema, fields, validate

from shared.lines import TEXT, Text
from shared.web.fields import CODE, Instant, Party, Versioned

KEY_ID = validate.Regexp(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}\Z",
    error="must be 1 to 80 letters, digits, - _ or ., and must not begin with a dot",
)


class AgencyIn(Schema):
    """A third-party agency."""

    code = fields.String(required=True, validate=CODE)
    name = Text(TEXT, required=True)
    legal_representative = Text(TEXT, required=True)


class AgencyOut(AgencyIn, Versioned):
    """An agency of the directory."""


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
    name = Text(TEXT, required=True)
    agency = fields.String(required=True)
    conflicts = fields.List(Party(), load_default=list)


class InspectorOut(InspectorIn, Versioned):
    """An inspector of the directory."""


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
