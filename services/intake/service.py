"""Intake: the table of contents."""

from sqlalchemy.orm import Session

from services.intake.api import IntakeApi
from services.intake.commands import applications, bars
from shared.catalogue import (
    APPLICATION_NOT_SELECTED,
    APPLICATION_RESUMED,
    APPLICATION_SCORED,
    PROJECT_CHANGED,
    PROJECT_DESIGNATED,
    PROJECT_EXPIRED,
    PROJECT_REINSTATED,
    PROJECT_REVOKED,
)
from shared.spine.context import Context
from shared.spine.entrypoints import handles
from shared.spine.envelope import Event


class IntakeService(IntakeApi):
    """Takes applications, has their truth checked, and keeps the revoked out."""

    name = "intake"

    @handles(
        APPLICATION_SCORED,
        APPLICATION_NOT_SELECTED,
        APPLICATION_RESUMED,
        PROJECT_DESIGNATED,
        PROJECT_REVOKED,
        PROJECT_REINSTATED,
        PROJECT_EXPIRED,
        PROJECT_CHANGED,
    )
    def follow_project(self, session: Session, event: Event, context: Context) -> None:
        """Show applicants how it goes on. The newest sequence wins."""
        applications.follow_project(session, event, context)

    @handles(PROJECT_REVOKED)
    def bar_undertaker(self, session: Session, event: Event, context: Context) -> None:
        """Bar the undertaker from new applications, and acknowledge: the outlet `bar`."""
        bars.bar_undertaker(session, event, context)

    @handles(PROJECT_REINSTATED)
    def lift_bar(self, session: Session, event: Event, _context: Context) -> None:
        """Lift the bar of a reinstated project."""
        bars.lift_bar(session, event)
