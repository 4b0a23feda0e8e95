"""The one form of data that hashes and signatures are made over."""

import base64
import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys, no blanks, and every character as itself."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def base64url(data: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """The bytes in base64url without padding; raises ValueError for anything else."""
    if not isinstance(text, str) or "=" in text:
        raise ValueError("base64url must be text without padding")
    data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    if base64url(data) != text:
        raise ValueError("base64url has stray bits at its end")
    return data
