"""Inspection: the table of contents."""

from sqlalchemy.orm import Session

from services.inspection.api import InspectionApi
from services.inspection.commands import (
    deadlines,
    messages,
    programmes,
    projects,
    revocations,
    tasks,
)
from services.inspection.commands.message_checks import Incoming
from shared.agency.signing import HEADER
from shared.catalogue import (
    CHANGE_REPORTED,
    NOTICE_DELIVERED,
    NOTICE_FAILED,
    NOTICE_PUBLISHED,
    PROGRAMME_PUBLISHED,
    PROJECT_DESIGNATED,
    REVOCATION_ACKNOWLEDGED,
    VIOLATION_REPORTED,
)
from shared.spine.broker import Delivery
from shared.spine.context import Context
from shared.spine.entrypoints import every, handles, receives
from shared.spine.envelope import Event
from shared.telemetry import QUARANTINED, REVOCATION_PROPAGATION, REVOCATIONS_UNACKNOWLEDGED


class InspectionService(InspectionApi):
    """Supervises designated projects; the only service that revokes."""

    name = "inspection"

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session: Session, event: Event, context: Context) -> None:
        """Keep the round's definition. The newest edition wins."""
        programmes.keep_programme(session, event, context)

    @handles(PROJECT_DESIGNATED)
    def enrol_project(self, session: Session, event: Event, _context: Context) -> None:
        """Put the project under supervision. Harmless twice: the newest sequence wins."""
        projects.enrol_project(session, event)

    @handles(CHANGE_REPORTED, VIOLATION_REPORTED)
    def open_task(self, session: Session, event: Event, _context: Context) -> None:
        """Open a task for an official; a report never revokes by itself."""
        tasks.open_task(session, event)

    @handles(REVOCATION_ACKNOWLEDGED)
    def record_acknowledgement(self, session: Session, event: Event, context: Context) -> None:
        """Enter in the ledger that an outlet acted on a revocation."""
        seconds = revocations.record_acknowledgement(session, event, context)
        if seconds is not None:
            REVOCATION_PROPAGATION.labels(self.name, event.data["outlet"]).observe(seconds)

    @handles(NOTICE_PUBLISHED, NOTICE_DELIVERED, NOTICE_FAILED)
    def note_notice(self, session: Session, event: Event, _context: Context) -> None:
        """Keep the circular's number and what could not be delivered."""
        revocations.note_notice(session, event)

    @receives("agency.*.inspection.reported")
    def receive_report(self, session: Session, delivery: Delivery, context: Context) -> None:
        """Check an agency's report, judge it, answer with a receipt."""
        self._receive(session, delivery, context)

    @receives("agency.*.inspection.started")
    def receive_start(self, session: Session, delivery: Delivery, context: Context) -> None:
        """Check an agency's notice that it has begun, answer with a receipt."""
        self._receive(session, delivery, context)

    @every(seconds=1)
    def revoke_overdue(self, session: Session, context: Context) -> int:
        """Revoke what was not put right by its deadline."""
        return deadlines.revoke_overdue(session, context)

    @every(seconds=1)
    def expire_due(self, session: Session, context: Context) -> int:
        """Expire what has run out."""
        return deadlines.expire_due(session, context)

    @every(seconds=5)
    def measure_ledger(self, session: Session, context: Context) -> None:
        """Show how many revocations wait for an outlet."""
        count = revocations.settle_revocations(session, context)
        REVOCATIONS_UNACKNOWLEDGED.labels(self.name).set(count)

    def _receive(self, session: Session, delivery: Delivery, context: Context) -> None:
        words = delivery.routing_key.split(".")
        signature = delivery.headers.get(HEADER)
        incoming = Incoming(
            body=delivery.body,
            content_type=delivery.content_type,
            signature=str(signature) if signature is not None else None,
            channel="amqp",
            route_agency=words[1],
            route_type=".".join(words[2:]),
            user=delivery.user_id,
        )
        receipt = messages.receive_message(session, incoming, context)
        if receipt.status == messages.REJECTED:
            QUARANTINED.labels(self.name, receipt.code).inc()
