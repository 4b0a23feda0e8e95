"""Use cases of scoring, by aggregate; a service or route reads `commands.verb_noun`."""

from services.scoring.commands.assignments import (
    assign_experts,
    declare_conflict,
    recuse_expert,
    register_expert,
    score_entry,
)
from services.scoring.commands.entries import (
    close_entry,
    enter_application,
    follow_project,
    keep_programme,
)
from services.scoring.commands.objections import decide_objection, receive_objection
from services.scoring.commands.selection import designate_due, open_publicity, rank_entries

__all__ = [
    "assign_experts",
    "close_entry",
    "decide_objection",
    "declare_conflict",
    "designate_due",
    "enter_application",
    "follow_project",
    "keep_programme",
    "open_publicity",
    "rank_entries",
    "receive_objection",
    "recuse_expert",
    "register_expert",
    "score_entry",
]
