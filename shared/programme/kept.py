"""Where each service keeps the rounds' definitions: the newest edition that was published."""

from typing import Any

from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.programme.definition import parse
from shared.programme.values import Programme
from shared.spine.envelope import Event
from shared.spine.rows import missing


class KeptProgramme:
    """The table that each service has of its own."""

    __tablename__ = "programmes"
    hint = "Publish it first."

    id: Mapped[str] = mapped_column(primary_key=True)
    edition: Mapped[int]
    definition: Mapped[dict[str, Any]]


def keep(session: Session, table: type[Any], event: Event, **more: Any) -> None:
    """Keep what `programme.published` brings, unless a newer edition is known; `more` wins."""
    data = event.data
    row = session.get(table, data["programme"], with_for_update=True)
    if row is None:
        row = table(id=data["programme"], edition=0)
        session.add(row)
    if data["edition"] > row.edition:
        for name, value in ({"definition": data["definition"]} | more).items():
            setattr(row, name, value)
        row.edition = data["edition"]


def programme_of(
    session: Session, table: type[Any], programme: str, *, stays: bool = False
) -> Programme:
    """The round in force; `stays` until the transaction ends, if asked. Raises NotFoundError."""
    lock = {"read": True} if stays else None
    row = session.get(table, programme, with_for_update=lock)
    if row is None:
        raise missing(table, programme)
    return parse(row.definition)
