"""What notification publishes, and what every outlet says when it has acted."""

from marshmallow import fields, validate

from shared.catalogue.names import INTAKE, NOTIFICATION, SCORING
from shared.project import Outlet
from shared.spine.events import Data, declare


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


class RevocationAcknowledged(Data):
    """One outlet acted on one revocation."""

    project = fields.String(required=True)
    epoch = fields.Integer(required=True)
    outlet = fields.String(required=True, validate=validate.OneOf([*Outlet]))
    receiver = fields.String(allow_none=True, load_default=None)
    revocation = fields.String(
        required=True, metadata={"description": "id of the project.revoked event"}
    )


NOTICE_PUBLISHED = declare(
    "notice.published", NOTIFICATION, NoticePublished, "project", "A circular is public."
)
NOTICE_DELIVERED = declare(
    "notice.delivered", NOTIFICATION, NoticeDelivery, "project", "A receiver took it."
)
NOTICE_FAILED = declare(
    "notice.failed", NOTIFICATION, NoticeDelivery, "project", "Given up after the last attempt."
)
REVOCATION_ACKNOWLEDGED = declare(
    "revocation.acknowledged",
    (INTAKE, SCORING, NOTIFICATION),
    RevocationAcknowledged,
    "project",
    "An outlet acted on a revocation.",
    urgent=True,
)
