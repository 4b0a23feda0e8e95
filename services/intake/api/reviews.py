"""Routes of recommending units: the truth review."""

from typing import Any

from services.intake import commands, models
from services.intake.api.schemas import ApplicationOut, FindingsIn, OpinionIn, ReasonIn
from shared.web.spec import Call, route

ONE = "/v1/applications/<project>"


class ReviewRoutes:
    """From submission to recommendation."""

    @route("POST", f"{ONE}/review/start", role="unit", answer=ApplicationOut)
    def start_review(self, session: Any, call: Call) -> models.Application:
        """Begin the truth review of a submitted application."""
        return commands.start_review(session, call.path["project"], call.context)

    @route("POST", f"{ONE}/review/items", role="unit", body=FindingsIn, answer=ApplicationOut)
    def review_items(self, session: Any, call: Call) -> models.Application:
        """Note verdicts on items of evidence; what is not verified needs its reason."""
        findings = call.body["items"]
        return commands.review_items(session, call.path["project"], findings, call.context)

    @route("POST", f"{ONE}/return", role="unit", answer=ApplicationOut)
    def return_application(self, session: Any, call: Call) -> models.Application:
        """Return the application with every questioned item and its reason."""
        return commands.return_application(session, call.path["project"], call.context)

    @route("POST", f"{ONE}/recommend", role="unit", body=OpinionIn, answer=ApplicationOut)
    def recommend_application(self, session: Any, call: Call) -> models.Application:
        """Recommend the application within the unit's quota, with a signed opinion."""
        return commands.recommend_application(
            session, call.path["project"], call.body, call.context
        )

    @route("POST", f"{ONE}/not-recommend", role="unit", body=ReasonIn, answer=ApplicationOut)
    def not_recommend_application(self, session: Any, call: Call) -> models.Application:
        """Decide against a recommendation."""
        reason = call.body["reason"]
        return commands.not_recommend_application(
            session, call.path["project"], reason, call.context
        )

    @route("POST", f"{ONE}/ineligible", role="unit", body=ReasonIn, answer=ApplicationOut)
    def find_ineligible(self, session: Any, call: Call) -> models.Application:
        """Find the application false or ineligible; its evidence is kept."""
        reason = call.body["reason"]
        return commands.find_ineligible(session, call.path["project"], reason, call.context)
