"""Templates to answers: times, amounts and bytes as people read them, headers that allow no script.

What comes from outside is shown with everything unprintable written out, so that no byte can hide,
turn the line round, or break the page.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from shared.catalogue import SERVICES
from shared.runtime import Runtime
from shared.spine.context import Actor
from shared.web.browsers import PLACE
from shared.web.spec import PUBLIC

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, a form's Origin would be null
    "Cache-Control": "no-store",
}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
LONGEST_TEXT = 300
_KEPT = "\n\t"


def page(
    template: str, runtime: Runtime, *, status: int = 200, actor: Actor = PUBLIC, **context: Any
) -> Response:
    """One page of one service."""
    links = [(name, runtime.settings.url_of(name) + PLACE) for name in SERVICES]
    body = (
        _environment()
        .get_template(template)
        .render(
            service=runtime.service,
            services=links,
            actor=actor,
            place=PLACE,
            is_rehearsal=runtime.clock.kind == "rehearsal",
            may_decide=actor.role == "operator",
            **context,
        )
    )
    return Response(body, status=status, content_type="text/html; charset=utf-8", headers=HEADERS)


def go_to(path: str, **query: Any) -> Response:
    """Have the browser get another of our pages, so that nothing is done again by a reload."""
    address = f"{path}?{urlencode(query)}" if query else path
    response: Any = redirect(address, 303, Response=Response)
    response.headers.update({"Cache-Control": "no-store"})
    return Response(response.get_data(), 303, response.headers)


def instant(value: datetime | str | None) -> str:
    """An instant in UTC, to the second."""
    if not value:
        return "—"
    return f"{_moment(value).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(value: datetime | str) -> str:
    """How long ago it was, in real time."""
    return f"{duration(_since(value))} ago"


def due(value: datetime | str) -> str:
    """In how much real time it will be."""
    seconds = -_since(value)
    return f"in {duration(seconds)}" if seconds > 0 else "now"


def duration(seconds: float) -> str:
    """Seconds in the unit that people would use."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1_000:.0f} ms" if 0 < seconds < 1 else f"{seconds:.0f} s"


def plain(text: Any, limit: int = LONGEST_TEXT) -> str:
    """The text, not longer than that, with what cannot be printed written out."""
    text = str(text)
    shown = "".join(
        letter
        if letter.isprintable() or letter in _KEPT
        else letter.encode("unicode_escape").decode()
        for letter in text[:limit]
    )
    return f"{shown}…" if len(text) > limit else shown


def _since(value: datetime | str) -> float:
    return (datetime.now(UTC) - _moment(value)).total_seconds()


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("shared.web.operations.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for show in (instant, ago, due, duration, plain):
        environment.filters[show.__name__] = show
    environment.filters["amount"] = "{:,}".format
    return environment
