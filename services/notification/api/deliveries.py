"""Routes of letters and webhooks, for officials and operators."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.api.schemas import DeliveryOut, DeliveryPageOut, DeliveryQuery
from services.notification.commands import deliveries
from services.notification.models.deliveries import Attempt, Delivery
from shared.spine.rows import found, narrowed
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

STAFF = ("official", "operator")


class DeliveryRoutes(ServiceApi):
    """What became of each."""

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
        return deliveries.retry_delivery(session, call.path["delivery"])
