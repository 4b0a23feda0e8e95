"""Who calls: a bearer JWT becomes an Actor, or the request is refused.

Tokens come from a real OIDC issuer through its key set, or from the local development key. They
are always checked in real time, also under a rehearsal clock.
"""

import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared import uscc
from shared.canonical import from_base64url
from shared.errors import ForbiddenError, SettingError, UnauthenticatedError
from shared.lines import oddities
from shared.settings import Settings
from shared.spine.context import Actor
from shared.spine.texts import is_storable
from shared.web.issuer import IssuerKeys

ROLES = frozenset({"official", "unit", "undertaker", "expert", "agency", "operator"})
CLAIMS = ("unit", "undertaker", "expert", "agency")
ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256"]
LEEWAY_SECONDS = 30


class Gate:
    """Verifies bearer tokens by one issuer's keys; raises SettingError for a bad key file."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = IssuerKeys(settings.jwks_url) if settings.jwks_url else None
        self._local = KeySet([] if self._issuer else [load_or_create_key(Path(settings.jwt_key))])
        self._rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.jwt_issuer},
            aud={"essential": True, "value": settings.jwt_audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def actor(self, authorization: str | None) -> Actor:
        """The actor of an Authorization header; raises UnauthenticatedError or ForbiddenError."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError(
                "This needs the header 'Authorization: Bearer <token>'; for development, "
                "'laurel token ROLE' prints one."
            )
        claims = self._claims(token)
        role = claims.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise ForbiddenError(
                f"The token's role is {role!r}; it must be one of {sorted(ROLES)}."
            )
        told = {name: _text(claims, name) for name in CLAIMS if claims.get(name)}
        if "undertaker" in told:
            told["undertaker"] = _canonical(told["undertaker"])
        return Actor(id=_text(claims, "sub"), role=role, **told)

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            claims = self._decode(token)
            self._rules.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise UnauthenticatedError(
                f"The bearer token does not verify ({error}); get a fresh one from your issuer."
            ) from error
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        if self._issuer is None:
            return _verified(token, self._local)
        keys = self._issuer.present()
        try:
            return _verified(token, keys)
        except (JoseError, ValueError, TypeError):
            newest = self._issuer.newest()
            if newest is keys:
                raise
        return _verified(token, newest)


def _verified(token: str, keys: KeySet) -> dict[str, Any]:
    return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not is_storable(value) or oddities(value):
        raise ForbiddenError(f"The token's {name} must be a line of text that can be kept.")
    return value


def _canonical(undertaker: str) -> str:
    try:
        return uscc.canonical(undertaker)
    except ValueError as error:
        raise ForbiddenError(f"The token's undertaker {undertaker!r} {error}.") from error


def load_or_create_key(path: Path) -> OKPKey:
    """The Ed25519 key in a JWK file, made on first use and readable by its owner alone.

    Raises SettingError when the file cannot be used.
    """
    try:
        if not path.exists():
            _create_key(path)
        key = OKPKey.import_key(json.loads(path.read_text()))
    except OSError as error:
        raise SettingError(f"The key file {path} cannot be used: {error.strerror}.") from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SettingError(f"The key file {path} holds no JWK: {error}.") from error
    if not key.is_private or key.curve_name != "Ed25519":
        raise SettingError(f"The key file {path} holds no private Ed25519 key.")
    key.ensure_kid()
    return key


@cache
def private_bytes(path: str) -> bytes:
    """The 32 bytes of the private key in a JWK file, to make other secrets from."""
    told = load_or_create_key(Path(path)).as_dict(private=True)
    return from_base64url(str(told["d"]))


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    fresh = path.with_name(f"{path.name}.{time.monotonic_ns()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(key.as_dict(private=True)))
    try:
        path.hardlink_to(fresh)  # atomic: of several processes that start at once, one wins
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def issue_token(
    key: OKPKey,
    settings: Settings,
    *,
    role: str,
    subject: str = "developer",
    lifetime_hours: float = 12,
    **claims: Any,
) -> str:
    """A development token; `claims` name the unit, undertaker, expert or agency it acts for."""
    now = int(time.time())
    body = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
        "iat": now,
        "exp": now + int(lifetime_hours * 3600),
        "role": role,
        **claims,
    }
    header = {"alg": "Ed25519", "kid": key.kid}
    return jwt.encode(header, body, key, algorithms=ALGORITHMS)
