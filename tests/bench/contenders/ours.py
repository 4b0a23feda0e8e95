"""Ours: two services on the real spine, each in the container that `laurel run` hosts it in.

Outbox, relay with a window of unconfirmed messages, quorum queue, inbox and effect in one
transaction a batch, acknowledged after the commit. Everything else that a service runs (HTTP,
retries, reconciliation, retention, gauges) runs as well. The handler is written as ours are: for
one event, on the session.
"""

import gc
import sys
import time
from datetime import date
from functools import partial
from types import SimpleNamespace

import eventlet

eventlet.monkey_patch()

from eventlet import tpool  # noqa: E402
from sqlalchemy import text  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column  # noqa: E402

from shared import telemetry  # noqa: E402
from shared.catalogue import CHANGE_REPORTED  # noqa: E402
from shared.clock import SystemClock  # noqa: E402
from shared.server import runtime_for  # noqa: E402
from shared.settings import Settings  # noqa: E402
from shared.spine.broker.amqp import AmqpBroker, AmqpPublisher  # noqa: E402
from shared.spine.broker.choice import broker_at  # noqa: E402
from shared.spine.entrypoints import EventHandler, handles, topology_from  # noqa: E402
from shared.spine.entrypoints.host import host  # noqa: E402
from shared.spine.outbox import record, write_pending  # noqa: E402
from shared.testing import acting  # noqa: E402
from shared.web.routes import ServiceApi  # noqa: E402
from tests.bench.contenders import common  # noqa: E402

FIELDS = ("change", "project", "kind", "summary", "occurred_on")
SPOIL = text(
    "UPDATE outbox SET body = 'no event' WHERE published_at IS NULL AND subject LIKE '%50'"
)
clock, settings = SystemClock(), Settings.from_environ()


class Base(DeclarativeBase):
    pass


class Effect(Base):
    __tablename__ = "effects"
    number: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[str]
    project: Mapped[str]
    kind: Mapped[str]
    summary: Mapped[str]
    occurred_on: Mapped[date]


class Source(ServiceApi):
    name = "intake"


class Sink(ServiceApi):
    name = "scoring"

    @handles(CHANGE_REPORTED)
    def keep_effect(self, session, event, context):
        session.add(Effect(**{name: event.data[name] for name in FIELDS}))


class WithoutInbox(EventHandler):
    """The same consumer without inbox and dedupe: what it gets again it does again."""

    @staticmethod
    def take(database, handler, deliveries, clock):
        with database.transaction() as session:
            for delivery in deliveries:
                event = handler.read(delivery.body, delivery.content_type)
                handler.act(session, event, clock.now())


class Forgetful(Sink):
    @WithoutInbox.decorator(CHANGE_REPORTED)
    def keep_effect(self, session, event, context):
        super().keep_effect(session, event, context)


class Failing(Sink):
    """Every hundredth event cannot be handled: refused before, or failed after, a first change."""

    when = ""

    @handles(CHANGE_REPORTED)
    def keep_effect(self, session, event, context):
        bad = event.data["change"].endswith("50")
        if bad and self.when == "before":
            raise LookupError("no such project")
        super().keep_effect(session, event, context)
        if bad:
            raise LookupError("no such project")


class Refusing(Failing):
    when = "before"


SINKS = {"consume": Sink, "forgetful": Forgetful, "failing": Failing, "refusing": Refusing}


def start(cls, broker=None):
    """The container of one of the two services, started."""
    telemetry.configure("error")
    broker = broker or broker_at(settings.broker_url)
    topology = topology_from([Source, Sink])
    runtime = runtime_for(cls.name, settings, broker, clock, topology)
    container = host(cls, runtime)
    container.start()
    gc.collect()
    gc.freeze()  # as `laurel run` does
    return container, runtime


class Unconfirmed(AmqpPublisher):
    """Sends and believes that it arrived."""

    def _send(self, index, message):
        super()._send(index, message)
        self._confirmed.append(index)
        self._waiting.clear()


class Hasty(AmqpBroker):
    def publisher(self):
        return Unconfirmed(self._url, self._confirm_timeout)


def publish(broker=None, spoil=False):
    _container, runtime = start(Source, broker)

    def recorded(numbers):
        with runtime.database.transaction() as session:
            for number in numbers:
                told = common.data(number)
                change = SimpleNamespace(event_subject=told["change"], sequence=0)
                told["occurred_on"] = common.day(number)
                told["reported_at"] = clock.now()
                record(session, CHANGE_REPORTED, change, acting(clock.now()), **told)
            if spoil:
                write_pending(session)
                session.execute(SPOIL)
        return time.time()

    common.obey(
        recorded, lambda number: recorded([number]), partial(tpool.execute, sys.stdin.readline)
    )


def consume(cls):
    container, _runtime = start(cls)
    common.answer({"ready": True})
    container.wait()


PUBLISHING = {
    "publish": publish,
    "spoil": partial(publish, spoil=True),
    "unconfirmed": lambda: publish(Hasty(settings.broker_url, 10)),
}

if __name__ == "__main__":
    role = sys.argv[1]
    PUBLISHING[role]() if role in PUBLISHING else consume(SINKS[role])
