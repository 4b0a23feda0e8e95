"""The shapes of notification's JSON."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.notification.rules.deliveries import CONTACT_TYPES, PUBLIC_TYPES, DeliveryState
from services.notification.rules.states import REGISTERED
from shared.lines import TEXT, Text
from shared.programme.schema import COUNT
from shared.project import Outlet, State
from shared.web.fields import Mail

KINDS = (Outlet.LETTER, Outlet.WEBHOOK)


class ProjectOut(Schema):
    """One project as the register shows it."""

    project = fields.String()
    sequence = fields.Integer()
    programme = fields.String()
    unit = fields.String()
    title = fields.String()
    direction = fields.Integer()
    state = fields.String()
    epoch = fields.Integer()
    uscc = fields.String()
    undertaker = fields.String(attribute="undertaker_name")
    valid_from = fields.Date()
    valid_to = fields.Date()
    rectify_by = fields.Date()
    decision = fields.Dict(allow_none=True)
    changed_at = fields.AwareDateTime()


class HistoryOut(Schema):
    """One event of a project."""

    event = fields.String(attribute="event_id")
    sequence = fields.Integer()
    type = fields.String()
    state = fields.String()
    epoch = fields.Integer()
    occurred_at = fields.AwareDateTime()
    decision = fields.Dict(allow_none=True)


class InspectionOut(Schema):
    """One completed inspection."""

    inspection = fields.String(attribute="id")
    agency = fields.String()
    method = fields.String()
    order = fields.String(allow_none=True)
    outcome = fields.String()
    score = fields.Decimal(as_string=True, allow_none=True)
    reasons_zh = fields.List(fields.String())
    reasons_en = fields.List(fields.String())
    rule_version = fields.String()
    reported_at = fields.AwareDateTime()
    concluded_at = fields.AwareDateTime()


class QuashingOut(Schema):
    """The circular that made a reinstatement known, and the decision that it cites."""

    number = fields.String()
    decision = fields.String(attribute="citation")
    published_at = fields.AwareDateTime()


class CircularOut(Schema):
    """One circular, as it was published, and whether it was quashed since."""

    number = fields.String()
    number_zh = fields.String()
    number_en = fields.String()
    kind = fields.String()
    project = fields.String()
    epoch = fields.Integer()
    programme = fields.String()
    unit = fields.String()
    direction = fields.Integer()
    title = fields.String()
    undertaker = fields.String(attribute="undertaker_name")
    uscc = fields.String()
    ground = fields.String(allow_none=True)
    citation = fields.String()
    reasons_zh = fields.List(fields.String())
    reasons_en = fields.List(fields.String())
    rule_version = fields.String()
    inspection = fields.String(allow_none=True)
    acted_by = fields.String(
        allow_none=True, metadata={"description": "code of the undertaker whose act it answers"}
    )
    decided_at = fields.AwareDateTime()
    effective_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime()
    digest = fields.String(metadata={"description": "SHA-256 over what it says"})
    quashed_by = fields.Nested(QuashingOut, allow_none=True)


class AcknowledgementOut(Schema):
    """One outlet of notification that acted on a revocation."""

    epoch = fields.Integer()
    outlet = fields.String()
    receiver = fields.String(allow_none=True)
    acknowledged_at = fields.AwareDateTime()


class StatusReference(Schema):
    """Where the project stands in the signed status list (draft-ietf-oauth-status-list)."""

    idx = fields.Integer()
    uri = fields.String()
    token = fields.String(metadata={"description": "the same, signed, about this project alone"})


class ProjectPageOut(ProjectOut):
    """One project with all that is public about it."""

    history = fields.List(fields.Nested(HistoryOut))
    inspections = fields.List(fields.Nested(InspectionOut))
    circulars = fields.List(fields.Nested(CircularOut))
    acknowledgements = fields.List(fields.Nested(AcknowledgementOut))
    status_list = fields.Nested(StatusReference, allow_none=True)


class RegisterQuery(Schema):
    """What to look for in the register."""

    q = fields.String(load_default=None, validate=validate.Length(max=100))
    state = fields.String(load_default=None, validate=validate.OneOf(sorted(REGISTERED)))
    direction = fields.Integer(load_default=None, validate=COUNT)
    unit = fields.String(load_default=None)
    programme = fields.String(load_default=None)


class StatisticsQuery(Schema):
    """Which round; all without."""

    programme = fields.String(load_default=None)


class StatisticsOut(Schema):
    """How many projects stand in each state, how inspections ended, on which grounds revoked."""

    funnel = fields.Dict(keys=fields.String(validate=validate.OneOf(list(State))))
    inspections = fields.Dict()
    revocations = fields.Dict()


class SubscriberIn(Schema):
    """A receiver of letters (kind letter, a mail address) or webhooks (kind webhook, a URL)."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    address = fields.String(required=True, validate=validate.Length(3, 500))
    scope = Text(
        TEXT, load_default="all", metadata={"description": "all, unit:<code> or project:<id>"}
    )
    event_types = fields.List(
        fields.String(validate=validate.OneOf(CONTACT_TYPES)),
        load_default=lambda: list(PUBLIC_TYPES),
        validate=validate.Length(min=1),
    )

    @validates_schema(skip_on_field_errors=True)
    def check_address(self, data: dict[str, Any], **_options: Any) -> None:
        """A letter needs a mail address; a webhook's URL is checked by the rules."""
        if data["kind"] == Outlet.LETTER:
            try:
                Mail().deserialize(data["address"])
            except ValidationError as error:
                raise ValidationError(error.messages, "address") from error


class SubscriberOut(Schema):
    """A subscriber; its secret is shown once, when it is made."""

    id = fields.String()
    kind = fields.String()
    address = fields.String()
    scope = fields.String()
    event_types = fields.List(fields.String())
    created_by = fields.String()
    created_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    end_reason = fields.String(allow_none=True)


class NewSubscriberOut(SubscriberOut):
    """A new subscriber with its webhook secret; keep it, it is not shown again."""

    secret = fields.String(allow_none=True)


class DeliveryQuery(Schema):
    """Which deliveries."""

    outlet = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    state = fields.String(load_default=None, validate=validate.OneOf(list(DeliveryState)))
    project = fields.String(load_default=None)


class AttemptOut(Schema):
    """One attempt, in real time."""

    number = fields.Integer()
    began_at = fields.AwareDateTime()
    seconds = fields.Float()
    code = fields.String()
    error = fields.String(allow_none=True)


class DeliveryOut(Schema):
    """One message to one subscriber."""

    id = fields.String()
    subscriber = fields.String()
    outlet = fields.String()
    cause = fields.String()
    cause_type = fields.String()
    project = fields.String()
    epoch = fields.Integer()
    notice = fields.String(allow_none=True)
    state = fields.String()
    attempts = fields.Integer()
    error = fields.String(allow_none=True)
    due_at = fields.AwareDateTime()
    queued_at = fields.AwareDateTime()
    settled_at = fields.AwareDateTime(allow_none=True)


class DeliveryPageOut(DeliveryOut):
    """One message with its log."""

    log = fields.List(fields.Nested(AttemptOut))
