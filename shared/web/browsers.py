"""What only browsers need: a token in a cookie, forms, and no form that another site's page sent.

The cookie counts on routes for browsers alone, so the JSON API cannot be called with it.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request, Response

from shared.errors import InvalidError, LaurelError

COOKIE = "laurel_operator"
PLACE = "/operations"
MAX_TOKEN = 3_900  # browsers drop a cookie of more than 4,096 bytes without a word
MAX_FIELDS = 50
OWN_SITE = {"same-origin", "none"}


class CrossSiteError(LaurelError):
    """The form was not sent from a page of ours."""

    slug = "cross-site"
    status = 403


def authorization(request: Request) -> str | None:
    """The Authorization header, as a proxy sets it, or what the browser keeps from the login."""
    token = request.cookies.get(COOKIE)
    return request.headers.get("Authorization") or (f"Bearer {token}" if token else None)


def refuse_foreign(request: Request) -> None:
    """Raise CrossSiteError unless the browser says that a page of this very site sent the form.

    Browsers cannot be made to lie about either header. `Sec-Fetch-Site` they send over TLS and on
    loopback only, `Origin` with every form.
    """
    site, host = request.headers.get("Sec-Fetch-Site"), request.headers.get("Host")
    origin = request.headers.get("Origin", "").partition("://")[2]
    is_own = site in OWN_SITE if site else bool(host) and origin == host
    if not is_own:
        raise CrossSiteError("This was not sent from this site's own page; nothing was changed.")


def form(raw: bytes) -> dict[str, str]:
    """The fields of a form; raises InvalidError."""
    try:
        return filled(dict(parse_qsl(raw.decode(), max_num_fields=MAX_FIELDS)))
    except ValueError as error:
        raise InvalidError(f"The form cannot be read: {error}.", errors=[]) from error


def filled(fields: Mapping[str, str]) -> dict[str, str]:
    """A browser sends every field, also those that were left empty."""
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def keep_token(response: Response, token: str, origin: str) -> None:
    """Have the browser keep the token for our pages, over TLS only if that is how it came."""
    secure = origin.startswith("https://")
    response.set_cookie(COOKIE, token, path=PLACE, httponly=True, samesite="Strict", secure=secure)


def forget_token(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE, path=PLACE, httponly=True, samesite="Strict")
