"""Routes of what agencies send: messages, receipts, quarantine."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.inspection.api.schemas.agencies import ReceiptOut
from services.inspection.commands import messages
from services.inspection.commands.message_checks import Incoming
from services.inspection.commands.messages import REJECTED
from services.inspection.models.agencies import Message
from shared.agency.signing import HEADER
from shared.errors import ForbiddenError, LaurelError
from shared.telemetry import QUARANTINED
from shared.web.paging import keyset
from shared.web.problems import problem
from shared.web.routes import Call, Page, ServiceApi, route


class MessageRefusedError(LaurelError):
    """An agency message was refused; its slug is the receipt's code."""

    status = 422


class MessageRoutes(ServiceApi):
    """Signed messages and what became of them."""

    @route("POST", "/v1/agency-messages", produces="application/json", answer=ReceiptOut)
    def receive_message(self, session: Session, call: Call) -> Message | Response:
        """Take one signed agency message; the signature is the authentication.

        The body is the CloudEvent, byte for byte as it was signed; the header `laurel-signature`
        carries the detached JWS. The answer is the receipt, or a problem with its code as slug.
        """
        headers = {name.lower(): value for name, value in call.headers.items()}
        incoming = Incoming(
            call.raw, headers.get("content-type"), headers.get(HEADER), channel="https"
        )
        receipt = messages.receive_message(session, incoming, call.context)
        if receipt.status != REJECTED:
            return receipt
        QUARANTINED.labels("inspection", receipt.code).inc()
        error = MessageRefusedError(receipt.reason, receipt=ReceiptOut().dump(receipt))
        error.slug = receipt.code
        return problem(error, "/v1/agency-messages")

    @route(
        "GET",
        "/v1/agencies/<agency>/receipts",
        role=("agency", "official", "operator"),
        answer=ReceiptOut,
        page=True,
    )
    def list_receipts(self, session: Session, call: Call) -> Page:
        """List an agency's receipts; an agency sees its own."""
        agency = call.path["agency"]
        if call.actor.role == "agency" and call.actor.agency != agency:
            raise ForbiddenError("These receipts are another agency's.")
        message = Message
        return keyset(session, select(message).where(message.agency == agency), call.page)

    @route("GET", "/v1/quarantine", role=("official", "operator"), answer=ReceiptOut, page=True)
    def list_quarantine(self, session: Session, call: Call) -> Page:
        """List refused agency messages; their bytes are kept as evidence."""
        message = Message
        return keyset(session, select(message).where(message.status == REJECTED), call.page)
