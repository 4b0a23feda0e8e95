"""Templates to answers: dates as each language writes them, headers that allow no script."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header, parse_etags
from werkzeug.wrappers import Response

from services.notification.rules.letters import GROUNDS_EN, GROUNDS_ZH
from services.notification.site import texts
from shared.workdays import CHINA

GROUNDS = {name: {"zh": GROUNDS_ZH[name], "en": GROUNDS_EN[name]} for name in GROUNDS_ZH}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
ASK_AGAIN = "public, no-cache"  # kept anywhere, shown only after we said that it still holds
WORDS = {
    "state": texts.STATES,
    "event": texts.EVENTS,
    "outcome": texts.OUTCOMES,
    "outlet": texts.OUTLETS,
    "method": texts.METHODS,
    "ground": GROUNDS,
}


def page(template: str, language: str, *, status: int = 200, **context: Any) -> Response:
    """One HTML page in one language; `here` in the context is its address without the language."""
    environment = _environment(language)
    body = environment.get_template(template).render(language=language, **context)
    return Response(body, status=status, content_type="text/html; charset=utf-8", headers=SAFE)


def fresh(response: Response, asked: Mapping[str, str], caching: str = ASK_AGAIN) -> Response:
    """The answer with a tag of its content, or only that what the caller has still holds."""
    tag = hashlib.sha256(response.get_data()).hexdigest()[:32]
    response.set_etag(tag)
    response.headers["Cache-Control"] = caching
    if parse_etags(asked.get("If-None-Match")).contains_weak(tag):
        response.set_data(b"")
        response.status_code = 304
    return response


def feed(language: str, **context: Any) -> Response:
    """The Atom feed in one language."""
    body = _environment(language).get_template("feed.xml").render(language=language, **context)
    return Response(body, content_type="application/atom+xml; charset=utf-8", headers=SAFE)


def preferred(accept_language: str | None) -> str:
    """The language that a browser asks for: Chinese, unless it prefers English."""
    accepted = parse_accept_header(accept_language, LanguageAccept)
    return accepted.best_match(texts.LANGUAGES) or texts.LANGUAGES[0]


def day(value: date | None, language: str) -> str:
    """A day as the language writes it."""
    if value is None:
        return "—"
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {value:%B %Y}"


def instant(value: datetime | None, language: str) -> str:
    """An instant in China's time, to the minute."""
    if value is None:
        return "—"
    local = value.astimezone(CHINA)
    return f"{day(local.date(), language)} {local:%H:%M}"


class Words:
    """One language's words, for a document that is written in both."""

    def __init__(self, language: str) -> None:
        self._language = language

    def text(self, name: str, **values: Any) -> str:
        """Words of the site."""
        return texts.text(self._language, name, **values)

    def ground(self, name: str) -> str:
        """A ground of revocation."""
        return texts.word(GROUNDS, name, self._language)

    def instant(self, value: datetime) -> str:
        """An instant in China's time."""
        return instant(value, self._language)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("services.notification.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = lambda name, **values: texts.text(language, name, **values)
    environment.globals["in_language"] = Words
    environment.filters["day"] = lambda value: day(value, language)
    environment.filters["instant"] = lambda value: instant(value, language)
    environment.filters["parsed"] = datetime.fromisoformat
    for name, words in WORDS.items():
        environment.filters[name] = lambda value, words=words: texts.word(words, value, language)
    return environment
