"""The register as a file: the same selection as the page shows, all of it, for spreadsheets."""

import csv
import io
import time
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from services.notification.models.register import Project
from services.notification.site import texts
from services.notification.site.names import Names

BYTE_ORDER_MARK = "\ufeff"  # without it a common spreadsheet program takes UTF-8 for something else
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
HEAD = (
    "number",
    "title",
    "undertaker",
    "uscc",
    "unit",
    "direction",
    "state",
    "validity_from",
    "validity_to",
    "changed",
)
ROWS = 1_000


def as_csv(session: Session, wanted: Select[Any], names: Names, language: str) -> str:
    """RFC 4180 with a head in one language; no cell is a formula to whoever opens it."""
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(texts.text(language, name) for name in HEAD)
    for part in session.scalars(wanted.execution_options(yield_per=ROWS)).partitions():
        for project in part:
            writer.writerow(map(_cell, _values(project, names, language)))
        time.sleep(0)  # others are served between two parts
    return out.getvalue()


def _values(project: Project, names: Names, language: str) -> tuple[object, ...]:
    return (
        project.id,
        project.title,
        project.undertaker_name,
        project.uscc,
        names.unit(project.unit),
        names.direction(project.programme, project.direction),
        texts.word(texts.STATES, project.state, language),
        project.valid_from or "",
        project.valid_to or "",
        project.changed_at.isoformat(),
    )


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text
