"""One after another, where no lock on rows sees to it: what is not there yet cannot be locked."""

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from services.scoring import models
from shared.spine.database import insert_new_rows


def take_undertakers(session: Session, codes: Iterable[str]) -> None:
    """Wait for whoever bars or frees one of these undertakers, or enters something of theirs."""
    _take(session, [f"undertaker:{code}" for code in codes])


def take_places(session: Session, programmes: Iterable[str]) -> None:
    """Wait for whoever gives places of these rounds to somebody; after the undertakers, if any."""
    _take(session, [f"places:{programme}" for programme in programmes])


def _take(session: Session, names: Iterable[str]) -> None:
    """They are ours until the transaction ends; all take them in the order of their names."""
    table = cast("Table", models.Turn.__table__)
    if rows := [{"name": name} for name in sorted(set(names))]:
        insert_new_rows(session, table, rows, table.c.name)
        mine = select(table.c.name).where(table.c.name.in_([row["name"] for row in rows]))
        session.execute(mine.order_by(table.c.name).with_for_update())
