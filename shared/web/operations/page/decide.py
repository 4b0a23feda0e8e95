"""Deciding in two steps: first how many and why, then it is done, a bounded number at once."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from werkzeug.wrappers import Response

from shared.spine.parking import decisions
from shared.spine.parking.decisions import FROM, Decision, Wanted
from shared.web.browsers import PLACE
from shared.web.operations.page import render
from shared.web.operations.page.parked import LIST, UtcFilter, filters
from shared.web.operations.parked import FILTERS, REASON, ParkedFilter
from shared.web.spec import Call, route

DECIDE = f"{PLACE}/decide"
EXAMPLES = 3
BATCHES = 10  # a second's work, so that no click keeps a transaction open for long


class Chosen(Schema):
    """A decision."""

    decision = fields.String(required=True, validate=validate.OneOf([*Decision]))


class Decided(Chosen):
    """A decision and why: without a reason an event is only tried again."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))

    @validates_schema
    def _need_a_reason(self, data: dict[str, Any], **_: Any) -> None:
        if data["decision"] != Decision.RETRY:
            try:
                REASON(data["reason"])
            except ValidationError as error:
                raise ValidationError(error.messages, "reason") from error


class ChosenFor(UtcFilter, ParkedFilter, Chosen):
    """A decision, and which parked events are meant."""


class DecidedFor(UtcFilter, ParkedFilter, Decided):
    """A decision with its reason, and which parked events are meant."""


class DecidePages:
    """Retry, discard, restore."""

    runtime: Any

    @route("GET", DECIDE, role="operator", query=ChosenFor, produces="text/html", browser=True)
    def show_decision(self, session: Any, call: Call) -> Response:
        """Tell how many parked events a decision would change, and ask why."""
        decision, wanted = Decision(call.query["decision"]), _wanted(call.query)
        count = decisions.count(session, wanted, decision)
        examples = decisions.page(session, wanted, FROM[decision], "", EXAMPLES)
        return render.page(
            "decide.html",
            self.runtime,
            actor=call.actor,
            decision=decision,
            count=count,
            kept=filters(call.query),
            address=DECIDE,
            at_once=BATCHES * decisions.BATCH,
            examples=examples,
        )

    @route(
        "POST",
        DECIDE,
        role="operator",
        body=DecidedFor,
        status=303,
        produces="text/html",
        browser=True,
    )
    def decide_about_query(self, session: Any, call: Call) -> Response:
        """Decide about some batches of parked events, and show what is left."""
        wanted, decision = _wanted(call.body), Decision(call.body["decision"])
        actor, why = str(call.actor), call.body["reason"]
        changed, after = 0, ""
        for _ in range(BATCHES):
            ids = decisions.decide(session, wanted, decision, actor=actor, why=why, after=after)
            changed, after = changed + len(ids), ids[-1] if ids else after
        left = decisions.count(session, wanted, decision)
        told = {"done": decision, "changed": changed, "left": left}
        return render.go_to(LIST, **filters(call.body), **told)

    @route(
        "POST",
        f"{LIST}/<parked_id>",
        role="operator",
        body=Decided,
        status=303,
        produces="text/html",
        browser=True,
    )
    def decide_about_event(self, session: Any, call: Call) -> Response:
        """Decide about one parked event, and show it again."""
        parked_id, decision = call.path["parked_id"], Decision(call.body["decision"])
        actor, why = str(call.actor), call.body["reason"]
        decisions.decide_one(session, parked_id, decision, actor=actor, why=why)
        return render.go_to(f"{LIST}/{parked_id}", done=decision, changed=1)


def _wanted(values: dict[str, Any]) -> Wanted:
    return Wanted(**{name: values[name] for name in FILTERS})
