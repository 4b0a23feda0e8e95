"""Use cases of intake, by aggregate; a service or route reads `commands.verb_noun`."""

from services.intake.commands.applications import (
    add_evidence,
    create_application,
    edit_application,
    follow_project,
    same_applications,
    submit_application,
)
from services.intake.commands.bars import bar_undertaker, lift_bar
from services.intake.commands.programmes import publish_programme, register_unit
from services.intake.commands.reports import report_change, report_violation
from services.intake.commands.reviews import (
    find_ineligible,
    not_recommend_application,
    recommend_application,
    return_application,
    review_items,
    start_review,
)

__all__ = [
    "add_evidence",
    "bar_undertaker",
    "create_application",
    "edit_application",
    "find_ineligible",
    "follow_project",
    "lift_bar",
    "not_recommend_application",
    "publish_programme",
    "recommend_application",
    "register_unit",
    "report_change",
    "report_violation",
    "return_application",
    "review_items",
    "same_applications",
    "start_review",
    "submit_application",
]
