"""Home, the register, one project, circulars."""

from collections.abc import Sequence
from typing import Any

from marshmallow import EXCLUDE, pre_load
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification import queries, status_list
from services.notification.api.schemas import RegisterQuery
from services.notification.models.register import Circular, Project
from services.notification.rules.states import ENROLLED, REGISTERED
from services.notification.site import render, texts
from services.notification.site.base import LANGUAGE, Pages
from services.notification.site.files import as_csv
from services.notification.site.names import Names, names
from services.notification.site.pictures import Picture, bars
from shared.project import State
from shared.spine.rows import found
from shared.web.paging import keyset
from shared.web.routes import Call, route

LATEST = 5
SHOWN_ON_HOME = (State.DESIGNATED, State.RECTIFYING, State.REVOKED)
STEPS = {
    "applied": frozenset(State),
    "publicised": REGISTERED,
    "designated": ENROLLED,
    "in_force": frozenset({State.DESIGNATED, State.RECTIFYING}),
    "revoked": frozenset({State.REVOKED}),
}
STATES = [state for state in State if state in REGISTERED]


class SearchQuery(RegisterQuery):
    """The search form: a field left empty does not restrict, and what others append is no field."""

    class Meta:
        """Marshmallow's options."""

        unknown = EXCLUDE

    @pre_load
    def drop_empty(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """A form sends every field, also the empty ones."""
        return {name: value.strip() for name, value in data.items() if value.strip()}


class RegisterPages(Pages):
    """The register's pages."""

    @route("GET", f"{LANGUAGE}/", produces="text/html")
    def show_home(self, session: Session, call: Call) -> Response:
        """Show where the programme stands, and the latest circulars."""
        census, language = queries.census(session), str(call.path["language"])
        counts, known = queries.tally(census, "state"), names(session, language)
        return self.page(
            call,
            "home.html",
            "/",
            figures=[(state, counts.get(state, 0)) for state in SHOWN_ON_HOME],
            round=known.rounds[0][1] if known.rounds else None,
            funnel=_funnel(census, known, language),
            circulars=queries.latest_circulars(session, LATEST),
        )

    @route("GET", f"{LANGUAGE}/register", query=SearchQuery, page=True, produces="text/html")
    def show_register(self, session: Session, call: Call) -> Response:
        """Search the register."""
        wanted = queries.registered(queries.RegisterFilter(**call.query))
        found, is_first = keyset(session, wanted, call.page), call.page.after is None
        is_whole = is_first and found.next_cursor is None
        return self.page(
            call,
            "register.html",
            "/register",
            wanted=call.query,
            states=STATES,
            found=found,
            is_first=is_first,
            count=len(found.items) if is_whole else queries.count(session, wanted),
            names=names(session, str(call.path["language"])),
        )

    @route("GET", f"{LANGUAGE}/register.csv", query=SearchQuery, produces="text/csv")
    def show_register_file(self, session: Session, call: Call) -> Response:
        """Give the same selection of the register as one CSV file."""
        language = str(call.path["language"])
        wanted = queries.registered(queries.RegisterFilter(**call.query)).order_by(Project.id)
        body = as_csv(session, wanted, names(session, language), language)
        response = Response(body, content_type="text/csv; charset=utf-8", headers=render.SAFE)
        response.headers["Content-Disposition"] = "attachment; filename=register.csv"
        return render.fresh(response, call.headers)

    @route("GET", f"{LANGUAGE}/projects/<project>", produces="text/html")
    def show_project_page(self, session: Session, call: Call) -> Response:
        """Show one project with its history."""
        project = queries.project(session, call.path["project"])
        return self.page(
            call,
            "project.html",
            f"/projects/{project.id}",
            project=project,
            history=queries.history(session, project.id),
            inspections=queries.inspections(session, project.id),
            circulars=queries.circulars_of(session, project.id),
            objections=queries.objections(session, project.id),
            followed=queries.followed(session, project.id),
            slot=queries.status_slot(session, project.id),
            list_path=status_list.PATH,
            names=names(session, str(call.path["language"])),
        )

    @route("GET", f"{LANGUAGE}/circulars", page=True, produces="text/html")
    def show_circulars(self, session: Session, call: Call) -> Response:
        """List the circulars, the newest first."""
        found = keyset(session, queries.circulars(), call.page, newest_first=True)
        is_first = call.page.after is None
        return self.page(call, "circulars.html", "/circulars", found=found, is_first=is_first)

    @route("GET", f"{LANGUAGE}/circulars/<number>", produces="text/html")
    def show_circular_page(self, session: Session, call: Call) -> Response:
        """Show one circular in both languages."""
        circular = found(session, Circular, call.path["number"])
        here = f"/circulars/{circular.number}"
        return self.page(call, "circular.html", here, circular=circular)


def _funnel(census: Sequence[Any], known: Names, language: str) -> Picture | None:
    """How far the projects of the newest round have come; each step counts all who reached it."""
    if not known.rounds:
        return None
    newest = known.rounds[0][0]
    counts = queries.tally((row for row in census if row.programme == newest), "state")
    steps = [
        (texts.text(language, name), sum(counts.get(state, 0) for state in states))
        for name, states in STEPS.items()
    ]
    return bars(texts.text(language, "funnel"), steps)
