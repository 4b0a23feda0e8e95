"""Use cases of inspection, by aggregate; a service or route reads `commands.verb_noun`."""

from services.inspection.commands.agencies import (
    add_key,
    end_key,
    register_agency,
    register_inspector,
)
from services.inspection.commands.deadlines import expire_due, revoke_overdue
from services.inspection.commands.decisions import (
    decide_change,
    dismiss_task,
    reinstate_project,
    revoke_by_decision,
)
from services.inspection.commands.inspections import void_inspection
from services.inspection.commands.ledger import (
    note_notice,
    record_acknowledgement,
    settle_revocations,
)
from services.inspection.commands.messages import receive_message
from services.inspection.commands.plans import draw_plan, keep_programme, plan_inspections
from services.inspection.commands.projects import enrol_project
from services.inspection.commands.tasks import open_task

__all__ = [
    "add_key",
    "decide_change",
    "dismiss_task",
    "draw_plan",
    "end_key",
    "enrol_project",
    "expire_due",
    "keep_programme",
    "note_notice",
    "open_task",
    "plan_inspections",
    "receive_message",
    "record_acknowledgement",
    "register_agency",
    "register_inspector",
    "reinstate_project",
    "revoke_by_decision",
    "revoke_overdue",
    "settle_revocations",
    "void_inspection",
]
