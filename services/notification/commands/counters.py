"""Counters without gaps."""

from sqlalchemy.orm import Session

from services.notification.models.register import Counter
from shared.spine.database import insert_new


def count_up(session: Session, name: str) -> int:
    """The counter's next value, from 1; its row stays locked until this transaction ends."""
    insert = insert_new(session.get_bind().dialect)
    session.execute(insert(Counter).values(name=name, value=0).on_conflict_do_nothing())
    counter = session.get_one(Counter, name, with_for_update=True, populate_existing=True)
    counter.value += 1
    session.flush()
    return counter.value
