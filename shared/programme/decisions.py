"""What an event tells of a decision by a round as it was announced: why, by what, who and when."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.project import Reason
from shared.spine.context import Context


def by_round(
    session: Session, table: type[Any], programme: str, reasons: Sequence[Reason], context: Context
) -> dict[str, Any]:
    """The decision; one that comes before its round's announcement names the round alone.

    `table` is the service's own of kept programmes.
    """
    round_ = session.get(table, programme)
    names = (round_.definition["name_zh"], round_.definition["name_en"]) if round_ else ()
    return {
        "ground": None,
        "citation": " / ".join(names) or programme,
        "reasons_zh": [reason.zh for reason in reasons],
        "reasons_en": [reason.en for reason in reasons],
        "rule_version": f"{programme}/{round_.edition if round_ else 0}",
        "actor": str(context.actor),
        "inspection": None,
        "acted_by": None,
        "decided_at": context.now,
        "effective_at": context.now,
    }
