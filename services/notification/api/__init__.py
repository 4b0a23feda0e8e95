"""Notification's JSON over HTTP, and its part of the operator's page."""

from services.notification.api.deliveries import DeliveriesApi
from services.notification.api.operations import OperatorSections
from services.notification.api.register import RegisterApi


class NotificationApi(RegisterApi, DeliveriesApi, OperatorSections):
    """All of it."""
