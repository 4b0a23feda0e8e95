"""Every event once: its name, owner, schema and meaning.

AsyncAPI, JSON Schemas and the event table of the documents are generated from here. Unknown fields
are ignored; a breaking change is a new version beside the old.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from shared.spine.envelope import Event

INTAKE, SCORING, INSPECTION, NOTIFICATION = "intake", "scoring", "inspection", "notification"
SERVICES = (INTAKE, SCORING, INSPECTION, NOTIFICATION)
PARTNER_EVENTS, PARTNER_RECEIPTS = "partner.events", "partner.receipts"

GROUNDS = (
    "inspection_failed",
    "material_falsehood",
    "consumer_or_public_harm",
    "other_unlawful_or_dishonest",
)
OUTLETS = ("bar", "entry", "register", "status_list", "circular", "letter", "webhook")


class _Merged:
    """An aggregate's attributes, with a command's own values before them."""

    def __init__(self, aggregate: object, more: Mapping[str, Any]) -> None:
        self._aggregate, self._more = aggregate, more

    def __getattr__(self, name: str) -> Any:
        if name in self._more:
            return self._more[name]
        return getattr(self._aggregate, name)


@dataclass(frozen=True)
class EventType:
    """One kind of event; `owners` are the services that may publish it."""

    name: str
    owners: tuple[str, ...]
    schema: Schema
    description: str
    about: str | None = None
    version: int = 1

    def dump(self, aggregate: object, more: Mapping[str, Any]) -> dict[str, Any]:
        """The event's data as JSON values; raises ValidationError if they break the schema."""
        data: dict[str, Any] = self.schema.dump(_Merged(aggregate, more))
        if errors := self.schema.validate(data):
            raise ValidationError({self.name: errors})
        return data

    def load(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data as Python values (dates, decimals); raises ValidationError."""
        loaded: dict[str, Any] = self.schema.load(data)
        return loaded

    def exchange(self, source: str) -> str:
        """Where the service `source` publishes it."""
        return f"{source}.events"

    def routing_key(self, _data: Mapping[str, Any]) -> str:
        """The key it is published with."""
        return self.name

    def about_of(self, event: Event) -> str:
        """The project that the event concerns, or else its own subject; for timelines."""
        return str(event.data[self.about]) if self.about else event.subject


@dataclass(frozen=True)
class ReceiptType(EventType):
    """A receipt for one agency, published to that agency's own queue."""

    def exchange(self, source: str) -> str:  # noqa: ARG002 - same call as every event type
        """The partner exchange."""
        return PARTNER_RECEIPTS

    def routing_key(self, data: Mapping[str, Any]) -> str:
        """The agency's own key."""
        return f"agency.{data['agency']}.receipt"


class Data(Schema):
    """What the schemas of all event data share: unknown fields are ignored."""

    class Meta:
        """Marshmallow's options."""

        unknown = EXCLUDE


class Undertaker(Data):
    """The legal person that carries a project."""

    uscc = fields.String(required=True, validate=validate.Length(equal=18))
    name = fields.String(required=True)


class Decision(Data):
    """Why a project is in its present state, in the words of the deciding service."""

    ground = fields.String(allow_none=True, validate=validate.OneOf(GROUNDS))
    citation = fields.String(required=True)
    reasons_zh = fields.List(fields.String(), required=True)
    reasons_en = fields.List(fields.String(), required=True)
    rule_version = fields.String(required=True)
    actor = fields.String(required=True)
    inspection = fields.String(allow_none=True)
    decided_at = fields.AwareDateTime(required=True)
    effective_at = fields.AwareDateTime(required=True)


class ProjectState(Data):
    """The whole public state of one project, from application to designation and after."""

    project = fields.String(required=True)
    programme = fields.String(required=True)
    unit = fields.String(required=True)
    undertaker = fields.Nested(Undertaker, required=True)
    title = fields.String(required=True)
    direction = fields.Integer(required=True)
    state = fields.String(required=True)
    epoch = fields.Integer(required=True, metadata={"description": "designations so far, from 0"})
    valid_from = fields.Date(allow_none=True, load_default=None)
    valid_to = fields.Date(allow_none=True, load_default=None)
    rectify_by = fields.Date(allow_none=True, load_default=None)
    decision = fields.Nested(Decision, allow_none=True, load_default=None)


class ProgrammePublished(Data):
    """A whole programme definition; see shared/programme.py for its schema."""

    programme = fields.String(required=True)
    edition = fields.Integer(required=True)
    definition = fields.Dict(required=True)


class ApplicationSubmitted(ProjectState):
    """Carries the contact address too, for letters; never on the public bindings."""

    contact_email = fields.Email(required=True)


class ApplicationReviewed(ProjectState):
    """The recommending unit's review, with its reasons."""

    reasons = fields.List(fields.String(), load_default=list)


class ApplicationRecommended(ProjectState):
    """The unit's opinion, and what formal check and scoring need."""

    opinion = fields.String(required=True)
    content_hash = fields.String(required=True)


class ApplicationScored(ProjectState):
    """The mean score, an exact decimal as a string."""

    score = fields.Decimal(as_string=True, required=True)


class ApplicationNotSelected(ProjectState):
    """Why the application was not selected."""

    score = fields.Decimal(as_string=True, allow_none=True, load_default=None)
    rank = fields.Integer(allow_none=True, load_default=None)
    reasons = fields.List(fields.String(), required=True)


class PublicityEntry(ProjectState):
    """One shortlisted project in the publicity list."""

    score = fields.Decimal(as_string=True, required=True)
    rank = fields.Integer(required=True)


class PublicityOpened(Data):
    """The list under publicity; `closes_on` is the last day, counted in working days."""

    publicity = fields.String(required=True)
    programme = fields.String(required=True)
    opens_on = fields.Date(required=True)
    closes_on = fields.Date(required=True)
    entries = fields.List(fields.Nested(PublicityEntry), required=True)


class ObjectionDecided(Data):
    """An objection's outcome; never who objected."""

    objection = fields.String(required=True)
    project = fields.String(required=True)
    upheld = fields.Boolean(required=True)
    reason = fields.String(required=True)
    decided_at = fields.AwareDateTime(required=True)


class ChangeReported(Data):
    """A major change of the undertaker, reported in writing."""

    change = fields.String(required=True)
    project = fields.String(required=True)
    kind = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    summary = fields.String(required=True)
    reported_at = fields.AwareDateTime(required=True)


class ViolationReported(Data):
    """A tip-off or a list entry that may be a ground for revocation; an official decides."""

    violation = fields.String(required=True)
    project = fields.String(required=True)
    ground = fields.String(required=True, validate=validate.OneOf(GROUNDS[1:]))
    summary = fields.String(required=True)
    reported_at = fields.AwareDateTime(required=True)


class RevocationAcknowledged(Data):
    """One outlet acted on one revocation."""

    project = fields.String(required=True)
    epoch = fields.Integer(required=True)
    outlet = fields.String(required=True, validate=validate.OneOf(OUTLETS))
    receiver = fields.String(allow_none=True, load_default=None)
    revocation = fields.String(
        required=True, metadata={"description": "id of the project.revoked event"}
    )


class InspectionPlanned(Data):
    """A frozen plan: hashes of both directories and of the officials' secrets, before the draw."""

    plan = fields.String(required=True)
    programme = fields.String(required=True)
    method = fields.String(required=True)
    target_count = fields.Integer(required=True)
    targets_sha256 = fields.String(required=True)
    inspectors_sha256 = fields.String(required=True)
    commitments = fields.Dict(required=True)
    public_value = fields.String(required=True)
    draw_at = fields.AwareDateTime(required=True)


class InspectionDrawn(Data):
    """The draw and its whole transcript, which anyone can recompute."""

    plan = fields.String(required=True)
    programme = fields.String(required=True)
    transcript = fields.Dict(required=True)


class InspectionCompleted(Data):
    """One inspection's outcome and verdict, with reasons in both languages."""

    inspection = fields.String(required=True)
    project = fields.String(required=True)
    programme = fields.String(required=True)
    agency = fields.String(required=True)
    method = fields.String(required=True)
    outcome = fields.String(required=True)
    score = fields.Decimal(as_string=True, allow_none=True, load_default=None)
    reasons_zh = fields.List(fields.String(), required=True)
    reasons_en = fields.List(fields.String(), required=True)
    rule_version = fields.String(required=True)
    reported_at = fields.AwareDateTime(required=True)
    concluded_at = fields.AwareDateTime(required=True)


class NoticePublished(Data):
    """A circular is public."""

    notice = fields.String(required=True, metadata={"description": "circular number"})
    project = fields.String(required=True)
    epoch = fields.Integer(required=True)
    kind = fields.String(required=True)
    published_at = fields.AwareDateTime(required=True)


class NoticeDelivery(Data):
    """One letter or webhook reached its receiver, or failed for good."""

    delivery = fields.String(required=True)
    notice = fields.String(allow_none=True, load_default=None)
    project = fields.String(required=True)
    epoch = fields.Integer(required=True)
    outlet = fields.String(required=True)
    attempts = fields.Integer(required=True)
    error = fields.String(allow_none=True, load_default=None)


class Receipt(Data):
    """What became of one agency message."""

    receipt = fields.String(required=True)
    agency = fields.String(required=True)
    message = fields.String(allow_none=True, metadata={"description": "id of the agency's event"})
    inspection = fields.String(allow_none=True, load_default=None)
    status = fields.String(
        required=True, validate=validate.OneOf(("accepted", "rejected", "registered"))
    )
    code = fields.String(required=True)
    reason = fields.String(required=True)
    outcome = fields.String(allow_none=True, load_default=None)
    reasons_zh = fields.List(fields.String(), load_default=list)
    reasons_en = fields.List(fields.String(), load_default=list)
    received_at = fields.AwareDateTime(required=True)


CATALOGUE: dict[str, EventType] = {}


def _declare(
    name: str, owners: str | tuple[str, ...], schema: type[Schema], about: str | None, text: str
) -> EventType:
    owned_by = (owners,) if isinstance(owners, str) else owners
    CATALOGUE[name] = EventType(name, owned_by, schema(), text, about)
    return CATALOGUE[name]


PROGRAMME_PUBLISHED = _declare(
    "programme.published", INTAKE, ProgrammePublished, None, "A round's definition is in force."
)
APPLICATION_SUBMITTED = _declare(
    "application.submitted", INTAKE, ApplicationSubmitted, None, "An application went in."
)
APPLICATION_RETURNED = _declare(
    "application.returned", INTAKE, ApplicationReviewed, None, "The unit questions some items."
)
APPLICATION_RECOMMENDED = _declare(
    "application.recommended", INTAKE, ApplicationRecommended, None, "The unit recommends it."
)
APPLICATION_REJECTED = _declare(
    "application.rejected", INTAKE, ApplicationReviewed, None, "Ineligible or not recommended."
)
CHANGE_REPORTED = _declare(
    "change.reported", INTAKE, ChangeReported, "project", "The undertaker reported a change."
)
VIOLATION_REPORTED = _declare(
    "violation.reported", INTAKE, ViolationReported, "project", "A violation was reported."
)
APPLICATION_SCORED = _declare(
    "application.scored", SCORING, ApplicationScored, None, "All its experts have scored it."
)
APPLICATION_NOT_SELECTED = _declare(
    "application.not_selected", SCORING, ApplicationNotSelected, None, "It was not selected."
)
PUBLICITY_OPENED = _declare(
    "publicity.opened", SCORING, PublicityOpened, None, "The shortlist is public for objections."
)
OBJECTION_DECIDED = _declare(
    "objection.decided", SCORING, ObjectionDecided, "project", "An objection was decided."
)
PROJECT_DESIGNATED = _declare(
    "project.designated", SCORING, ProjectState, None, "The project holds the designation."
)
INSPECTION_PLANNED = _declare(
    "inspection.planned", INSPECTION, InspectionPlanned, None, "A draw is announced and frozen."
)
INSPECTION_DRAWN = _declare(
    "inspection.drawn", INSPECTION, InspectionDrawn, None, "Targets and inspectors were drawn."
)
INSPECTION_COMPLETED = _declare(
    "inspection.completed", INSPECTION, InspectionCompleted, "project", "A verdict was reached."
)
RECTIFICATION_ORDERED = _declare(
    "rectification.ordered", INSPECTION, ProjectState, None, "To be put right by a fixed day."
)
RECTIFICATION_CLOSED = _declare(
    "rectification.closed", INSPECTION, ProjectState, None, "The re-inspection passed."
)
PROJECT_REVOKED = _declare(
    "project.revoked", INSPECTION, ProjectState, None, "The designation is taken back."
)
PROJECT_REINSTATED = _declare(
    "project.reinstated", INSPECTION, ProjectState, None, "The revocation's basis fell."
)
PROJECT_EXPIRED = _declare(
    "project.expired", INSPECTION, ProjectState, None, "The validity period ended."
)
PROJECT_CHANGED = _declare(
    "project.changed", INSPECTION, ProjectState, None, "Undertaker replaced, or withdrawn."
)
NOTICE_PUBLISHED = _declare(
    "notice.published", NOTIFICATION, NoticePublished, "project", "A circular is public."
)
NOTICE_DELIVERED = _declare(
    "notice.delivered", NOTIFICATION, NoticeDelivery, "project", "A receiver took it."
)
NOTICE_FAILED = _declare(
    "notice.failed", NOTIFICATION, NoticeDelivery, "project", "Given up after the last attempt."
)
REVOCATION_ACKNOWLEDGED = _declare(
    "revocation.acknowledged",
    (INTAKE, SCORING, NOTIFICATION),
    RevocationAcknowledged,
    "project",
    "An outlet acted on a revocation.",
)

AGENCY_RECEIPT = ReceiptType(
    "receipt.issued", (INSPECTION,), Receipt(), "What became of an agency's message."
)
