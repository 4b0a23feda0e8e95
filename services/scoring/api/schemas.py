"""What scoring's routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from shared.lines import LONG, REMARK, SHORT, TEXT, Text
from shared.programme.schema import COUNT
from shared.web.fields import CODE, EvidenceIn, Party, Uscc, Versioned


class ExpertIn(Schema):
    """An expert; conflicts are USCCs of undertakers or codes of units."""

    code = fields.String(required=True, validate=CODE)
    name = Text(SHORT, required=True)
    employer_uscc = Uscc(load_default=None, allow_none=True)
    directions = fields.List(fields.Integer(strict=True, validate=COUNT), load_default=list)
    conflicts = fields.List(Party(), load_default=list)


class ExpertOut(ExpertIn, Versioned):
    """An expert of the directory."""


class ConflictsIn(Schema):
    """Declared conflicts of interest."""

    conflicts = fields.List(
        Party(), required=True, validate=validate.Length(1, error="must have at least one item")
    )


class ProgrammeIn(Schema):
    """Which round."""

    programme = fields.String(required=True)


class ScoresIn(Schema):
    """Points by criterion, as decimals in text."""

    scores = fields.Dict(keys=fields.String(), values=fields.Decimal(as_string=True), required=True)
    comment = Text(REMARK, load_default="")


class AssignmentQuery(Schema):
    """Whose assignments to list; experts list their own and need not say."""

    expert = fields.String(load_default=None)


class AssignmentOut(Schema):
    """What an expert is to score, or has scored."""

    project = fields.String()
    expert = fields.String()
    recused = fields.String(allow_none=True)
    scores = fields.Dict(allow_none=True)
    total = fields.String(attribute="total_text", allow_none=True)


class EntryToScore(Schema):
    """An entry as its experts see it: without what the others' scores came to."""

    project = fields.String()
    programme = fields.String()
    unit = fields.String()
    undertaker = fields.Dict()
    title = fields.String()
    direction = fields.Integer()
    state = fields.String()


class EntryOut(EntryToScore):
    """An entry with its outcome; experts' single scores are not shown."""

    score = fields.String(attribute="score_text", allow_none=True)
    rank = fields.Integer(allow_none=True)
    reasons = fields.List(fields.String())
    publicity = fields.String(allow_none=True)
    sequence = fields.Integer()


class EntryQuery(Schema):
    """Which entries to list."""

    programme = fields.String(load_default=None)
    state = fields.String(load_default=None)


class PublicityOut(Schema):
    """A list under publicity."""

    id = fields.String()
    programme = fields.String()
    opens_on = fields.Date()
    closes_on = fields.Date()


class ObjectionIn(Schema):
    """An objection; the name and contact are kept sealed from the undertaker."""

    project = fields.String(required=True)
    real_name = Text(SHORT, required=True)
    contact = Text(TEXT, required=True)
    statement = Text(LONG, required=True)
    evidence = fields.List(fields.Nested(EvidenceIn), required=True)


class ObjectionReceipt(Schema):
    """What an objector gets back."""

    id = fields.String()
    project = fields.String()
    received_at = fields.AwareDateTime()
    upheld = fields.Boolean(allow_none=True)
    outcome = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)


class SealedObjection(ObjectionReceipt):
    """An objection as officials see it."""

    real_name = fields.String()
    contact = fields.String()
    statement = fields.String()
    evidence = fields.List(fields.Dict())


class DecisionIn(Schema):
    """An official's decision on an objection, or the refusal of one not under a real name."""

    upheld = fields.Boolean(required=True)
    not_real_name = fields.Boolean(load_default=False)
    reason = Text(LONG, required=True)

    @validates_schema
    def _refuse_both(self, data: dict[str, Any], **_: Any) -> None:
        if data["upheld"] and data["not_real_name"]:
            raise ValidationError("cannot be upheld when it is not taken", "not_real_name")
