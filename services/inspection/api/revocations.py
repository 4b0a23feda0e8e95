"""Routes of the ledger of revocations."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.models.revocations import Revocation
from services.inspection.queries import ledger_lines
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route

READERS = ("official", "operator")


class RevocationRoutes(ServiceApi):
    """Which outlet acted, and when."""

    @route("GET", "/v1/revocations", role=READERS, page=True)
    def list_revocations(self, session: Session, call: Call) -> Page:
        """List revocations with their circulars and the seconds each outlet took."""
        page = keyset(session, select(Revocation), call.page)
        return Page(ledger_lines(session, page.items), page.next_cursor)
