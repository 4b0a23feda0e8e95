"""Two small services on the real spine: one publishes programmes, the other keeps their effects."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update

from shared.catalogue import PROGRAMME_PUBLISHED
from shared.spine.broker import Message
from shared.spine.broker.choice import broker_at
from shared.spine.conversation import Conversation
from shared.spine.entrypoints import handlers_of, handles
from shared.spine.inbox import handle_batch
from shared.spine.outbox import record
from shared.spine.relay import LANES, Relay
from shared.spine.tables import inbox, outbox, parked
from shared.testing import Laurel, acting
from shared.web.routes import ServiceApi
from tests.shared.spine.proxy import Proxy

metadata = MetaData()
effects = Table(
    "effects",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("programme", String(80), nullable=False),
)


class Publisher(ServiceApi):
    """Owns programmes; consumes nothing."""

    name = "intake"


class Keeper(ServiceApi):
    """Writes one effect an event; fails, or does something first, where a test says so."""

    name = "scoring"
    failing = set()
    surprises = {}

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session, event, context):
        programme = event.data["programme"]
        session.execute(insert(effects).values(programme=programme))
        if self.surprises.get(programme):
            self.surprises[programme].pop()(session)
        if programme in self.failing:
            raise RuntimeError(f"no luck with {programme}")


class Stack(Laurel):
    """The two services, with what the delivery tests ask of them."""

    queue = "evt-intake-programme.published--scoring.keep_programme"

    def __init__(self, directory, environ, *more, keeper=Keeper):
        super().__init__(directory, environ, classes=[Publisher, keeper, *more])
        self.keeper = self.services["scoring"]
        self.keeper.failing, self.keeper.surprises = set(), {}
        self.environ = environ
        metadata.create_all(self.runtime("scoring").database.engine)

    def publish(self, *names):
        with self.session("intake") as session:
            return [self.record(session, name) for name in names]

    def record(self, session, name, **changes):
        aggregate = SimpleNamespace(event_subject=name, sequence=0)
        data = {"programme": name, "edition": 1, "definition": {}, "units": []}
        return record(session, PROGRAMME_PUBLISHED, aggregate, acting(NOW), **data | changes)

    def effects(self):
        with self.session("scoring") as session:
            return sorted(session.scalars(select(effects.c.programme)))

    def rows(self, service, table):
        with self.session(service) as session:
            return session.execute(select(table)).all()

    def relay(self, window=500, broker=None):
        """One more relay of the publishing service, as a replica of it would run."""
        runtime = self.runtime("intake")
        settings = replace(runtime.settings, relay_window=window)
        replica = replace(runtime, broker=broker or self.broker, settings=settings)
        return Relay(replica, "outbox")

    def relays(self):
        """The publishing service's own relays, one a lane."""
        return self._relays[: len(LANES)]

    def hold(self, *lanes):
        """Publish nothing of these lanes; gives what to let them go on with."""
        relays, self._relays = self._relays, [r for r in self._relays if r.lane not in lanes]

        def go_on():
            self._relays = relays

        return go_on

    def begin_rounds(self):
        """Have the keeper ask about what is due, as one replica of it would."""
        return self._conversations[1].begin_due()

    def overhear(self):
        """From now on, remember what is said; gives what to ask for it."""
        said = []

        def noting(take):
            return lambda deliveries: said.append((take, deliveries)) or take(deliveries)

        self._consumers = [
            (one, noting(take) if getattr(take, "__self__", 0) in self._conversations else take)
            for one, take in self._consumers
        ]
        return lambda: said

    def listen_by(self, proxy):
        """Have the keeper's conversation go by way of a proxy, or directly again."""
        runtime, url = self.runtime("scoring"), self.settings.broker_url
        broker = broker_at(proxy.url(url)) if proxy else self.broker
        runtime = replace(runtime, broker=broker)
        self._conversations[1] = Conversation(runtime, handlers_of(self.keeper))

    def say(self, *bodies):
        """Put bytes into the publishing service's conversation."""
        publisher = self.broker.publisher()
        for body in bodies:
            message = Message("scoring.events", "reconcile.intake", body, "m", "application/json")
            assert publisher.publish([message]).failure is None
        publisher.close()

    def deafen(self):
        """Have nobody consume, so that what is published waits in its queue."""
        for consumer, _take in self._consumers:
            consumer.close()
        self._consumers = []

    def listen(self):
        """Consume again."""
        self._consumers = list(self._open_consumers())

    def consume(self):
        """Take one batch from each queue."""
        for consumer, take in self._consumers:
            if deliveries := self._receive(consumer):
                take(deliveries)
                consumer.ack(deliveries[-1])

    def consumer(self, url=None):
        """One more consumer of the keeper's queue."""
        broker = broker_at(url) if url else self.broker
        return broker.consumer(self.queue, 100)

    def take(self, deliveries):
        """What the keeper does with a batch."""
        runtime, (handler,) = self.runtime("scoring"), handlers_of(self.keeper).values()
        handle_batch(runtime.database, handler, deliveries, runtime.clock)

    def depth(self):
        """How many events wait in the keeper's queue."""
        return self.broker.depths([self.queue])[self.queue]

    def waits_for_lock(self, service):
        """Whether some transaction of that service's database waits for another."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with self.session(service) as session:
            return session.scalar(waiting) > 0

    def make_due(self):
        """Let every parked event be tried again now."""
        due = update(parked).where(parked.c.state == "waiting")
        with self.session("scoring") as session:
            session.execute(due.values(due_at=datetime.now(UTC) - timedelta(seconds=1)))

    def unpublished(self):
        return [row.subject for row in self.rows("intake", outbox) if row.published_at is None]

    def parked_rows(self):
        return self.rows("scoring", parked)

    def handled(self):
        return [row.event_id for row in self.rows("scoring", inbox)]


NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)


@pytest.fixture(params=["embedded", "real"])
def environ(request):
    if request.param == "embedded":
        return {}
    return {
        "LAUREL_BROKER_URL": request.getfixturevalue("amqp_url"),
        "LAUREL_DATABASE_URL": request.getfixturevalue("postgres_url"),
    }


@pytest.fixture
def real_environ(amqp_url, postgres_url):
    return {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": postgres_url}


@pytest.fixture
def stack(tmp_path, environ):
    with Stack(tmp_path, environ) as stack:
        yield stack


@pytest.fixture
def real_stack(tmp_path, real_environ):
    with Stack(tmp_path, real_environ) as stack:
        yield stack


@pytest.fixture
def proxy(private_broker):
    proxy = Proxy(private_broker.port)
    yield proxy
    proxy.close()
