"""What all services call a project's states, and a revocation's grounds and outlets."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.errors import LaurelError


class State(StrEnum):
    """The life cycle of a project, from an application to the end of its designation."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    TRUTH_REVIEW = "TRUTH_REVIEW"
    RETURNED = "RETURNED"
    INELIGIBLE = "INELIGIBLE"
    NOT_RECOMMENDED = "NOT_RECOMMENDED"
    RECOMMENDED = "RECOMMENDED"
    SCORING = "SCORING"
    SCORED = "SCORED"
    SHORTLISTED = "SHORTLISTED"
    NOT_SELECTED = "NOT_SELECTED"
    PUBLICISED = "PUBLICISED"
    DESIGNATED = "DESIGNATED"
    RECTIFYING = "RECTIFYING"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True)
class Reason:
    """Why a project moved, in the two languages in which outsiders read it."""

    zh: str
    en: str


class Ground(StrEnum):
    """Grounds of revocation (2020 plan, III (4))."""

    INSPECTION_FAILED = "inspection_failed"
    MATERIAL_FALSEHOOD = "material_falsehood"
    CONSUMER_OR_PUBLIC_HARM = "consumer_or_public_harm"
    OTHER_UNLAWFUL_OR_DISHONEST = "other_unlawful_or_dishonest"


DECIDED_GROUNDS = tuple(ground for ground in Ground if ground is not Ground.INSPECTION_FAILED)
"""Those that an official decides on, never an inspection by itself."""


class ChangeKind(StrEnum):
    """Major changes of an undertaker, to be reported in writing (2020 plan, III (4))."""

    MERGER = "merger"
    REORGANISATION = "reorganisation"
    BANKRUPTCY = "bankruptcy"
    LIQUIDATION = "liquidation"
    OTHER = "other"


VIOLATION = "violation"
"""The kind of a report of what may be a ground for revocation."""


class ObjectionOutcome(StrEnum):
    """How an objection ended; one that is not under a real name is not looked into."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"
    NOT_REAL_NAME = "not_real_name"


class Outlet(StrEnum):
    """Where a revocation is acted on, and acknowledged."""

    BAR = "bar"
    ENTRY = "entry"
    REGISTER = "register"
    STATUS_LIST = "status_list"
    CIRCULAR = "circular"
    LETTER = "letter"
    WEBHOOK = "webhook"


SUBSCRIBED_OUTLETS = (Outlet.LETTER, Outlet.WEBHOOK)
"""Those that act only where somebody subscribed."""

NEEDED_OUTLETS = tuple(outlet for outlet in Outlet if outlet not in SUBSCRIBED_OUTLETS)
"""Those that must act on every revocation."""


class UndertakerBarredError(LaurelError):
    """A revoked project bars the undertaker that acted (2020 plan, III (4))."""

    slug = "undertaker-barred"

    @classmethod
    def by(cls, project: str) -> Self:
        """The refusal because of this revoked project."""
        detail = f"The undertaker is barred because project {project} was revoked."
        return cls(detail, project=project)
