"""The tables that notification owns, by aggregate."""

from typing import Any

from sqlalchemy.orm import DeclarativeBase

from shared.spine.tables import COLUMN_TYPES

Json = dict[str, Any]


class Base(DeclarativeBase):
    """Notification's own tables; no other service reads or writes them."""

    type_annotation_map = COLUMN_TYPES
