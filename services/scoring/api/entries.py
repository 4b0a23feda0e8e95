"""Routes of entries."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.api.schemas import EntryOut, EntryQuery, EntryToScore
from services.scoring.commands import assignments
from shared.spine.rows import found, narrowed
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route
from shared.web.spec import built


class EntryRoutes(ServiceApi):
    """What is scored and selected."""

    @route("GET", "/v1/entries", role="official", query=EntryQuery, answer=EntryOut, page=True)
    def list_entries(self, session: Session, call: Call) -> Page:
        """List entries."""
        statement = narrowed(select(models.Entry), models.Entry, call.query)
        return keyset(session, statement, call.page)

    @route("GET", "/v1/entries/<project>", role=("official", "expert"), answer=EntryOut)
    def show_entry(self, session: Session, call: Call) -> models.Entry | dict[str, Any]:
        """Show one entry; experts see what they are to score, and nobody's outcome."""
        entry = found(session, models.Entry, call.path["project"])
        if call.actor.role == "official":
            return entry
        assignments.own_assignment(session, entry.project, call.actor)
        return dict(built(EntryToScore).dump(entry))
