"""What inspection publishes, receipts for agencies included."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from shared.catalogue.names import INSPECTION
from shared.catalogue.state import ProjectState
from shared.spine.broker.topology import PARTNER_RECEIPTS
from shared.spine.events import Data, EventType, declare


class InspectionPlanned(Data):
    """A frozen plan: hashes of both directories and of the officials' secrets, before the draw.

    `plan_sha256` is over everything that the draw depends on.
    """

    plan = fields.String(required=True)
    plan_sha256 = fields.String(required=True)
    programme = fields.String(required=True)
    method = fields.String(required=True)
    target_count = fields.Integer(required=True)
    min_inspectors = fields.Integer(required=True)
    caps = fields.Dict(required=True)
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
    order = fields.String(
        allow_none=True,
        load_default=None,
        metadata={"description": "the inspection whose order it re-inspects; null for a first one"},
    )
    outcome = fields.String(required=True)
    score = fields.Decimal(as_string=True, allow_none=True, load_default=None)
    reasons_zh = fields.List(fields.String(), required=True)
    reasons_en = fields.List(fields.String(), required=True)
    rule_version = fields.String(required=True)
    reported_at = fields.AwareDateTime(required=True)
    concluded_at = fields.AwareDateTime(required=True)


class ProjectChanged(ProjectState):
    """Carries the new undertaker's address too, for letters; never on the public bindings."""

    contact_email = fields.Email(allow_none=True, load_default=None)


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


@dataclass(frozen=True)
class ReceiptType(EventType):
    """A receipt for one agency, published to that agency's own queue.

    It goes out of the house, so it does not tell who of us acted.
    """

    tells_actor: bool = False

    def exchange(self, source: str) -> str:  # noqa: ARG002 - same call as every event type
        """The partner exchange."""
        return PARTNER_RECEIPTS

    def routing_key(self, data: Mapping[str, Any]) -> str:
        """The agency's own key."""
        return f"agency.{data['agency']}.receipt"


INSPECTION_PLANNED = declare(
    "inspection.planned", INSPECTION, InspectionPlanned, None, "A draw is announced and frozen."
)
INSPECTION_DRAWN = declare(
    "inspection.drawn", INSPECTION, InspectionDrawn, None, "Targets and inspectors were drawn."
)
INSPECTION_COMPLETED = declare(
    "inspection.completed", INSPECTION, InspectionCompleted, "project", "A verdict was reached."
)
RECTIFICATION_ORDERED = declare(
    "rectification.ordered", INSPECTION, ProjectState, None, "To be put right by a fixed day."
)
RECTIFICATION_CLOSED = declare(
    "rectification.closed", INSPECTION, ProjectState, None, "The re-inspection passed."
)
PROJECT_REVOKED = declare(
    "project.revoked", INSPECTION, ProjectState, None, "The designation is taken back.", urgent=True
)
PROJECT_REINSTATED = declare(
    "project.reinstated", INSPECTION, ProjectState, None, "The revocation's basis fell."
)
PROJECT_EXPIRED = declare(
    "project.expired", INSPECTION, ProjectState, None, "The validity period ended."
)
PROJECT_CHANGED = declare(
    "project.changed", INSPECTION, ProjectChanged, None, "Undertaker replaced, or withdrawn."
)
AGENCY_RECEIPT = ReceiptType(
    "receipt.issued", (INSPECTION,), Receipt(), "What became of an agency's message."
)
