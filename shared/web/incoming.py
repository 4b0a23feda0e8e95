"""What a request brings, as values that can be kept; or a refusal that names the field."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Request

from shared.bounds import LONGEST_NAME, MOST_ERRORS, MOST_VALUES, is_bulky
from shared.errors import InvalidError, LaurelError
from shared.lines import oddities
from shared.spine.envelope import MAX_DEPTH
from shared.spine.texts import is_storable
from shared.web.problems import invalid
from shared.web.spec import built

MAX_BODY_BYTES = 1_048_576
MAX_INTEGER = 2**63 - 1
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


class TooLargeError(LaurelError):
    """The body is larger than is read."""

    slug = "body-too-large"
    status = 413


def read_body(request: Request) -> bytes:
    """The bytes of the body; raises TooLargeError without reading more than is allowed.

    Raises InvalidError for a body that ends before its length or its last chunk.
    """
    too_large = TooLargeError(f"The body is larger than {MAX_BODY_BYTES} bytes; send less at once.")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        body: bytes = request.stream.read(MAX_BODY_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidError(f"The body could not be read: {error}.", errors=[]) from error
    if len(body) > MAX_BODY_BYTES:
        raise too_large
    if len(body) < (request.content_length or 0):
        raise InvalidError("The body ended before its Content-Length.", errors=[])
    return body


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body, empty for no body; raises InvalidError."""
    try:
        value = json.loads(raw.decode() or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"The body is not JSON in UTF-8: {error}.", errors=[]) from error
    if not isinstance(value, dict):
        raise InvalidError("The body must be a JSON object.", errors=[])
    return value


def load(schema: type[Schema], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values as the schema has them; raises InvalidError naming every field."""
    _refuse_bulky(values, where)
    try:
        loaded: Mapping[str, Any] = built(schema).load(storable(values, where))
    except ValidationError as error:
        raise invalid(error, where) from error
    return dict(storable(loaded, where))


def _refuse_bulky(values: Mapping[str, Any], where: str) -> None:
    """Before a schema looks at each value: one that is refused costs time, too."""
    if not is_bulky(values):
        return
    message = f"must hold at most {MOST_VALUES} values"
    if name := next((name for name, inner in values.items() if is_bulky(inner)), None):
        raise InvalidError.at(name[:LONGEST_NAME], message)
    raise InvalidError(f"The {where} {message}.", errors=[])


def storable(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The values unchanged; raises InvalidError for text or numbers that no database can hold."""
    try:
        errors = list(islice(_unstorable(values), MOST_ERRORS))
    except RecursionError as error:
        raise InvalidError(f"The {where} is nested too deeply.", errors=[]) from error
    if errors:
        raise InvalidError(
            f"The {where} is not valid: {errors[0]['field']}: {errors[0]['message']}", errors=errors
        )
    return values


def path_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a path; raises InvalidError for what names nothing that we keep."""
    for name, value in storable(values, "path").items():
        if isinstance(value, str) and (oddities(value) or len(value) > LONGEST_NAME):
            message = f"must be one line of at most {LONGEST_NAME} characters"
            raise InvalidError.at(name, message)
    return values


def version(if_match: str | None) -> int | None:
    """The version that an If-Match header names; None for no header and for `*`."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise InvalidError(f"If-Match must be an ETag that we gave, not {if_match!r}.", errors=[])
    return int(found[1])


def _unstorable(value: Any, field: str = "", depth: int = 0) -> Iterator[dict[str, str]]:
    field = field.strip(".")[:LONGEST_NAME]
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, Mapping):
        for name, inner in value.items():
            shown = str(name)[:LONGEST_NAME].encode("utf-8", "backslashreplace").decode()
            yield from _unstorable(name, f"{field}.{shown}", depth + 1)
            yield from _unstorable(inner, f"{field}.{shown}", depth + 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _unstorable(inner, f"{field}.{number}", depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        yield {"field": field, "message": "is too large a number"}
    elif isinstance(value, str) and not is_storable(value):
        message = "must not hold NUL or half of a surrogate pair"
        yield {"field": field, "message": message}
