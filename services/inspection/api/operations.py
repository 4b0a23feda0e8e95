"""What inspection adds to the operator's page: revocations that somebody has not acted on."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.inspection import queries
from shared.web.operations.page.render import instant
from shared.web.operations.page.sections import Line, Section
from shared.web.routes import ServiceApi

SHOWN = 50
COLUMNS = ("Project", "Ground", "Revoked", "Circular", "Missing", "Failed deliveries")
MEANING = (
    "Who relies on the designation may not know yet. Of what is missing, the bar is intake's, the "
    "entry is scoring's, the rest is notification's: see there what is parked or has failed."
)


class OperatorSections(ServiceApi):
    """Revocations not acknowledged."""

    def operator_sections(self, session: Session) -> Sequence[Section]:
        """The oldest of them, each with what is missing."""
        waiting = queries.unsettled_lines(session, SHOWN)
        count = queries.open_count(session)
        title = "Revocations not acknowledged"
        return [Section("revocations", title, MEANING, COLUMNS, [*map(_line, waiting)], count)]


def _line(told: Mapping[str, Any]) -> Line:
    failures = ", ".join(f"{one}: {error}" for one, error in told["failures"].items())
    return Line(
        (
            told["project"],
            told["ground"].replace("_", " "),
            instant(told["revoked_at"]),
            told["circular"] or "none yet",
            ", ".join(told["missing"]) or "nothing",
            failures or "none",
        )
    )
