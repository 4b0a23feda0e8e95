"""The signed status list: IETF Token Status List (draft-ietf-oauth-status-list) as a JWT.

Two bits for each project; `rules.states.Status` says what they mean. Its times are real time, also
under a rehearsal clock: outside clients check it by their own clocks.
"""

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.models import StatusSlot
from services.notification.rules.states import Status

BITS = 2
BLOCK = 1024
MAX_BYTES = 1 << 24
TTL_SECONDS = 60
LIFETIME_SECONDS = 900
PATH = "/status-lists/1"
TYPE = "statuslist+jwt"


def pack(statuses: Sequence[int], bits: int) -> bytes:
    """The byte array, the first status in the lowest bits of the first byte (section 4.1)."""
    per_byte = 8 // bits
    packed = bytearray(-(-len(statuses) // per_byte))
    for index, status in enumerate(statuses):
        packed[index // per_byte] |= status << (index % per_byte * bits)
    return bytes(packed)


def compress(packed: bytes) -> str:
    """The `lst` member: zlib at its highest level, base64url without padding (section 4.2)."""
    return base64.urlsafe_b64encode(zlib.compress(packed, 9)).decode().rstrip("=")


def status_at(lst: str, bits: int, index: int) -> int:
    """The status at an index of a compressed list; raises ValueError if it has none."""
    try:
        squeezed = base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4))
        packed = zlib.decompressobj().decompress(squeezed, MAX_BYTES)
    except (zlib.error, binascii.Error) as error:
        raise ValueError("the status list cannot be read") from error
    position = index * bits
    if not 0 <= position < len(packed) * 8:
        raise ValueError("the status list has no such index")
    return packed[position // 8] >> position % 8 & ((1 << bits) - 1)


def statuses(session: Session) -> list[int]:
    """Every status, in whole blocks; what was never given reads as not designated."""
    given = session.execute(select(StatusSlot.index, StatusSlot.status)).tuples().all()
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
