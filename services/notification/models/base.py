"""The base of notification's tables."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import DeclarativeBase

Json = dict[str, Any]


class Base(DeclarativeBase):
    """Notification's own tables; no other service reads or writes them."""

    type_annotation_map = {Json: JSON, list[str]: JSON, list[Json]: JSON}  # noqa: RUF012
