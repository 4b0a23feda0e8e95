"""What scoring publishes."""

from marshmallow import fields, validate

from shared.catalogue.names import SCORING
from shared.catalogue.state import ProjectState
from shared.project import ObjectionOutcome
from shared.spine.events import Data, declare


class ApplicationScored(ProjectState):
    """The mean score, an exact decimal as a string."""

    score = fields.Decimal(as_string=True, required=True)


class ApplicationNotSelected(ProjectState):
    """Why the application was not selected."""

    score = fields.Decimal(as_string=True, allow_none=True, load_default=None)
    rank = fields.Integer(allow_none=True, load_default=None)
    reasons = fields.List(fields.String(), required=True)


class ApplicationResumed(ProjectState):
    """Why it goes on."""

    reasons = fields.List(fields.String(), required=True)


class PublicityEntry(ProjectState):
    """One shortlisted project in the publicity list."""

    score = fields.Decimal(as_string=True, required=True)
    rank = fields.Integer(required=True)
    sequence = fields.Integer(
        load_default=2**31 - 1,  # a list that does not say counts as newer than all
        metadata={
            "description": "version of the project that is listed; a newer one left the list"
        },
    )


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
    outcome = fields.String(required=True, validate=validate.OneOf([*ObjectionOutcome]))
    reason = fields.String(required=True)
    decided_at = fields.AwareDateTime(required=True)


APPLICATION_SCORED = declare(
    "application.scored", SCORING, ApplicationScored, None, "All its experts have scored it."
)
APPLICATION_NOT_SELECTED = declare(
    "application.not_selected", SCORING, ApplicationNotSelected, None, "It was not selected."
)
APPLICATION_RESUMED = declare(
    "application.resumed",
    SCORING,
    ApplicationResumed,
    None,
    "It goes on: a place became free, what had ended it was undone, or another expert scores it.",
)
PUBLICITY_OPENED = declare(
    "publicity.opened",
    SCORING,
    PublicityOpened,
    None,
    "The shortlist is public for objections; a long one comes as several events of one subject.",
)
OBJECTION_DECIDED = declare(
    "objection.decided", SCORING, ObjectionDecided, "project", "An objection was decided."
)
PROJECT_DESIGNATED = declare(
    "project.designated", SCORING, ProjectState, None, "The project holds the designation."
)
