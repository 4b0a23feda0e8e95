"""Parked events, as a list that is filtered and paged, and one by one."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from shared.spine.parking import OPEN
from shared.spine.parking.decisions import FROM, Decision
from shared.web.browsers import PLACE
from shared.web.fields import Instant
from shared.web.operations.page import render
from shared.web.operations.parked import FILTERS, OPERATOR, ParkedQuery, ParkedRoutes
from shared.web.spec import Call, route

LIST = f"{PLACE}/parked"
MOST_SHOWN = 20_000
MOST_STEPS = 100
MOST_COUNTED = 2**31 - 1


class Done(Schema):
    """What was done just now, to be told once."""

    done = fields.String(load_default=None, validate=validate.OneOf([*Decision]))
    changed = fields.Integer(load_default=0, validate=validate.Range(0, MOST_COUNTED))
    left = fields.Integer(load_default=0, validate=validate.Range(0, MOST_COUNTED))


class UtcFilter(Schema):
    """Times as a browser's own field gives them, without a zone."""

    since = Instant(load_default=None, default_timezone=UTC)
    until = Instant(load_default=None, default_timezone=UTC)


class ListQuery(UtcFilter, ParkedQuery, Done):
    """Which parked events to list."""


class ParkedPages(ParkedRoutes):
    """What is parked."""

    runtime: Any

    @route("GET", LIST, role=OPERATOR, query=ListQuery, produces="text/html", browser=True)
    def show_parked_list(self, session: Any, call: Call) -> Response:
        """Show parked events with totals, to be decided about all at once."""
        found, kept = self.list_parked(session, call), filters(call.query)
        states = {"state": call.query["state"]}
        return render.page(
            "list.html",
            self.runtime,
            actor=call.actor,
            found=found,
            query=call.query,
            kept=kept,
            address=LIST,
            here=urlencode(kept | states),
            same=urlencode(kept),
            possible=_possible(found["totals"], call.query["state"]),
        )

    @route(
        "GET", f"{LIST}/<parked_id>", role=OPERATOR, query=Done, produces="text/html", browser=True
    )
    def show_parked_event(self, session: Any, call: Call) -> Response:
        """Show one parked event with its bytes, headers and history."""
        event = self.show_parked(session, call)
        steps = event.pop("history")
        return render.page(
            "event.html",
            self.runtime,
            actor=call.actor,
            event=event,
            query=call.query,
            history=steps[-MOST_STEPS:],
            earlier=max(len(steps) - MOST_STEPS, 0),
            indented=_indented(event["body"]),
            most=MOST_SHOWN,
            address=LIST,
            possible=[one for one in Decision if event["state"] in FROM[one]],
        )


def filters(query: Mapping[str, Any]) -> dict[str, str]:
    """Those that restrict, as an address or a form has them."""
    return {name: _text(query[name]) for name in FILTERS if query[name] is not None}


def _text(value: Any) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else str(value)


def _possible(totals: Mapping[str, int], shown: str) -> dict[Decision, int]:
    """What can be decided about the events of the states shown, and for how many."""
    return {
        one: count
        for one, states in FROM.items()
        if shown in {"open" if states == OPEN else "", *states}
        and (count := sum(totals.get(state, 0) for state in states))
    }


def _indented(body: str) -> str | None:
    """A body that is JSON, one member a line; None for any other, and for a long one."""
    if len(body) > MOST_SHOWN:
        return None
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
