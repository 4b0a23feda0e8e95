"""Agency messages, over AMQP and HTTPS through this one check, each answered by a receipt.

The order of the checks is a promise to agencies (deploy/agency-kit). What fails goes to quarantine
with its bytes and changes nothing else; the same bytes again get the same receipt again.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.inspection.commands.inspections import conclude_inspection, start_inspection
from services.inspection.commands.message_checks import (
    Incoming,
    Rejected,
    check_channel,
    check_signature,
    check_time,
)
from services.inspection.commands.projects import policy_of
from services.inspection.models.agencies import Agency, Message
from services.inspection.models.inspections import Inspection
from services.inspection.models.projects import Project
from services.inspection.rules import reports
from services.inspection.rules.receipts import UNPROVED, Code
from services.inspection.rules.reports import disagreements
from services.inspection.rules.states import Stage
from shared.agency.message import (
    REPORTED,
    AgencyMessage,
    WrongSchemaError,
    implausible,
    load_report,
    read_message,
)
from shared.catalogue import AGENCY_RECEIPT
from shared.programme.values import InspectionPolicy
from shared.spine.context import Actor, Cause, Context
from shared.spine.envelope import UndecodableError, new_id
from shared.spine.outbox import record
from shared.workdays import china_date

ACCEPTED, REJECTED = "accepted", "rejected"
UNPROVED_KEPT, UNPROVED_BYTES = 1000, 16_384


def receive_message(session: Session, incoming: Incoming, context: Context) -> Message:
    """Check a message, act on it if it passes, and give its receipt, which is also published."""
    message: AgencyMessage | None = None
    try:
        message = _read(incoming)
        trace = message.traceparent or context.traceparent
        context = replace(context, traceparent=trace)
        _lock_agency(session, message)
        check_channel(incoming, message)
        receipt = _answered(session, incoming, message)
        if receipt is None:
            check_signature(session, incoming, message, context.now)
            context = _proved(message, context)
            check_time(message, context.now)
            receipt = _accepted(session, incoming, message) or _taken(
                session, incoming, message, context
            )
    except Rejected as refusal:
        receipt = _refused(session, incoming, message, refusal, context.now)
    if receipt.agency is not None:
        record(session, AGENCY_RECEIPT, receipt, context)
    return receipt


def _proved(message: AgencyMessage, context: Context) -> Context:
    """The agency acts, and its message is the cause: known only once its signature is verified."""
    cause = Cause(message.id, message.id, context.traceparent)
    return context.because_of(cause).by(Actor(message.agency, "agency", agency=message.agency))


def _read(incoming: Incoming) -> AgencyMessage:
    try:
        return read_message(incoming.body, incoming.content_type)
    except UndecodableError as error:
        raise Rejected(Code.UNDECODABLE, error.detail) from error


def _lock_agency(session: Session, message: AgencyMessage) -> None:
    """One message of an agency at a time, so that the same one is never judged twice at once."""
    lock = {"key_share": True}
    if session.get(Agency, message.agency, with_for_update=lock) is None:
        raise Rejected(Code.UNKNOWN_AGENCY, f"No agency {message.agency!r} is registered.")


def _answered(session: Session, incoming: Incoming, message: AgencyMessage) -> Message | None:
    """The receipt that the same bytes got once it was proved who had sent them."""
    table = Message
    same = (table.digest == incoming.digest, table.code.not_in(UNPROVED))
    return session.scalars(select(table).where(table.agency == message.agency, *same)).first()


def _accepted(session: Session, incoming: Incoming, message: AgencyMessage) -> Message | None:
    """What was accepted under this id; refused unless it had the same body."""
    table = Message
    same = (table.message == message.id, table.status == ACCEPTED)
    row = session.scalars(select(table).where(table.agency == message.agency, *same)).first()
    if row is not None and row.body != incoming.body:
        raise Rejected(Code.DUPLICATE_ID, f"Id {message.id!r} was used with another body.")
    return row


def _taken(
    session: Session, incoming: Incoming, message: AgencyMessage, context: Context
) -> Message:
    inspection = _assigned(session, message)
    report = _report(session, message, inspection, context.now)
    row = _row(incoming, message, message.agency, context.now)
    session.add(row)
    _act(session, row, inspection, report, context)
    return row


def _assigned(session: Session, message: AgencyMessage) -> Inspection:
    """The inspection, ours after its project: decisions about a project take them in that order."""
    drawn = select(Inspection.project).where(Inspection.inspection == message.inspection)
    session.get(Project, session.scalar(drawn) or "", with_for_update=True)
    inspection = session.get(Inspection, message.inspection, with_for_update=True)
    if inspection is None:
        raise Rejected(Code.UNKNOWN_INSPECTION, f"No inspection {message.inspection!r}.")
    if inspection.agency != message.agency:
        raise Rejected(Code.NOT_ASSIGNED, "This inspection is assigned to another agency.")
    return inspection


def _report(
    session: Session, message: AgencyMessage, inspection: Inspection, now: datetime
) -> dict[str, Any] | None:
    if message.type != REPORTED:
        if inspection.stage != Stage.NOTIFIED:
            raise Rejected(Code.ALREADY_REPORTED, f"The inspection is {inspection.stage} already.")
        return None
    try:
        report = load_report(message.data)
    except WrongSchemaError as error:
        raise Rejected(Code.WRONG_SCHEMA, error.detail) from error
    _check_keys(report, policy_of(session, inspection))
    problems = implausible(report, today=china_date(now)) + disagreements(
        report,
        method=inspection.method,
        drawn_on=china_date(inspection.drawn_at),
        inspectors=inspection.inspectors,
    )
    if problems:
        raise Rejected(Code.IMPLAUSIBLE, "; ".join(problems))
    if inspection.stage not in (Stage.NOTIFIED, Stage.IN_PROGRESS):
        raise Rejected(Code.ALREADY_REPORTED, f"The inspection is {inspection.stage} already.")
    return report


def _check_keys(report: dict[str, Any], policy: InspectionPolicy) -> None:
    """A gate that is misspelt must not pass for a finding of another name."""
    if unknown := reports.unknown_keys(report, policy):
        known = ", ".join((*policy.hard_gates, *policy.finding_keys))
        raise Rejected(
            Code.WRONG_SCHEMA,
            f"The round does not know the findings {', '.join(unknown)}; it knows {known}.",
        )


def _act(
    session: Session,
    row: Message,
    inspection: Inspection,
    report: dict[str, Any] | None,
    context: Context,
) -> None:
    row.status, row.code, row.reason = ACCEPTED, Code.ACCEPTED, "Accepted."
    if report is None:
        start_inspection(inspection)
        return
    verdict = conclude_inspection(session, inspection, report, row.receipt, context)
    row.outcome = verdict.outcome
    row.reasons_zh, row.reasons_en = list(verdict.reasons_zh), list(verdict.reasons_en)


def _refused(
    session: Session,
    incoming: Incoming,
    message: AgencyMessage | None,
    refusal: Rejected,
    now: datetime,
) -> Message:
    """The quarantined row; the same bytes refused for the same reason share one."""
    table, agency = Message, _sender(session, incoming, message, refusal.code)
    same = (table.digest == incoming.digest, table.code == refusal.code, table.agency == agency)
    row = session.scalars(select(table).where(*same)).first()
    if row is None:
        row = _row(incoming, message, agency, now)
        row.status, row.code, row.reason = REJECTED, refusal.code, refusal.reason
        session.add(row)
        if agency is None:  # anybody can send it
            row.body = incoming.body[:UNPROVED_BYTES]
            _forget_oldest(session)
    return row


def _sender(
    session: Session, incoming: Incoming, message: AgencyMessage | None, code: Code
) -> str | None:
    """Whom to answer: who proved to be the sender, by the broker's rights or by a signature.

    Whoever is merely named as the source must not have others' messages laid to its account.
    """
    by_signature = message.agency if message and code not in UNPROVED else None
    proved = incoming.channel_agency or by_signature
    return proved if proved and session.get(Agency, proved) else None


def _forget_oldest(session: Session) -> None:
    """Keep no more than so many messages of nobody."""
    table = Message
    session.flush()
    newest = select(table.receipt).where(table.agency.is_(None)).order_by(table.receipt.desc())
    beyond = newest.offset(UNPROVED_KEPT)
    session.execute(delete(table).where(table.receipt.in_(beyond)))


def _row(
    incoming: Incoming, message: AgencyMessage | None, agency: str | None, now: datetime
) -> Message:
    return Message(
        receipt=new_id(),
        agency=agency,
        message=message.id if message else None,
        digest=incoming.digest,
        inspection=message.inspection if message else None,
        body=incoming.body,
        signature=incoming.signature,
        channel=incoming.channel,
        received_at=now,
        reasons_zh=[],
        reasons_en=[],
    )
