"""What notification adds to the operator's page: letters and webhooks that failed for good."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification.commands import deliveries
from services.notification.models.deliveries import Delivery
from services.notification.rules.deliveries import DeliveryState
from shared.web.browsers import PLACE
from shared.web.operations.page.render import go_to, instant
from shared.web.operations.page.sections import Action, Line, Section
from shared.web.routes import Call, ServiceApi, route

NAME = "deliveries"
RETRY = f"{PLACE}/{NAME}/<delivery>/retry"
SHOWN = 50
COLUMNS = ("Project", "By", "To", "About", "Error", "Given up")
MEANING = (
    "Letters and webhooks that the receiver refused for good, or too often. Have the cause put "
    "right, then attempt the delivery again."
)


class OperatorSections(ServiceApi):
    """Failed deliveries, with a button for each."""

    def operator_sections(self, session: Session) -> Sequence[Section]:
        """The newest failed deliveries."""
        lines = [_line(row) for row in session.scalars(_failed().limit(SHOWN))]
        count = session.scalar(select(func.count()).select_from(_failed().subquery())) or 0
        return [Section(NAME, "Failed deliveries", MEANING, COLUMNS, lines, count)]

    @route("POST", RETRY, role="operator", status=303, produces="text/html", browser=True)
    def retry_delivery_from_page(self, session: Session, call: Call) -> Response:
        """Have a letter or webhook attempted once more at once, and go back."""
        deliveries.retry_delivery(session, call.path["delivery"])
        return go_to(f"{PLACE}#{NAME}")


def _failed() -> Select[Any]:
    failed = select(Delivery).where(Delivery.state == DeliveryState.FAILED)
    return failed.order_by(Delivery.id.desc())


def _line(row: Delivery) -> Line:
    cells = (
        row.project,
        row.outlet,
        row.subscriber,
        row.cause_type,
        row.error or "",
        instant(row.settled_at),
    )
    return Line(cells, Action("Attempt again", RETRY.replace("<delivery>", row.id)))
