"""Notification's JSON over HTTP, by what it is about, and its part of the operator's page."""

from services.notification.api.circulars import CircularRoutes
from services.notification.api.deliveries import DeliveryRoutes
from services.notification.api.operations import OperatorSections
from services.notification.api.register import RegisterRoutes
from services.notification.api.status_list import StatusListRoutes
from services.notification.api.subscribers import SubscriberRoutes


class NotificationApi(
    RegisterRoutes,
    CircularRoutes,
    StatusListRoutes,
    SubscriberRoutes,
    DeliveryRoutes,
    OperatorSections,
):
    """All of notification's routes."""
