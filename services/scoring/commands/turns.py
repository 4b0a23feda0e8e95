"""What is done one after another: all about one undertaker, and the places of one round."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from services.scoring import models
from shared.turns import take_turns


def take_undertakers(session: Session, codes: Iterable[str]) -> None:
    """Wait for whoever bars or frees one of these undertakers, or enters something of theirs."""
    take_turns(session, models.Turn, [f"undertaker:{code}" for code in codes])


def take_places(session: Session, programmes: Iterable[str]) -> None:
    """Wait for whoever gives places of these rounds to somebody; after the undertakers, if any."""
    take_turns(session, models.Turn, [f"places:{programme}" for programme in programmes])
