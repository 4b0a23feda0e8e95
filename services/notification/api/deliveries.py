"""Subscribers and deliveries, for officials and operators."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification import commands
from services.notification.api.schemas import (
    DeliveryOut,
    DeliveryPageOut,
    DeliveryQuery,
    NewSubscriberOut,
    SubscriberIn,
    SubscriberOut,
)
from services.notification.models import Attempt, Delivery, Subscriber
from services.notification.rules.deliveries import EndReason
from services.notification.rules.webhooks import secret_of
from shared.project import Outlet
from shared.spine.rows import found, narrowed
from shared.web.access import private_bytes
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

STAFF = ("official", "operator")


class DeliveriesApi(ServiceApi):
    """Who is written to, and what became of it."""

    @route(
        "POST",
        "/v1/subscribers",
        role="official",
        body=SubscriberIn,
        answer=NewSubscriberOut,
        status=201,
        secret=True,
    )
    def add_subscriber(self, session: Session, call: Call) -> Subscriber:
        """Have letters or webhooks sent about every project, those of a unit, or one.

        A webhook's `secret` is in this answer only. Webhooks follow Standard Webhooks 1.0.
        """
        networks = self.runtime.settings.reachable_networks
        added = commands.add_subscriber(session, call.body, call.context, networks)
        if added.kind == Outlet.WEBHOOK:
            added.secret = secret_of(added.id, private_bytes(self.runtime.settings.status_key))
        return added

    @route("GET", "/v1/subscribers", role="official", answer=SubscriberOut, page=True)
    def list_subscribers(self, session: Session, call: Call) -> Page:
        """List the subscribers, ended ones too."""
        return keyset(session, select(Subscriber), call.page)

    @route("DELETE", "/v1/subscribers/<subscriber>", role="official", status=204)
    def end_subscriber(self, session: Session, call: Call) -> Response:
        """Write to a subscriber no more; what is still on its way to it is given up."""
        reason = EndReason.UNSUBSCRIBED
        commands.end_subscriber(session, call.path["subscriber"], reason, call.context)
        return Response(status=204)

    @route("GET", "/v1/deliveries", role=STAFF, query=DeliveryQuery, answer=DeliveryOut, page=True)
    def list_deliveries(self, session: Session, call: Call) -> Page:
        """List letters and webhooks, oldest first."""
        statement = narrowed(select(Delivery), Delivery, call.query)
        return keyset(session, statement, call.page)

    @route("GET", "/v1/deliveries/<delivery>", role=STAFF, answer=DeliveryPageOut)
    def show_delivery(self, session: Session, call: Call) -> dict[str, Any]:
        """Show one letter or webhook with the log of its attempts."""
        delivery = found(session, Delivery, call.path["delivery"])
        log = select(Attempt).where(Attempt.delivery == delivery.id).order_by(Attempt.number)
        columns = [column.key for column in Delivery.__mapper__.column_attrs]
        return {name: getattr(delivery, name) for name in columns} | {
            "log": session.scalars(log).all()
        }

    @route("POST", "/v1/deliveries/<delivery>/retry", role=STAFF, answer=DeliveryOut, status=202)
    def retry_delivery(self, session: Session, call: Call) -> Delivery:
        """Have a letter or webhook attempted once more at once; a delivered one is refused."""
        return commands.retry_delivery(session, call.path["delivery"])
