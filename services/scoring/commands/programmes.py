"""The rounds that entries are scored and selected by."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.scoring import models
from shared.programme.kept import keep, programme_of
from shared.programme.values import Programme
from shared.spine.envelope import Event


def keep_programme(session: Session, event: Event) -> None:
    """Keep the newest edition of the definition, and the rubric that experts have scored by.

    Entries are ranked against each other, so that all of a round are scored by one rubric.
    """
    row = session.get(models.Programme, event.data["programme"], with_for_update=True)
    kept = {"rubric": row.definition["rubric"]} if row and _is_scoring(session, row.id) else {}
    keep(session, models.Programme, event, definition=event.data["definition"] | kept)


def round_of(session: Session, programme: str) -> Programme:
    """The round, as it stays until the transaction ends; raises NotFoundError."""
    return programme_of(session, models.Programme, programme, stays=True)


def _is_scoring(session: Session, programme: str) -> bool:
    """Whether any expert has scored an entry of the round."""
    scored = (
        select(models.Assignment.project)
        .join(models.Entry)
        .where(models.Entry.programme == programme, models.Assignment.scored_at.is_not(None))
    )
    return session.scalar(scored.limit(1)) is not None
