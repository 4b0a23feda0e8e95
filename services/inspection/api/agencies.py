"""Routes around agencies: directory, keys, inspectors, messages and receipts."""

from typing import Any

from sqlalchemy import select
from werkzeug.wrappers import Response

from services.inspection import commands, models
from services.inspection.api.schemas import (
    AgencyIn,
    InspectorIn,
    KeyIn,
    KeyOut,
    ReceiptOut,
)
from services.inspection.commands.message_checks import Incoming
from services.inspection.commands.messages import REJECTED
from shared.agency.signing import HEADER
from shared.errors import ForbiddenError, LaurelError
from shared.telemetry import QUARANTINED
from shared.web.paging import Page, keyset
from shared.web.problems import problem
from shared.web.spec import Call, route


class MessageRefusedError(LaurelError):
    """An agency message was refused; its slug is the receipt's code."""

    status = 422


class AgencyRoutes:
    """Agencies and what they send."""

    @route("POST", "/v1/agencies", role="official", body=AgencyIn, answer=AgencyIn, status=201)
    def register_agency(self, session: Any, call: Call) -> models.Agency:
        """Register a third-party agency, or change its entry."""
        return commands.register_agency(session, call.body, call.context)

    @route("GET", "/v1/agencies", role=("official", "operator"), answer=AgencyIn, page=True)
    def list_agencies(self, session: Any, call: Call) -> Page:
        """List the agencies."""
        return keyset(session, select(models.Agency), call.page)

    @route(
        "POST",
        "/v1/agencies/<agency>/keys",
        role="official",
        body=KeyIn,
        answer=KeyOut,
        status=201,
    )
    def add_key(self, session: Any, call: Call) -> models.AgencyKey:
        """Register a public key of an agency with its validity."""
        return commands.add_key(session, call.path["agency"], call.body, call.context)

    @route("POST", "/v1/agencies/<agency>/keys/<kid>/end", role="official", answer=KeyOut)
    def end_key(self, session: Any, call: Call) -> models.AgencyKey:
        """End a key's validity now."""
        return commands.end_key(session, call.path["agency"], call.path["kid"], call.context)

    @route(
        "POST", "/v1/inspectors", role="official", body=InspectorIn, answer=InspectorIn, status=201
    )
    def register_inspector(self, session: Any, call: Call) -> models.Inspector:
        """Register an inspector of an agency, or change the entry."""
        return commands.register_inspector(session, call.body)

    @route("POST", "/v1/agency-messages", produces="application/json", answer=ReceiptOut)
    def receive_message(self, session: Any, call: Call) -> models.Message | Response:
        """Take one signed agency message; the signature is the authentication.

        The body is the CloudEvent, byte for byte as it was signed; the header `laurel-signature`
        carries the detached JWS. The answer is the receipt, or a problem with its code as slug.
        """
        headers = {name.lower(): value for name, value in call.headers.items()}
        incoming = Incoming(
            call.raw, headers.get("content-type"), headers.get(HEADER), channel="https"
        )
        receipt = commands.receive_message(session, incoming, call.context)
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
    def list_receipts(self, session: Any, call: Call) -> Page:
        """List an agency's receipts; an agency sees its own."""
        agency = call.path["agency"]
        if call.actor.role == "agency" and call.actor.agency != agency:
            raise ForbiddenError("These receipts are another agency's.")
        message = models.Message
        return keyset(session, select(message).where(message.agency == agency), call.page)

    @route("GET", "/v1/quarantine", role=("official", "operator"), answer=ReceiptOut, page=True)
    def list_quarantine(self, session: Any, call: Call) -> Page:
        """List refused agency messages; their bytes are kept as evidence."""
        message = models.Message
        return keyset(session, select(message).where(message.status == REJECTED), call.page)
