"""The tables that inspection owns, by aggregate."""

from sqlalchemy.orm import DeclarativeBase

from shared.spine.tables import COLUMN_TYPES


class Base(DeclarativeBase):
    """Inspection's own metadata."""

    type_annotation_map = COLUMN_TYPES
