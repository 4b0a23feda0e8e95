"""Every event once: its name, owner, schema and meaning.

AsyncAPI, JSON Schemas and the event table of the documents are generated from here. Unknown fields
are ignored; a breaking change is a new version beside the old.
"""

from shared.catalogue.inspection import (
    AGENCY_RECEIPT,
    INSPECTION_COMPLETED,
    INSPECTION_DRAWN,
    INSPECTION_PLANNED,
    PROJECT_CHANGED,
    PROJECT_EXPIRED,
    PROJECT_REINSTATED,
    PROJECT_REVOKED,
    RECTIFICATION_CLOSED,
    RECTIFICATION_ORDERED,
)
from shared.catalogue.intake import (
    APPLICATION_RECOMMENDED,
    APPLICATION_REJECTED,
    APPLICATION_RETURNED,
    APPLICATION_SUBMITTED,
    CHANGE_REPORTED,
    PROGRAMME_PUBLISHED,
    VIOLATION_REPORTED,
)
from shared.catalogue.names import INSPECTION, INTAKE, NOTIFICATION, SCORING, SERVICES
from shared.catalogue.notification import (
    NOTICE_DELIVERED,
    NOTICE_FAILED,
    NOTICE_PUBLISHED,
    REVOCATION_ACKNOWLEDGED,
)
from shared.catalogue.scoring import (
    APPLICATION_NOT_SELECTED,
    APPLICATION_RESUMED,
    APPLICATION_SCORED,
    OBJECTION_DECIDED,
    PROJECT_DESIGNATED,
    PUBLICITY_OPENED,
)
from shared.spine.broker.topology import PARTNER_EVENTS, PARTNER_RECEIPTS
from shared.spine.events import CATALOGUE, EventType
