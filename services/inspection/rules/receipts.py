"""What a receipt tells an agency; the codes are a promise (deploy/agency-kit)."""

from enum import StrEnum


class Code(StrEnum):
    """Receipt codes, in the order of the checks."""

    UNDECODABLE = "undecodable"
    UNKNOWN_AGENCY = "unknown-agency"
    WRONG_CHANNEL = "wrong-channel"
    UNKNOWN_KEY = "unknown-key"
    KEY_NOT_VALID = "key-not-valid"
    BAD_SIGNATURE = "bad-signature"
    STALE = "stale"
    FROM_FUTURE = "from-future"
    DUPLICATE_ID = "duplicate-id"
    UNKNOWN_INSPECTION = "unknown-inspection"
    NOT_ASSIGNED = "not-assigned"
    WRONG_SCHEMA = "wrong-schema"
    IMPLAUSIBLE = "implausible"
    ALREADY_REPORTED = "already-reported"
    ACCEPTED = "accepted"
    KEY_REGISTERED = "key-registered"


UNPROVED = (
    Code.UNDECODABLE,
    Code.UNKNOWN_AGENCY,
    Code.WRONG_CHANNEL,
    Code.UNKNOWN_KEY,
    Code.KEY_NOT_VALID,
    Code.BAD_SIGNATURE,
)
"""Decided before it is proved who sent the message: says nothing of what its bytes are worth."""
