"""Routes of the selection: ranking and publicity."""

from typing import Any

from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.api.schemas import EntryOut, ProgrammeIn, PublicityOut
from services.scoring.commands import selection
from shared.spine.rows import found
from shared.web.routes import Call, ServiceApi, route


class SelectionRoutes(ServiceApi):
    """From scores to the list."""

    @route("POST", "/v1/rankings", role="official", body=ProgrammeIn, status=201)
    def rank_entries(self, session: Session, call: Call) -> dict[str, Any]:
        """Rank all scored entries under the quotas; every outcome is explained."""
        entries = selection.rank_entries(session, call.body["programme"], call.context)
        return {"items": EntryOut(many=True).dump(entries)}

    @route(
        "POST", "/v1/publicity", role="official", body=ProgrammeIn, answer=PublicityOut, status=201
    )
    def open_publicity(self, session: Session, call: Call) -> models.Publicity:
        """Make the shortlist public for objections, counted in Chinese working days."""
        return selection.open_publicity(session, call.body["programme"], call.context)

    @route("GET", "/v1/publicity/<publicity>", answer=PublicityOut)
    def show_publicity(self, session: Session, call: Call) -> models.Publicity:
        """Show a list's publicity period."""
        return found(session, models.Publicity, call.path["publicity"])
