"""Agency signatures: a detached JWS (RFC 7515 appendix F) by an Ed25519 key over the exact bytes.

`alg` is `Ed25519` (RFC 9864); the older name `EdDSA` is accepted too. The header names its key.
"""

import binascii
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.canonical import base64url, from_base64url
from shared.errors import LaurelError

ALGORITHMS = ("Ed25519", "EdDSA")
HEADER = "laurel-signature"
SIGN_BIT = 1 << 255
PRIME = SIGN_BIT - 19
EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER = {0, 1, PRIME - 1, PRIME, PRIME + 1, EIGHTH, PRIME - EIGHTH}
"""The y of every point whose order divides 8, as it may be written (RFC 8032, section 5.1)."""
MAX_HEADER = 2_000
SIGNATURE_BYTES = 64


class SignatureError(LaurelError):
    """The signature is missing, malformed, of another algorithm, or not by that key."""

    slug = "bad-signature"
    status = 422


def generate_key() -> dict[str, str]:
    """A fresh private key as a JWK (RFC 8037)."""
    key = Ed25519PrivateKey.generate()
    secret, public = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public), "d": base64url(secret)}


def public_part(jwk: dict[str, Any]) -> dict[str, str]:
    """What may be shown and registered of a key."""
    return {name: str(jwk[name]) for name in ("kty", "crv", "x")}


def sign(body: bytes, private_jwk: dict[str, Any], kid: str) -> str:
    """The value of the `laurel-signature` header for these bytes."""
    header = base64url(json.dumps({"alg": "Ed25519", "kid": kid}, separators=(",", ":")).encode())
    key = Ed25519PrivateKey.from_private_bytes(from_base64url(private_jwk["d"]))
    signature = key.sign(f"{header}.{base64url(body)}".encode())
    return f"{header}..{base64url(signature)}"


def key_id_of(header: str) -> str:
    """The `kid` of a signature header; raises SignatureError when the header is malformed."""
    return str(_parts(header)[1]["kid"])


def verify(body: bytes, header: str, public_jwk: dict[str, Any]) -> None:
    """Raise SignatureError unless the header signs exactly these bytes by this key."""
    protected, _fields, signature = _parts(header)
    key = load_public_key(public_jwk)
    try:
        key.verify(signature, f"{protected}.{base64url(body)}".encode())
    except InvalidSignature as error:
        raise SignatureError(
            "The signature does not fit the body: sign the exact bytes that you send."
        ) from error


def load_public_key(jwk: dict[str, Any]) -> Ed25519PublicKey:
    """The key in a public JWK; raises SignatureError when it is none."""
    try:
        if (jwk["kty"], jwk["crv"]) != ("OKP", "Ed25519"):
            raise SignatureError("The key must be a JWK with kty OKP and crv Ed25519.")
        point = from_base64url(jwk["x"])
        if int.from_bytes(point, "little") % SIGN_BIT in SMALL_ORDER:
            raise SignatureError("The key is a point of small order: anybody can sign for it.")
        return Ed25519PublicKey.from_public_bytes(point)
    except (KeyError, TypeError, ValueError) as error:
        raise SignatureError(f"The key is no Ed25519 JWK: {error}.") from error


def _parts(header: str) -> tuple[str, dict[str, Any], bytes]:
    parts = header.split(".") if isinstance(header, str) and len(header) <= MAX_HEADER else []
    if len(parts) != 3 or parts[1]:  # noqa: PLR2004 - header, no payload, signature
        raise SignatureError(
            f"The header {HEADER} must be a detached JWS: protected header, two dots, signature."
        )
    try:
        fields = json.loads(from_base64url(parts[0]), object_pairs_hook=_no_duplicates)
        signature = from_base64url(parts[2])
    except (ValueError, binascii.Error, RecursionError) as error:
        raise SignatureError(f"The signature cannot be read: {error}.") from error
    _check_fields(fields)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("An Ed25519 signature has 64 bytes.")
    return parts[0], fields, signature


def _check_fields(fields: Any) -> None:
    if not isinstance(fields, dict) or fields.get("alg") not in ALGORITHMS:
        raise SignatureError(f"The algorithm must be {' or '.join(ALGORITHMS)}.")
    if not isinstance(fields.get("kid"), str) or not fields["kid"]:
        raise SignatureError("The protected header must name its key in 'kid'.")
    if "crit" in fields or "b64" in fields:
        raise SignatureError("The header members 'crit' and 'b64' are not supported.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member stands twice in the header")
    return dict(pairs)
