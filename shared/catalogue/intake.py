"""What intake publishes."""

from marshmallow import fields, validate

from shared.catalogue.names import INTAKE
from shared.catalogue.state import ProjectState
from shared.project import DECIDED_GROUNDS
from shared.spine.events import Data, declare


class Unit(Data):
    """A recommending unit by its names."""

    code = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)


class ProgrammePublished(Data):
    """A whole programme definition; see shared/programme/schema.py."""

    programme = fields.String(required=True)
    edition = fields.Integer(required=True)
    definition = fields.Dict(required=True)
    units = fields.List(fields.Nested(Unit), load_default=list)


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
    ground = fields.String(required=True, validate=validate.OneOf(DECIDED_GROUNDS))
    summary = fields.String(required=True)
    reported_at = fields.AwareDateTime(required=True)


PROGRAMME_PUBLISHED = declare(
    "programme.published", INTAKE, ProgrammePublished, None, "A round's definition is in force."
)
APPLICATION_SUBMITTED = declare(
    "application.submitted", INTAKE, ApplicationSubmitted, None, "An application went in."
)
APPLICATION_RETURNED = declare(
    "application.returned", INTAKE, ApplicationReviewed, None, "The unit questions some items."
)
APPLICATION_RECOMMENDED = declare(
    "application.recommended", INTAKE, ApplicationRecommended, None, "The unit recommends it."
)
APPLICATION_REJECTED = declare(
    "application.rejected", INTAKE, ApplicationReviewed, None, "Ineligible or not recommended."
)
CHANGE_REPORTED = declare(
    "change.reported", INTAKE, ChangeReported, "project", "The undertaker reported a change."
)
VIOLATION_REPORTED = declare(
    "violation.reported", INTAKE, ViolationReported, "project", "A violation was reported."
)
