"""Problem documents (RFC 9457): what is wrong and what to do, with the slug of our errors."""

import json
from typing import Any

from marshmallow import ValidationError
from werkzeug.wrappers import Response

from shared.bounds import LONGEST_MESSAGE, LONGEST_NAME, MOST_ERRORS
from shared.errors import InvalidError, LaurelError

CONTENT_TYPE = "application/problem+json"


class DatabaseUnavailableError(LaurelError):
    """The database does not answer; nothing was changed."""

    slug = "database-unavailable"
    status = 503


class ChangedMeanwhileError(LaurelError):
    """Another request was a moment faster; nothing was changed by this one."""

    slug = "changed-meanwhile"


def problem(error: LaurelError, instance: str) -> Response:
    """The answer that tells a caller about an error."""
    document: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "slug": error.slug,
        **error.extra,
    }
    words = json.dumps(document, ensure_ascii=False, default=str)
    body = words.encode("utf-8", "backslashreplace")  # whatever of the caller's it repeats
    response = Response(body, status=error.status, content_type=CONTENT_TYPE)
    if error.status == 401:  # noqa: PLR2004 - RFC 9110 asks for the challenge
        response.headers["WWW-Authenticate"] = 'Bearer realm="laurel"'
    if error.status == 405:  # noqa: PLR2004 - RFC 9110 asks for the methods
        response.allow.update(error.extra["allow"])
    if error.status == 503:  # noqa: PLR2004 - what a client may do about it
        response.headers["Retry-After"] = "2"
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response


def invalid(error: ValidationError, where: str) -> InvalidError:
    """A schema's complaint as one error that names every field."""
    errors = list(_flatten(error.messages, ""))
    first = f"{errors[0]['field'] or where}: {errors[0]['message']}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return InvalidError(f"The {where} is not valid: {first}{more}", errors=errors[:MOST_ERRORS])


def _flatten(messages: Any, field: str) -> Any:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            own = "" if name == "_schema" else str(name)
            yield from _flatten(inner, f"{field}.{own}".strip("."))
    elif isinstance(messages, list):
        for message in messages:
            yield from _flatten(message, field)
    else:
        yield {"field": field[:LONGEST_NAME], "message": str(messages)[:LONGEST_MESSAGE]}
