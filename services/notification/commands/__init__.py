"""What notification does, by aggregate; each command loads, asks the rules, changes and records."""

from services.notification.commands.announcements import announce_change
from services.notification.commands.circulars import circulate_reinstatement, circulate_revocation
from services.notification.commands.deliveries import (
    claim_delivery,
    retry_delivery,
    settle_delivery,
)
from services.notification.commands.proceedings import (
    announce_plan,
    keep_draw,
    keep_inspection,
    keep_objection,
    keep_programme,
    open_publicity,
)
from services.notification.commands.subscribers import (
    add_subscriber,
    end_subscriber,
    follow_change,
    keep_application,
)

__all__ = [
    "add_subscriber",
    "announce_change",
    "announce_plan",
    "circulate_reinstatement",
    "circulate_revocation",
    "claim_delivery",
    "end_subscriber",
    "follow_change",
    "keep_application",
    "keep_draw",
    "keep_inspection",
    "keep_objection",
    "keep_programme",
    "open_publicity",
    "retry_delivery",
    "settle_delivery",
]
