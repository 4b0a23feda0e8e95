"""Deliveries: their states, who is to be told what, and when to give up."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from shared.errors import InvalidError

# Standard Webhooks 1.0, "Deliverability and reliability": 5 s, 5 min, 30 min, then hours up to a
# day apart; with three short waits more, because a revocation should outlive a restart quickly.
WAIT_SECONDS = (1, 5, 30, 120, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
CONTACT = "contact:"


class DeliveryState(StrEnum):
    """`waiting` for its next attempt, or settled."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryMove(StrEnum):
    """What can happen to a delivery."""

    TAKEN = "taken"
    GIVEN_UP = "given up"
    RETRIED = "retried"


DELIVERIES = {
    (DeliveryState.WAITING, DeliveryMove.TAKEN): DeliveryState.DELIVERED,
    (DeliveryState.WAITING, DeliveryMove.GIVEN_UP): DeliveryState.FAILED,
    (DeliveryState.WAITING, DeliveryMove.RETRIED): DeliveryState.WAITING,
    (DeliveryState.FAILED, DeliveryMove.RETRIED): DeliveryState.WAITING,
}

PUBLIC_TYPES = (
    "project.designated",
    "project.revoked",
    "project.reinstated",
    "project.expired",
    "project.changed",
    "rectification.ordered",
    "rectification.closed",
)
CONTACT_TYPES = (
    "application.returned",
    "application.rejected",
    "application.not_selected",
    "application.resumed",
    *PUBLIC_TYPES,
)


class EndReason(StrEnum):
    """Why a subscriber is written to no more."""

    UNSUBSCRIBED = "unsubscribed"
    GONE = "gone"


def contact_id(project: str) -> str:
    """The subscriber id of a project's own contact."""
    return f"{CONTACT}{project}"


def scopes_of(project: str, unit: str) -> tuple[str, str, str]:
    """Every scope that takes in this project."""
    return ("all", f"unit:{unit}", f"project:{project}")


def check_scope(scope: str) -> None:
    """Raise InvalidError unless the scope is `all`, `unit:<code>` or `project:<id>`."""
    kind, _, name = scope.partition(":")
    if scope != "all" and not (kind in {"unit", "project"} and name):
        message = "must be 'all', 'unit:<code>' or 'project:<id>'"
        raise InvalidError(
            f"The field 'scope' {message}.", errors=[{"field": "scope", "message": message}]
        )


def wait_after(attempt: int, waits: Sequence[float] = WAIT_SECONDS) -> timedelta | None:
    """How long to wait after that many failed attempts; None when it is enough.

    An operator's retry of what was given up gives it one attempt more.
    """
    return timedelta(seconds=waits[attempt - 1]) if attempt <= len(waits) else None
