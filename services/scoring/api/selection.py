"""Routes of the selection: entries, ranking, publicity, objections."""

from typing import Any

from sqlalchemy import select

from services.scoring import commands, models
from services.scoring.api.schemas import (
    DecisionIn,
    EntryOut,
    EntryQuery,
    ObjectionIn,
    ObjectionReceipt,
    ProgrammeIn,
    PublicityOut,
    SealedObjection,
)
from shared.spine.rows import found, narrowed
from shared.web.paging import Page, keyset
from shared.web.spec import Call, route


class SelectionRoutes:
    """From scores to the list."""

    @route("GET", "/v1/entries", role="official", query=EntryQuery, answer=EntryOut, page=True)
    def list_entries(self, session: Any, call: Call) -> Page:
        """List entries."""
        statement = narrowed(select(models.Entry), models.Entry, call.query)
        return keyset(session, statement, call.page)

    @route("GET", "/v1/entries/<project>", role=("official", "expert"), answer=EntryOut)
    def show_entry(self, session: Any, call: Call) -> models.Entry:
        """Show one entry."""
        return found(session, models.Entry, call.path["project"])

    @route("POST", "/v1/rankings", role="official", body=ProgrammeIn, status=201)
    def rank_entries(self, session: Any, call: Call) -> dict[str, Any]:
        """Rank all scored entries under the quotas; every outcome is explained."""
        entries = commands.rank_entries(session, call.body["programme"], call.context)
        return {"items": EntryOut(many=True).dump(entries)}

    @route(
        "POST", "/v1/publicity", role="official", body=ProgrammeIn, answer=PublicityOut, status=201
    )
    def open_publicity(self, session: Any, call: Call) -> models.Publicity:
        """Make the shortlist public for objections, counted in Chinese working days."""
        return commands.open_publicity(session, call.body["programme"], call.context)

    @route("GET", "/v1/publicity/<publicity>", answer=PublicityOut)
    def show_publicity(self, session: Any, call: Call) -> models.Publicity:
        """Show a list's publicity period."""
        return found(session, models.Publicity, call.path["publicity"])

    @route("POST", "/v1/objections", body=ObjectionIn, answer=ObjectionReceipt, status=201)
    def receive_objection(self, session: Any, call: Call) -> models.Objection:
        """Object to a project under publicity, with real name and evidence.

        The name is kept sealed from the undertaker; anonymous objections are not taken.
        """
        return commands.receive_objection(session, call.body, call.context)

    @route("GET", "/v1/objections", role="official", answer=SealedObjection, page=True)
    def list_objections(self, session: Any, call: Call) -> Page:
        """List objections, with who objected: for officials only."""
        return keyset(session, select(models.Objection), call.page)

    @route(
        "POST",
        "/v1/objections/<objection>/decide",
        role="official",
        body=DecisionIn,
        answer=ObjectionReceipt,
    )
    def decide_objection(self, session: Any, call: Call) -> models.Objection:
        """Decide an objection; an upheld one ends the project's selection."""
        return commands.decide_objection(session, call.path["objection"], call.body, call.context)
