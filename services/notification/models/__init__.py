"""The tables that notification owns, by aggregate."""

from services.notification.models.base import Base, Json
from services.notification.models.deliveries import Attempt, Delivery, Subscriber
from services.notification.models.proceedings import (
    Inspection,
    ObjectionDecision,
    Plan,
    Programme,
    Publicity,
)
from services.notification.models.register import (
    Acknowledgement,
    Circular,
    Counter,
    HistoryEntry,
    Project,
    StatusSlot,
)

__all__ = [
    "Acknowledgement",
    "Attempt",
    "Base",
    "Circular",
    "Counter",
    "Delivery",
    "HistoryEntry",
    "Inspection",
    "Json",
    "ObjectionDecision",
    "Plan",
    "Programme",
    "Project",
    "Publicity",
    "StatusSlot",
    "Subscriber",
]
