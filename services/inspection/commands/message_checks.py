"""What an agency message must be before it is acted on: from that channel, signed, and of now."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.inspection.models.agencies import AgencyKey
from services.inspection.rules.receipts import Code
from shared.agency.message import AgencyMessage
from shared.agency.signing import SignatureError, key_id_of, verify

AGENCY_USER = "agency-"
MAX_AGE = timedelta(days=7)
MAX_AHEAD = timedelta(minutes=5)


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
    def channel_agency(self) -> str | None:
        """The agency that the broker knows the sender to be: by its user, else by its route."""
        user = self.user or ""
        is_agency = user.startswith(AGENCY_USER)
        return user.removeprefix(AGENCY_USER) if is_agency else self.route_agency

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


def check_channel(incoming: Incoming, message: AgencyMessage) -> None:
    """The broker's topic permissions tie the key to the user; the message must agree with both."""
    if incoming.route_agency is None:
        return
    fits = message.type.removeprefix("laurel.") == incoming.route_type
    if incoming.route_agency != message.agency or not fits:
        raise Rejected(Code.WRONG_CHANNEL, "The routing key does not fit the message.")
    if incoming.channel_agency != message.agency:
        raise Rejected(Code.WRONG_CHANNEL, "The broker user is another agency's.")


def check_signature(
    session: Session, incoming: Incoming, message: AgencyMessage, now: datetime
) -> None:
    """One of the agency's keys, valid when the message was made and now, signed these bytes."""
    if incoming.signature is None:
        raise Rejected(Code.BAD_SIGNATURE, "The header laurel-signature is missing.")
    try:
        kid = key_id_of(incoming.signature)
        key = session.get(AgencyKey, (message.agency, kid))
        if key is None:
            raise Rejected(Code.UNKNOWN_KEY, f"Agency {message.agency} has no key {kid!r}.")
        for instant in (message.time, now):
            if not key.valid_from <= instant < key.valid_to:
                reason = f"Key {kid!r} is not valid at {instant.isoformat()}."
                raise Rejected(Code.KEY_NOT_VALID, reason)
        verify(incoming.body, incoming.signature, key.public_jwk)
    except SignatureError as error:
        raise Rejected(Code.BAD_SIGNATURE, error.detail) from error


def check_time(message: AgencyMessage, now: datetime) -> None:
    """Neither old enough to be a replay nor ahead of our clock."""
    if message.time < now - MAX_AGE:
        raise Rejected(Code.STALE, f"The message is older than {MAX_AGE.days} days; make it anew.")
    if message.time > now + MAX_AHEAD:
        raise Rejected(Code.FROM_FUTURE, "The message's time lies ahead; set your clock.")
