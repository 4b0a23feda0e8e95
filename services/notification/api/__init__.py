"""Notification's JSON over HTTP."""

from services.notification.api.deliveries import DeliveriesApi
from services.notification.api.register import RegisterApi


class NotificationApi(RegisterApi, DeliveriesApi):
    """All of it."""
