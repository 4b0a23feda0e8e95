"""Routes of subscribers, for officials."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification.api.schemas import NewSubscriberOut, SubscriberIn, SubscriberOut
from services.notification.commands import subscribers
from services.notification.models.deliveries import Subscriber
from services.notification.rules.deliveries import EndReason
from services.notification.rules.webhooks import secret_of
from shared.project import Outlet
from shared.web.access import private_bytes
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class SubscriberRoutes(ServiceApi):
    """Who is written to."""

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
        added = subscribers.add_subscriber(session, call.body, call.context, networks)
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
        subscribers.end_subscriber(session, call.path["subscriber"], reason, call.context)
        return Response(status=204)
