"""Named points at which a replica kills itself (SIGKILL), put into the spine from outside.

Each wraps one function of the spine in the replica's own process, before the server starts; the
product knows nothing of it.
"""

import functools
import os
import signal

from sqlalchemy import event
from sqlalchemy.orm import Session

from services.notification import deliveries
from shared.spine import entrypoints, parking, reconcile
from shared.spine.broker import amqp
from shared.spine.entrypoints.host import Spine
from shared.spine.parking import retries
from shared.spine.relay import Relay

MARK = "killed at "


class Point:
    """Kills this process when it is passed for the `hit`th time; says so in the log first."""

    def __init__(self, name, hit):
        self._name, self._left = name, hit

    def pass_by(self):
        self._left -= 1
        if self._left == 0:
            os.write(2, f"{MARK}{self._name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def after(function, point):
    """The function, and then the point."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        point.pass_by()
        return result

    return wrapped


def before_commit(point):
    """What a handler or request did and recorded is in the transaction, which is not committed."""

    @event.listens_for(Session, "before_commit", insert=True)
    def _kill(session):
        if session.info.get("recorded"):
            point.pass_by()


def after_commit(point):
    """Committed; the relay has not been told yet."""
    Spine._wake = after(Spine._wake, point)


def in_flight(point):
    """A window of messages is on the wire, and none is confirmed."""
    _before(amqp.AmqpPublisher, "_await_confirms", point, lambda publisher: publisher._waiting)


def before_mark(point):
    """Confirmed by the broker, not marked in the outbox."""
    _before(Relay, "_mark", point, lambda _relay, _session, rows: rows)


def before_ack(point):
    """The handler's transaction is committed, the batch is not acknowledged."""
    _before(amqp.AmqpConsumer, "ack", point, lambda *_: handled[0])
    handled = [False]
    take = entrypoints.EventHandler.take

    def noted(*args, **named):
        take(*args, **named)
        handled[0] = True

    entrypoints.EventHandler.take = staticmethod(noted)


def while_parking(point):
    """A parked row is written, not committed."""
    parking.park = after(parking.park, point)


def while_retrying(point):
    """A parked event was handled again, nothing of it is committed."""
    retries._handle = after(retries._handle, point)


def in_timer(point):
    """The timer of the letters has claimed one that is due, not committed."""
    claim = deliveries.claim_delivery

    @functools.wraps(claim)
    def claimed(*args, **kwargs):
        parcel = claim(*args, **kwargs)
        if parcel is not None:
            point.pass_by()
        return parcel

    deliveries.claim_delivery = claimed


def in_reconciliation(point):
    """A stretch was compared; what is missing was not asked for yet."""
    reconcile.compare = after(reconcile.compare, point)


def _before(owner, name, point, condition):
    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapped(*args):
        if condition(*args):
            point.pass_by()
        return function(*args)

    setattr(owner, name, wrapped)


IN_HANDLERS = ("in a handler",)
POINTS = {
    "before the commit": before_commit,
    "after the commit, before the publish": after_commit,
    "with a window in flight": in_flight,
    "after the confirm, before the mark": before_mark,
    "in a handler": None,
    "after the handler's commit, before the ack": before_ack,
    "while parking": while_parking,
    "while retrying": while_retrying,
    "in a timer's due work": in_timer,
    "in reconciliation": in_reconciliation,
}
