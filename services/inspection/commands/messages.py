"""Agency messages, over AMQP and HTTPS through this one check, each answered by a receipt.

The order of the checks is a promise to agencies (deploy/agency-kit). What fails goes to quarantine
with its bytes and changes nothing else; the same bytes again get the same receipt again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection import models
from services.inspection.commands.inspections import conclude_inspection, start_inspection
from services.inspection.rules import UNPROVED, Code, Stage, disagreements
from shared.agency.message import (
    REPORTED,
    AgencyMessage,
    WrongSchemaError,
    implausible,
    load_report,
    read_message,
)
from shared.agency.signing import SignatureError, key_id_of, verify
from shared.catalogue import AGENCY_RECEIPT
from shared.spine.envelope import UndecodableError, new_id
from shared.spine.outbox import record
from shared.workdays import china_date

MAX_AGE = timedelta(days=7)
MAX_AHEAD = timedelta(minutes=5)
ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True)
class Incoming:
    """What came in, byte for byte; `route_agency` and `route_type` are None on HTTPS."""

    body: bytes
    content_type: str | None
    signature: str | None
    channel: str
    route_agency: str | None = None
    route_type: str | None = None
    user: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over body and signature."""
        joined = self.body + b"\0" + (self.signature or "").encode("utf-8", "replace")
        return hashlib.sha256(joined).hexdigest()


class Rejected(Exception):  # noqa: N818 - an outcome, not a fault
    """A message is refused with this code and reason."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def receive_message(session: Session, incoming: Incoming, *, now: datetime) -> models.Message:
    """Check a message, act on it if it passes, and give its receipt, which is also published."""
    message: AgencyMessage | None = None
    try:
        message = _read(incoming)
        session.info["traceparent"] = message.traceparent or session.info.get("traceparent")
        _lock_agency(session, message)
        _check_channel(incoming, message)
        receipt = _answered(session, incoming, message)
        if receipt is None:
            _check_signature(session, incoming, message, now)
            _check_time(message, now)
            receipt = _accepted(session, incoming, message) or _taken(
                session, incoming, message, now
            )
    except Rejected as refusal:
        receipt = _refused(session, incoming, message, refusal, now)
    if receipt.agency is not None:
        record(session, AGENCY_RECEIPT, receipt, cause=None, now=now)
    return receipt


def _read(incoming: Incoming) -> AgencyMessage:
    try:
        return read_message(incoming.body, incoming.content_type)
    except UndecodableError as error:
        raise Rejected(Code.UNDECODABLE, error.detail) from error


def _lock_agency(session: Session, message: AgencyMessage) -> None:
    """One message of an agency at a time, so that the same one is never judged twice at once."""
    lock = {"key_share": True}
    if session.get(models.Agency, message.agency, with_for_update=lock) is None:
        raise Rejected(Code.UNKNOWN_AGENCY, f"No agency {message.agency!r} is registered.")


def _check_channel(incoming: Incoming, message: AgencyMessage) -> None:
    """The broker's topic permissions tie the key to the user; the message must agree with both."""
    if incoming.route_agency is None:
        return
    fits = message.type.removeprefix("laurel.") == incoming.route_type
    if incoming.route_agency != message.agency or not fits:
        raise Rejected(Code.WRONG_CHANNEL, "The routing key does not fit the message.")
    user = incoming.user or ""
    if user.startswith("agency-") and user != f"agency-{message.agency}":
        raise Rejected(Code.WRONG_CHANNEL, "The broker user is another agency's.")


def _answered(
    session: Session, incoming: Incoming, message: AgencyMessage
) -> models.Message | None:
    """The receipt that the same bytes got once it was proved who had sent them."""
    table = models.Message
    same = (table.digest == incoming.digest, table.code.not_in(UNPROVED))
    return session.scalars(select(table).where(table.agency == message.agency, *same)).first()


def _check_signature(
    session: Session, incoming: Incoming, message: AgencyMessage, now: datetime
) -> None:
    if incoming.signature is None:
        raise Rejected(Code.BAD_SIGNATURE, "The header laurel-signature is missing.")
    try:
        kid = key_id_of(incoming.signature)
        key = session.get(models.AgencyKey, (message.agency, kid))
        if key is None:
            raise Rejected(Code.UNKNOWN_KEY, f"Agency {message.agency} has no key {kid!r}.")
        for instant in (message.time, now):
            if not key.valid_from <= instant < key.valid_to:
                reason = f"Key {kid!r} is not valid at {instant.isoformat()}."
                raise Rejected(Code.KEY_NOT_VALID, reason)
        verify(incoming.body, incoming.signature, key.public_jwk)
    except SignatureError as error:
        raise Rejected(Code.BAD_SIGNATURE, error.detail) from error


def _check_time(message: AgencyMessage, now: datetime) -> None:
    if message.time < now - MAX_AGE:
        raise Rejected(Code.STALE, f"The message is older than {MAX_AGE.days} days; make it anew.")
    if message.time > now + MAX_AHEAD:
        raise Rejected(Code.FROM_FUTURE, "The message's time lies ahead; set your clock.")


def _accepted(
    session: Session, incoming: Incoming, message: AgencyMessage
) -> models.Message | None:
    """What was accepted under this id; refused unless it had the same body."""
    table = models.Message
    same = (table.message == message.id, table.status == ACCEPTED)
    row = session.scalars(select(table).where(table.agency == message.agency, *same)).first()
    if row is not None and row.body != incoming.body:
        raise Rejected(Code.DUPLICATE_ID, f"Id {message.id!r} was used with another body.")
    return row


def _taken(
    session: Session, incoming: Incoming, message: AgencyMessage, now: datetime
) -> models.Message:
    inspection = _assigned(session, message)
    report = _report(message, inspection, now)
    row = _row(incoming, message, message.agency, now)
    session.add(row)
    _act(session, row, inspection, report, now)
    return row


def _assigned(session: Session, message: AgencyMessage) -> models.Inspection:
    inspection = session.get(models.Inspection, message.inspection, with_for_update=True)
    if inspection is None:
        raise Rejected(Code.UNKNOWN_INSPECTION, f"No inspection {message.inspection!r}.")
    if inspection.agency != message.agency:
        raise Rejected(Code.NOT_ASSIGNED, "This inspection is assigned to another agency.")
    return inspection


def _report(
    message: AgencyMessage, inspection: models.Inspection, now: datetime
) -> dict[str, Any] | None:
    if message.type != REPORTED:
        if inspection.stage != Stage.NOTIFIED:
            raise Rejected(Code.ALREADY_REPORTED, f"The inspection is {inspection.stage} already.")
        return None
    try:
        report = load_report(message.data)
    except WrongSchemaError as error:
        raise Rejected(Code.WRONG_SCHEMA, error.detail) from error
    problems = implausible(report, today=china_date(now)) + disagreements(
        report, method=inspection.method, drawn_on=china_date(inspection.drawn_at),
        inspectors=inspection.inspectors,
    )  # fmt: skip
    if problems:
        raise Rejected(Code.IMPLAUSIBLE, "; ".join(problems))
    if inspection.stage not in (Stage.NOTIFIED, Stage.IN_PROGRESS):
        raise Rejected(Code.ALREADY_REPORTED, f"The inspection is {inspection.stage} already.")
    return report


def _act(
    session: Session, row: models.Message, inspection: models.Inspection,
    report: dict[str, Any] | None, now: datetime,
) -> None:  # fmt: skip
    row.status, row.code, row.reason = ACCEPTED, Code.ACCEPTED, "Accepted."
    if report is None:
        start_inspection(inspection)
        return
    actor = f"agency:{row.agency}"
    verdict = conclude_inspection(
        session, inspection, report, message=row.receipt, actor=actor, cause=None, now=now
    )
    row.outcome = verdict.outcome
    row.reasons_zh, row.reasons_en = list(verdict.reasons_zh), list(verdict.reasons_en)


def _refused(
    session: Session, incoming: Incoming, message: AgencyMessage | None, refusal: Rejected,
    now: datetime,
) -> models.Message:  # fmt: skip
    """The quarantined row; the same bytes refused for the same reason share one."""
    table, agency = models.Message, _sender(session, incoming, message)
    same = (table.digest == incoming.digest, table.code == refusal.code, table.agency == agency)
    row = session.scalars(select(table).where(*same)).first()
    if row is None:
        row = _row(incoming, message, agency, now)
        row.status, row.code, row.reason = REJECTED, refusal.code, refusal.reason
        session.add(row)
    return row


def _sender(session: Session, incoming: Incoming, message: AgencyMessage | None) -> str | None:
    """Whom to answer: the routing key's owner, whom the broker knows, before who is claimed."""
    claimed = incoming.route_agency or (message.agency if message else None)
    return claimed if claimed and session.get(models.Agency, claimed) else None


def _row(
    incoming: Incoming, message: AgencyMessage | None, agency: str | None, now: datetime
) -> models.Message:
    return models.Message(
        receipt=new_id(), agency=agency, message=message.id if message else None,
        digest=incoming.digest, inspection=message.inspection if message else None,
        body=incoming.body, signature=incoming.signature, channel=incoming.channel,
        received_at=now, sequence=0, reasons_zh=[], reasons_en=[],
    )  # fmt: skip
