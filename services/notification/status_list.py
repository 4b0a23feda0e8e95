"""The signed status list: IETF Token Status List (draft-ietf-oauth-status-list) as a JWT.

Two bits for each project; `rules.states.Status` says what they mean. Its times are real time, also
under a rehearsal clock: outside clients check it by their own clocks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.models.register import StatusSlot
from services.notification.rules.states import Status
from shared.settings import Settings
from shared.status_list import REFERENCE_TYPE, TYPE, compress, pack
from shared.web.access import load_or_create_key

BITS = 2
BLOCK = 1024
TTL_SECONDS = 60
LIFETIME_SECONDS = 900
PATH = "/status-lists/1"


def key_of(settings: Settings) -> OKPKey:
    """What the list is signed with."""
    return load_or_create_key(Path(settings.status_key))


def uri_of(settings: Settings) -> str:
    """Where the list is."""
    return settings.site_url + PATH


def statuses(session: Session) -> list[int]:
    """Every status, in whole blocks; what was never given reads as not designated."""
    given = session.execute(select(StatusSlot.index, StatusSlot.status)).all()
    highest = max((index for index, _status in given), default=0)
    row = [int(Status.NOT_DESIGNATED)] * ((highest // BLOCK + 1) * BLOCK)
    for index, status in given:
        row[index] = status
    return row


def token(row: Sequence[int], key: OKPKey, uri: str, real_now: float) -> str:
    """The signed list (section 5.1). Within one minute equal lists give equal tokens."""
    issued = int(real_now) // TTL_SECONDS * TTL_SECONDS
    claims: dict[str, Any] = {
        "sub": uri,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "ttl": TTL_SECONDS,
        "status_list": {"bits": BITS, "lst": compress(pack(row, BITS))},
    }
    header = {"alg": "Ed25519", "typ": TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


def reference(project: str, index: int, key: OKPKey, uri: str, real_now: float) -> str:
    """The signed word that this place of the list is this project's (a referenced token, 6.1)."""
    claims = {
        "sub": project,
        "iat": int(real_now) // TTL_SECONDS * TTL_SECONDS,
        "status": {"status_list": {"idx": index, "uri": uri}},
    }
    header = {"alg": "Ed25519", "typ": REFERENCE_TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])
