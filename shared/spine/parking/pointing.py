"""Having another handler take what was parked for one that is gone, or was the wrong one."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.errors import IllegalTransitionError, InvalidError
from shared.spine import parking
from shared.spine.parking import OPEN, decisions
from shared.spine.tables import parked


def point(
    session: Session, parked_id: str, handler: str, known: Collection[str], *, actor: str, why: str
) -> None:
    """Have `handler`, one of those `known`, take a parked event whenever it is tried again.

    Raises NotFoundError, InvalidError for a name that no handler has, and IllegalTransitionError
    for what is settled or is that handler's already.
    """
    if handler not in known:
        told = f"must be one of {', '.join(sorted(known))}"
        errors = [{"field": "to", "message": told}]
        raise InvalidError(f"No handler is called {handler!r}: to {told}.", errors=errors)
    session.execute(select(parked.c.id).where(parked.c.id == parked_id).with_for_update())
    row = decisions.one(session, parked_id)
    if row.state not in OPEN:
        raise IllegalTransitionError(f"Parked event {parked_id} is {row.state} already.")
    its = (parked.c.handler == handler) & (parked.c.event_id == row.event_id)
    known_as = select(parked.c.id).where(its, parked.c.event_id.is_not(None))
    if other := session.scalar(known_as.limit(1)):
        raise IllegalTransitionError(f"{handler} has this event parked already: {other}.")
    kind = parking.fingerprint(handler, row.error, row.detail)
    parking.change(session, [parked_id], handler=handler, fingerprint=kind)
    parking.note_step(session, [parked_id], actor, f"pointed at {handler}", why)
