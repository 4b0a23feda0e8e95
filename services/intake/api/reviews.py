"""Routes of recommending units: the truth review."""

from sqlalchemy.orm import Session

from services.intake import models
from services.intake.api.schemas import ApplicationOut, FindingsIn, OpinionIn
from services.intake.commands import reviews
from shared.web.fields import ReasonIn
from shared.web.routes import Call, ServiceApi, route

ONE = "/v1/applications/<project>"


class ReviewRoutes(ServiceApi):
    """From submission to recommendation."""

    @route("POST", f"{ONE}/review/start", role="unit", answer=ApplicationOut)
    def start_review(self, session: Session, call: Call) -> models.Application:
        """Begin the truth review of a submitted application."""
        return reviews.start_review(session, call.path["project"], call.context)

    @route("POST", f"{ONE}/review/items", role="unit", body=FindingsIn, answer=ApplicationOut)
    def review_items(self, session: Session, call: Call) -> models.Application:
        """Note verdicts on items of evidence; what is not verified needs its reason."""
        findings = call.body["items"]
        return reviews.review_items(session, call.path["project"], findings, call.context)

    @route("POST", f"{ONE}/return", role="unit", answer=ApplicationOut)
    def return_application(self, session: Session, call: Call) -> models.Application:
        """Return the application with every questioned item and its reason."""
        return reviews.return_application(session, call.path["project"], call.context)

    @route("POST", f"{ONE}/recommend", role="unit", body=OpinionIn, answer=ApplicationOut)
    def recommend_application(self, session: Session, call: Call) -> models.Application:
        """Recommend the application within the unit's quota, with a signed opinion."""
        return reviews.recommend_application(session, call.path["project"], call.body, call.context)

    @route("POST", f"{ONE}/not-recommend", role="unit", body=ReasonIn, answer=ApplicationOut)
    def not_recommend_application(self, session: Session, call: Call) -> models.Application:
        """Decide against a recommendation."""
        reason = call.body["reason"]
        return reviews.not_recommend_application(
            session, call.path["project"], reason, call.context
        )

    @route("POST", f"{ONE}/ineligible", role="unit", body=ReasonIn, answer=ApplicationOut)
    def find_ineligible(self, session: Session, call: Call) -> models.Application:
        """Find the application false or ineligible; its evidence is kept."""
        reason = call.body["reason"]
        return reviews.find_ineligible(session, call.path["project"], reason, call.context)
