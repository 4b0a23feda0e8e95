"""Inspections and draws, publicity, statistics."""

import json

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from services.notification import queries
from services.notification.models.proceedings import Plan
from services.notification.rules.states import REGISTERED
from services.notification.site import render, texts
from services.notification.site.base import LANGUAGE, Pages
from services.notification.site.names import names
from services.notification.site.pictures import Picture, bars
from shared.errors import NotFoundError
from shared.project import State
from shared.spine.rows import found
from shared.web.routes import Call, route
from shared.workdays import china_date


class ProceedingsPages(Pages):
    """What happens to projects, and how often."""

    @route("GET", f"{LANGUAGE}/inspections", produces="text/html")
    def show_plans(self, session: Session, call: Call) -> Response:
        """List the inspection plans with what was published before each draw."""
        return self.page(call, "inspections.html", "/inspections", plans=queries.plans(session))

    @route("GET", f"{LANGUAGE}/inspections/<plan>", produces="text/html")
    def show_plan(self, session: Session, call: Call) -> Response:
        """Show one plan and its draw."""
        plan = found(session, Plan, call.path["plan"])
        return self.page(call, "plan.html", f"/inspections/{plan.id}", plan=plan)

    @route("GET", "/draws/<plan>.json")
    def show_draw(self, session: Session, call: Call) -> Response:
        """Give a draw's transcript, which `laurel draw verify` recomputes offline."""
        plan = found(session, Plan, call.path["plan"])
        if plan.transcript is None:
            raise NotFoundError(f"Plan {plan.id} is not drawn yet.")
        name = {"Content-Disposition": f'attachment; filename="draw-{plan.id}.json"'}
        body = json.dumps(plan.transcript, ensure_ascii=False, indent=1)
        told = Response(body, content_type="application/json", headers=render.SAFE | name)
        return render.fresh(told, call.headers)

    @route("GET", f"{LANGUAGE}/publicity", produces="text/html")
    def show_publicities(self, session: Session, call: Call) -> Response:
        """Show the lists under publicity."""
        known = names(session, str(call.path["language"]))
        lists = queries.publicities(session)
        return self.page(
            call,
            "publicity.html",
            "/publicity",
            lists=lists,
            states=queries.states_of(session, lists),
            names=known,
            rounds=dict(known.rounds),
            today=china_date(call.now),
        )

    @route("GET", f"{LANGUAGE}/statistics", produces="text/html")
    def show_statistics_page(self, session: Session, call: Call) -> Response:
        """Show the statistics as pictures, with their numbers as tables."""
        pictures = _pictures(session, str(call.path["language"]))
        return self.page(call, "statistics.html", "/statistics", pictures=pictures)


def _pictures(session: Session, language: str) -> list[Picture]:
    census = queries.census(session)
    public = [row for row in census if row.state in REGISTERED]
    states, directions, units = (
        queries.tally(public, column) for column in ("state", "direction", "unit")
    )
    known = names(session, language)
    called = dict(known.directions())
    outcomes, grounds = queries.outcomes(session), queries.grounds(session)
    return [
        _picture(language, "by_state", texts.STATES,
                 {state: states.get(state, 0) for state in State if state in REGISTERED}),
        bars(texts.text(language, "by_direction"),
             [(called.get(number, str(number)), n) for number, n in sorted(directions.items())]),
        bars(texts.text(language, "by_unit"),
             [(known.unit(code), n) for code, n in sorted(units.items())]),
        _picture(language, "by_outcome", texts.OUTCOMES,
                 {name: outcomes[name] for name in texts.OUTCOMES if name in outcomes}),
        _picture(language, "by_ground", render.GROUNDS,
                 {name: grounds.get(name, 0) for name in render.GROUNDS}),
    ]  # fmt: skip


def _picture(language: str, title: str, words: texts.Words, counts: dict[str, int]) -> Picture:
    labelled = [(texts.word(words, name, language), count) for name, count in counts.items()]
    return bars(texts.text(language, title), labelled)
