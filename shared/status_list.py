"""The codec of IETF Token Status Lists (draft-ietf-oauth-status-list); it signs nothing."""

import base64
import zlib
from collections.abc import Sequence

from shared.canonical import base64url

TYPE = "statuslist+jwt"
REFERENCE_TYPE = "designation+jwt"
SIZES = (1, 2, 4, 8)
MAX_BYTES = 1 << 24


def pack(statuses: Sequence[int], bits: int) -> bytes:
    """The byte array, the first status in the lowest bits of the first byte (section 4.1)."""
    per_byte = 8 // bits
    packed = bytearray(-(-len(statuses) // per_byte))
    for index, status in enumerate(statuses):
        packed[index // per_byte] |= status << (index % per_byte * bits)
    return bytes(packed)


def compress(packed: bytes) -> str:
    """The `lst` member: zlib at its highest level, base64url without padding (section 4.2)."""
    return base64url(zlib.compress(packed, 9))


def status_at(lst: str, bits: int, index: int) -> int:
    """The status at an index of a compressed list; raises ValueError if it has none."""
    if type(bits) is not int or bits not in SIZES:
        raise ValueError(f"a status has 1, 2, 4 or 8 bits, not {bits!r}")
    try:
        squeezed = base64.b64decode(lst + "=" * (-len(lst) % 4), b"-_", validate=True)
        stream = zlib.decompressobj()
        packed = stream.decompress(squeezed, MAX_BYTES)
    except (zlib.error, ValueError, TypeError) as error:
        raise ValueError("the status list cannot be read") from error
    if not stream.eof or stream.unused_data:
        raise ValueError("the status list is cut off, too long, or followed by something else")
    position = index * bits
    if not 0 <= position < len(packed) * 8:
        raise ValueError("the status list has no such index")
    return packed[position // 8] >> position % 8 & ((1 << bits) - 1)
