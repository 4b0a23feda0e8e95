"""The public state of a project, which every event about it carries whole."""

from marshmallow import fields, validate

from shared.project import Ground
from shared.spine.events import Data


class Undertaker(Data):
    """The legal person that carries a project."""

    uscc = fields.String(required=True, validate=validate.Length(equal=18))
    name = fields.String(required=True)


class Decision(Data):
    """Why a project is in its present state, in the words of the deciding service."""

    ground = fields.String(allow_none=True, validate=validate.OneOf([*Ground]))
    citation = fields.String(required=True)
    reasons_zh = fields.List(fields.String(), required=True)
    reasons_en = fields.List(fields.String(), required=True)
    rule_version = fields.String(required=True)
    actor = fields.String(required=True)
    inspection = fields.String(allow_none=True)
    acted_by = fields.String(
        allow_none=True,
        load_default=None,
        metadata={"description": "code of the undertaker whose act it answers; that one is barred"},
    )
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
