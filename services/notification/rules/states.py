"""The states of a project as the public sees them, and what each means in the status list."""

from enum import IntEnum, StrEnum


class ProjectState(StrEnum):
    """The life cycle of the programme (domain: section Life cycle)."""

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


BEFORE_PUBLICITY = frozenset(
    {ProjectState.RECOMMENDED, ProjectState.SCORING, ProjectState.SCORED, ProjectState.SHORTLISTED}
)
ENROLLED = frozenset(
    {
        ProjectState.DESIGNATED,
        ProjectState.RECTIFYING,
        ProjectState.REVOKED,
        ProjectState.EXPIRED,
        ProjectState.WITHDRAWN,
    }
)
REGISTERED = ENROLLED | {ProjectState.PUBLICISED}


class Status(IntEnum):
    """Two bits for each project in the status list; what nobody was given reads NOT_DESIGNATED."""

    DESIGNATED = 0
    NOT_DESIGNATED = 1
    SUSPENDED = 2


_STATUS = {
    ProjectState.DESIGNATED: Status.DESIGNATED,
    ProjectState.RECTIFYING: Status.SUSPENDED,
}


def status_of(state: str) -> Status:
    """What the status list says of a project in this state; fails closed."""
    return _STATUS.get(ProjectState(state), Status.NOT_DESIGNATED)


def shown_state(stated: str, *, publicised: bool) -> str:
    """The state to show: a publicity list moves its entries on without events of their own."""
    if publicised and stated in BEFORE_PUBLICITY:
        return ProjectState.PUBLICISED
    return stated
