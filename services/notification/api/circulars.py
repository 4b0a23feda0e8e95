"""The public JSON of the circulars."""

from sqlalchemy.orm import Session

from services.notification import queries
from services.notification.api.schemas import CircularOut
from services.notification.models.register import Circular
from shared.spine.rows import found
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class CircularRoutes(ServiceApi):
    """What was made known."""

    @route("GET", "/v1/circulars", answer=CircularOut, page=True)
    def list_circulars(self, session: Session, call: Call) -> Page:
        """List the circulars in the order of their numbers."""
        return keyset(session, queries.circulars(), call.page)

    @route("GET", "/v1/circulars/<number>", answer=CircularOut)
    def show_circular(self, session: Session, call: Call) -> Circular:
        """Show one circular by its number, such as LAUREL-2021-0003."""
        return found(session, Circular, call.path["number"])
