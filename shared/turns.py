"""One after another, where no lock on rows sees to it: what is not there yet cannot be locked."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.spine.database import insert_new_rows


class TurnColumns:
    """The table of a service that has such work: what is worked on, by name."""

    __tablename__ = "turns"

    name: Mapped[str] = mapped_column(primary_key=True)


def take_turns(session: Session, table: type[Any], names: Iterable[str]) -> None:
    """Wait for whoever has any of these; ours, taken in order, until the transaction ends."""
    turns = table.__table__
    if rows := [{"name": name} for name in sorted(set(names))]:
        insert_new_rows(session, turns, rows, turns.c.name)
        mine = select(turns.c.name).where(turns.c.name.in_([row["name"] for row in rows]))
        session.execute(mine.order_by(turns.c.name).with_for_update())
