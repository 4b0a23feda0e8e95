"""The ways in: bare addresses, links from letters, style, feed, and pages that are missing."""

import importlib.resources
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from services.notification import queries
from services.notification.site import render
from services.notification.site.base import LANGUAGE, Pages
from services.notification.site.texts import LANGUAGES
from shared.errors import LaurelError
from shared.web.routes import Call, route

FEED_LENGTH = 50
NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)
AN_HOUR = "public, max-age=3600"
FILES = {"site.css": "text/css", "favicon.svg": "image/svg+xml"}
BARE = ("register", "circulars", "inspections", "publicity", "statistics", "about")
NOT_OURS = (
    "/v1/",
    "/openapi.json",
    "/metrics",
    "/health/",
    "/status-lists/",
    "/.well-known/",
    "/operations",
)
TOLD = {404: ("missing", "missing_text"), 503: ("away", "away_text")}
REFUSED = ("refused", "refused_text")


class DoorPages(Pages):
    """Where visitors come in."""

    @route("GET", "/", produces="text/html")
    def enter(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Go to the pages in the browser's language."""
        return _in_language(call, "/")

    @route("GET", f"/<any({','.join(BARE)}):name>", produces="text/html")
    def enter_page(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Go to a page in the browser's language."""
        return _in_language(call, f"/{call.path['name']}")

    @route("GET", "/projects/<project>", produces="text/html")
    def enter_project(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Go to a project's page in the browser's language."""
        return _in_language(call, f"/projects/{call.path['project']}")

    @route("GET", "/circulars/<number>", produces="text/html")
    def enter_circular(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Go to a circular in the browser's language."""
        return _in_language(call, f"/circulars/{call.path['number']}")

    @route("GET", f"/<any({','.join(FILES)}):name>", produces="text/css")
    def show_file(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Give the style sheet, or the mark."""
        name = str(call.path["name"])
        body = (importlib.resources.files(__package__) / name).read_bytes()
        kind = f"{FILES[name]}; charset=utf-8"
        return render.fresh(
            Response(body, content_type=kind, headers=render.SAFE), call.headers, AN_HOUR
        )

    @route("GET", f"{LANGUAGE}/feed.atom", produces="application/atom+xml")
    def show_feed(self, session: Session, call: Call) -> Response:
        """Give the latest circulars as an Atom feed (RFC 4287)."""
        found = queries.latest_circulars(session, FEED_LENGTH)
        updated = found[0].published_at if found else NOTHING_YET
        return self._feed(call, "circulars", "feed.atom", updated, circulars=found)

    @route("GET", f"{LANGUAGE}/register.atom", produces="application/atom+xml")
    def show_register_feed(self, session: Session, call: Call) -> Response:
        """Give the projects that changed last as an Atom feed."""
        found = queries.latest_changes(session, FEED_LENGTH)
        updated = found[0].changed_at if found else NOTHING_YET
        return self._feed(call, "register", "register.atom", updated, projects=found)

    def _feed(self, call: Call, of: str, name: str, updated: datetime, **entries: Any) -> Response:
        told = render.feed(
            str(call.path["language"]),
            of=of,
            name=name,
            updated=updated,
            site=self.runtime.settings.site_url,
            is_rehearsal=self.is_rehearsal,
            **{"circulars": (), "projects": ()} | entries,
        )
        return render.fresh(told, call.headers)

    @route("GET", f"{LANGUAGE}/about", produces="text/html")
    def show_about(self, session: Session, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Explain how anyone can check what is published here."""
        return self.page(call, "about.html", "/about")

    def refuse(self, error: LaurelError, request: Request) -> Response:
        """A page for people who read pages, a problem document for programs."""
        wants_page = "text/html" in request.headers.get("Accept", "")
        if request.path.startswith(NOT_OURS) or not wants_page:
            return super().refuse(error, request)
        title, words = TOLD.get(error.status, REFUSED)
        told = render.page(
            "problem.html",
            _language_of(request),
            status=error.status,
            here=_here(request),
            is_rehearsal=self.is_rehearsal,
            site=self.runtime.settings.site_url,
            title=title,
            words=words,
            detail=error.detail,
        )
        told.headers["Vary"] = "Accept, Accept-Language"
        return told


def _in_language(call: Call, here: str) -> Response:
    language = render.preferred(call.headers.get("Accept-Language"))
    response: Any = redirect(f"/{language}{here}", Response=Response)
    response.headers["Vary"] = "Accept-Language"
    return Response(response.get_data(), 302, response.headers)


def _here(request: Request) -> str:
    """The address after its language; whoever switches the language stays at the same fault."""
    _nothing, first, *rest = request.path.split("/", 2)
    return f"/{quote(rest[0])}" if rest and first in LANGUAGES else "/"


def _language_of(request: Request) -> str:
    first = request.path.split("/")[1]
    return first if first in LANGUAGES else render.preferred(request.headers.get("Accept-Language"))
