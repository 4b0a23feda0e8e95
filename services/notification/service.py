"""Notification: whom it listens to, and what it then does."""

from sqlalchemy.orm import Session

from services.notification.api import NotificationApi
from services.notification.commands import (
    announcements,
    circulars,
    proceedings,
    programmes,
    subscribers,
)
from services.notification.couriers.letters import LetterCourier
from services.notification.couriers.webhooks import WebhookCourier
from services.notification.deliveries import deliver_due
from services.notification.site import SitePages
from shared import catalogue
from shared.clock import Clock
from shared.spine.context import Context
from shared.spine.database import Database
from shared.spine.entrypoints import every, handles
from shared.spine.envelope import Event

WEBHOOKS_AT_ONCE = 8  # each to a receiver of its own


class NotificationService(SitePages, NotificationApi):
    """Tells the public: register, status list, circulars, letters, webhooks."""

    name = "notification"

    @handles(catalogue.PROGRAMME_PUBLISHED)
    def keep_programme(self, session: Session, event: Event, context: Context) -> None:
        """Keep the round's definition; the newest edition wins."""
        programmes.keep_programme(session, event, context)

    @handles(catalogue.APPLICATION_SUBMITTED)
    def keep_application(self, session: Session, event: Event, context: Context) -> None:
        """Follow the application and write to its contact from now on."""
        subscribers.keep_application(session, event, context)

    @handles(
        catalogue.APPLICATION_RETURNED,
        catalogue.APPLICATION_RECOMMENDED,
        catalogue.APPLICATION_REJECTED,
        catalogue.APPLICATION_SCORED,
        catalogue.APPLICATION_NOT_SELECTED,
        catalogue.APPLICATION_RESUMED,
    )
    def follow_application(self, session: Session, event: Event, context: Context) -> None:
        """Follow the application; its contact is told how the reviews ended."""
        announcements.announce_change(session, event, context)

    @handles(catalogue.PUBLICITY_OPENED)
    def open_publicity(self, session: Session, event: Event, _context: Context) -> None:
        """Show the list and its entries as publicised."""
        proceedings.open_publicity(session, event)

    @handles(catalogue.OBJECTION_DECIDED)
    def keep_objection(self, session: Session, event: Event, _context: Context) -> None:
        """Show how an objection ended."""
        proceedings.keep_objection(session, event)

    @handles(
        catalogue.PROJECT_DESIGNATED,
        catalogue.PROJECT_EXPIRED,
        catalogue.RECTIFICATION_ORDERED,
        catalogue.RECTIFICATION_CLOSED,
    )
    def follow_project(self, session: Session, event: Event, context: Context) -> None:
        """Bring register and status list up to date, and tell the subscribers."""
        announcements.announce_change(session, event, context)

    @handles(catalogue.PROJECT_CHANGED)
    def follow_change(self, session: Session, event: Event, context: Context) -> None:
        """Follow a new undertaker, with its address, or a withdrawal, and tell the subscribers."""
        subscribers.follow_change(session, event, context)

    @handles(catalogue.PROJECT_REVOKED)
    def circulate_revocation(self, session: Session, event: Event, context: Context) -> None:
        """Register, status list, circular, letters and webhooks in one transaction."""
        circulars.circulate_revocation(session, event, context)

    @handles(catalogue.PROJECT_REINSTATED)
    def circulate_reinstatement(self, session: Session, event: Event, context: Context) -> None:
        """Make a reinstatement known as widely as the revocation was."""
        circulars.circulate_reinstatement(session, event, context)

    @handles(catalogue.INSPECTION_PLANNED)
    def announce_plan(self, session: Session, event: Event, _context: Context) -> None:
        """Show what was frozen before the draw."""
        proceedings.announce_plan(session, event)

    @handles(catalogue.INSPECTION_DRAWN)
    def keep_draw(self, session: Session, event: Event, _context: Context) -> None:
        """Show the draw's transcript."""
        proceedings.keep_draw(session, event)

    @handles(catalogue.INSPECTION_COMPLETED)
    def keep_inspection(self, session: Session, event: Event, _context: Context) -> None:
        """Show an inspection's verdict."""
        proceedings.keep_inspection(session, event)

    @every(seconds=1, outside=True)
    def deliver_letters(self, database: Database, clock: Clock) -> int:
        """Send the letters that are due."""
        with LetterCourier(self.runtime.settings, clock.kind) as courier:
            return deliver_due(database, clock, courier)

    @every(seconds=1, outside=True, threads=WEBHOOKS_AT_ONCE)
    def deliver_webhooks(self, database: Database, clock: Clock) -> int:
        """Post the webhooks that are due."""
        return deliver_due(database, clock, WebhookCourier(self.runtime.settings, clock.kind))
