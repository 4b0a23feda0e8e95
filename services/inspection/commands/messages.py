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
from services.inspection.rules import Code, Stage
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
    agency: str | None = None
    try:
        message = _read(incoming)
        agency = _known_agency(session, message)
        _check_sender(session, incoming, message, now)
        earlier = _earlier(session, incoming, message)
        if earlier is None:
            inspection = _assigned(session, message)
            report = _report(message, inspection, now)
            row = _row(incoming, message, agency, now)
            session.add(row)
            _act(session, row, inspection, report, now)
    except Rejected as refusal:
        earlier = _quarantined(session, incoming, refusal.code)
        if earlier is None:
            row = _row(incoming, message, agency or _claimed(session, incoming), now)
            row.status, row.code, row.reason = REJECTED, refusal.code, refusal.reason
            session.add(row)
    receipt = earlier or row
    if receipt.agency is not None:
        record(session, AGENCY_RECEIPT, receipt, cause=None, now=now)
    return receipt


def _read(incoming: Incoming) -> AgencyMessage:
    try:
        return read_message(incoming.body, incoming.content_type)
    except UndecodableError as error:
        raise Rejected(Code.UNDECODABLE, error.detail) from error


def _known_agency(session: Session, message: AgencyMessage) -> str:
    if session.get(models.Agency, message.agency) is None:
        raise Rejected(Code.UNKNOWN_AGENCY, f"No agency {message.agency!r} is registered.")
    return message.agency


def _check_sender(
    session: Session, incoming: Incoming, message: AgencyMessage, now: datetime
) -> None:
    if incoming.route_agency is not None:
        _check_channel(incoming, message)
    if incoming.signature is None:
        raise Rejected(Code.BAD_SIGNATURE, "The header laurel-signature is missing.")
    try:
        kid = key_id_of(incoming.signature)
        key = session.get(models.AgencyKey, (message.agency, kid))
        if key is None:
            raise Rejected(Code.UNKNOWN_KEY, f"Agency {message.agency} has no key {kid!r}.")
        if not key.valid_from <= message.time < key.valid_to or not key.valid_from <= now:
            raise Rejected(
                Code.KEY_NOT_VALID, f"Key {kid!r} is not valid at {message.time.isoformat()}."
            )
        if now >= key.valid_to:
            raise Rejected(Code.KEY_NOT_VALID, f"Key {kid!r} is not valid any more.")
        verify(incoming.body, incoming.signature, key.public_jwk)
    except SignatureError as error:
        raise Rejected(Code.BAD_SIGNATURE, error.detail) from error
    if message.time < now - MAX_AGE:
        raise Rejected(Code.STALE, f"The message is older than {MAX_AGE.days} days; make it anew.")
    if message.time > now + MAX_AHEAD:
        raise Rejected(Code.FROM_FUTURE, "The message's time lies ahead; set your clock.")


def _check_channel(incoming: Incoming, message: AgencyMessage) -> None:
    """The broker's topic permissions tie the key to the user; the message must agree with both."""
    if incoming.route_agency != message.agency or not message.type.endswith(
        str(incoming.route_type)
    ):
        raise Rejected(Code.WRONG_CHANNEL, "The routing key does not fit the message.")
    user = incoming.user or ""
    if user.startswith("agency-") and user != f"agency-{message.agency}":
        raise Rejected(Code.WRONG_CHANNEL, "The broker user is another agency's.")


def _earlier(session: Session, incoming: Incoming, message: AgencyMessage) -> models.Message | None:
    """The receipt of the same bytes; another body under a used id is refused."""
    table = models.Message
    rows = session.scalars(
        select(table).where(
            table.agency == message.agency, table.message == message.id,
            table.code.not_in((Code.BAD_SIGNATURE, Code.WRONG_CHANNEL, Code.UNKNOWN_KEY)),
        )
    ).all()  # fmt: skip
    for row in rows:
        if row.digest == incoming.digest:
            return row
    if any(row.body != incoming.body for row in rows if row.status == ACCEPTED):
        raise Rejected(Code.DUPLICATE_ID, f"Id {message.id!r} was used with another body.")
    if any(row.status == ACCEPTED for row in rows):
        return rows[0]
    return None


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
    if problems := _problems(report, inspection, now):
        raise Rejected(Code.IMPLAUSIBLE, "; ".join(problems))
    if inspection.stage not in (Stage.NOTIFIED, Stage.IN_PROGRESS):
        raise Rejected(Code.ALREADY_REPORTED, f"The inspection is {inspection.stage} already.")
    return report


def _problems(report: dict[str, Any], inspection: models.Inspection, now: datetime) -> list[str]:
    problems = implausible(report, today=china_date(now))
    if report["method"] != inspection.method:
        problems.append(f"the method assigned is {inspection.method}")
    if report["conducted_on"] < china_date(inspection.drawn_at):
        problems.append("it was conducted before it was drawn")
    if strangers := sorted(set(report["inspectors"]) - set(inspection.inspectors)):
        problems.append(f"these inspectors were not drawn: {', '.join(strangers)}")
    return problems


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


def _quarantined(session: Session, incoming: Incoming, code: Code) -> models.Message | None:
    table = models.Message
    return session.scalars(
        select(table).where(table.digest == incoming.digest, table.code == code).limit(1)
    ).first()


def _claimed(session: Session, incoming: Incoming) -> str | None:
    """The agency to answer when the message itself does not tell: the routing key's owner."""
    known = incoming.route_agency and session.get(models.Agency, incoming.route_agency)
    return incoming.route_agency if known else None


def _row(
    incoming: Incoming, message: AgencyMessage | None, agency: str | None, now: datetime
) -> models.Message:
    return models.Message(
        receipt=new_id(), agency=agency, message=message.id if message else None,
        digest=incoming.digest, inspection=message.inspection if message else None,
        body=incoming.body, signature=incoming.signature, channel=incoming.channel,
        received_at=now, sequence=0, reasons_zh=[], reasons_en=[],
    )  # fmt: skip
