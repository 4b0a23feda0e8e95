"""Who calls: a bearer JWT becomes an Actor, or the request is refused.

Tokens come from a real OIDC issuer through its key set, or from the local development key. They
are always checked in real time, also under a rehearsal clock.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import requests
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared import uscc
from shared.errors import ForbiddenError, LaurelError, SettingError, UnauthenticatedError
from shared.spine.context import Actor

ROLES = frozenset({"official", "unit", "undertaker", "expert", "agency", "operator"})
CLAIMS = ("unit", "undertaker", "expert", "agency")
ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256"]
REFETCH_SECONDS = 60
FETCH_TIMEOUT_SECONDS = 5
LEEWAY_SECONDS = 30
_log = structlog.get_logger(__name__)


class TokenSettings(Protocol):
    """The settings that tokens depend on."""

    @property
    def jwt_issuer(self) -> str: ...
    @property
    def jwt_audience(self) -> str: ...
    @property
    def jwt_key(self) -> str: ...
    @property
    def jwks_url(self) -> str: ...


class IssuerAwayError(LaurelError):
    """The issuer's keys cannot be had, so no token can be verified."""

    slug = "issuer-unavailable"
    status = 503


class Gate:
    """Verifies bearer tokens by one issuer's keys; raises SettingError for a bad key file."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings
        self._keys: KeySet | None = None if settings.jwks_url else _local_keys(settings)
        self._fetched = 0.0
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
        told = {name: str(claims[name]) for name in CLAIMS if claims.get(name)}
        if "undertaker" in told:
            told["undertaker"] = _canonical(told["undertaker"])
        return Actor(id=str(claims["sub"]), role=role, **told)

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            claims = self._decode(token)
            self._rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise UnauthenticatedError(
                f"The bearer token does not verify ({error}); get a fresh one from your issuer."
            ) from error
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        keys = self._keys or self._fetch()
        try:
            return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError):
            if not self._may_refetch():
                raise
        return dict(jwt.decode(token, self._fetch(), algorithms=ALGORITHMS).claims)

    def _may_refetch(self) -> bool:
        remote = bool(self._settings.jwks_url)
        return remote and time.monotonic() - self._fetched > REFETCH_SECONDS

    def _fetch(self) -> KeySet:
        """The newest keys; those from before stay in use while the issuer cannot be reached."""
        self._fetched = time.monotonic()
        self._keys = self._remote()
        return self._keys

    def _remote(self) -> KeySet:
        try:
            answer = requests.get(self._settings.jwks_url, timeout=FETCH_TIMEOUT_SECONDS)
            answer.raise_for_status()
            return KeySet.import_key_set(answer.json())
        except (requests.RequestException, JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("issuer-away", url=self._settings.jwks_url, error=str(error)[:300])
            raise IssuerAwayError(
                "The token issuer's keys cannot be had at the moment; try again."
            ) from error


def _canonical(undertaker: str) -> str:
    try:
        return uscc.canonical(undertaker)
    except ValueError as error:
        raise ForbiddenError(f"The token's undertaker {undertaker!r} {error}.") from error


def _local_keys(settings: TokenSettings) -> KeySet:
    return KeySet([load_or_create_key(Path(settings.jwt_key))])


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
    except (JoseError, ValueError, TypeError) as error:
        raise SettingError(f"The key file {path} holds no JWK: {error}.") from error
    if not key.is_private or key.curve_name != "Ed25519":
        raise SettingError(f"The key file {path} holds no private Ed25519 key.")
    key.ensure_kid()
    return key


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
    settings: TokenSettings,
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
