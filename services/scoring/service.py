"""Scoring: the table of contents."""

from sqlalchemy.orm import Session

from services.scoring.api import ScoringApi
from services.scoring.commands import entries, programmes, selection
from shared.catalogue import (
    APPLICATION_RECOMMENDED,
    PROGRAMME_PUBLISHED,
    PROJECT_CHANGED,
    PROJECT_REINSTATED,
    PROJECT_REVOKED,
)
from shared.spine.context import Context
from shared.spine.entrypoints import every, handles
from shared.spine.envelope import Event


class ScoringService(ScoringApi):
    """Has experts score, ranks under quotas, hears objections, designates."""

    name = "scoring"

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session: Session, event: Event, _context: Context) -> None:
        """Keep the round's definition. The newest edition wins."""
        programmes.keep_programme(session, event)

    @handles(APPLICATION_RECOMMENDED)
    def enter_application(self, session: Session, event: Event, context: Context) -> None:
        """Enter a recommended application and check its form."""
        entries.enter_application(session, event, context)

    @handles(PROJECT_REVOKED)
    def close_entry(self, session: Session, event: Event, context: Context) -> None:
        """Close the entry of a revoked project, and acknowledge: the outlet `entry`."""
        entries.close_entry(session, event, context)

    @handles(PROJECT_REINSTATED)
    def reopen_entry(self, session: Session, event: Event, context: Context) -> None:
        """Show the entry of a reinstated project as designated again; what it ended goes on."""
        entries.follow_project(session, event, context)

    @handles(PROJECT_CHANGED)
    def follow_project(self, session: Session, event: Event, context: Context) -> None:
        """Follow another undertaker of a designated project, or its withdrawal."""
        entries.follow_project(session, event, context)

    @every(seconds=1)
    def designate_due(self, session: Session, context: Context) -> int:
        """Designate what publicity is over for."""
        return selection.designate_due(session, context)
