"""Rounds as intake published them."""

from services.inspection.models import Base
from shared.programme.kept import KeptProgramme


class Programme(KeptProgramme, Base):
    """The definition that intake published."""
