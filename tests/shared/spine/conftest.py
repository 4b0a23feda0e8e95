"""Two small services on the real spine: one publishes programmes, the other keeps their effects."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from shared.catalogue import PROGRAMME_PUBLISHED
from shared.spine.entrypoints import handles
from shared.spine.outbox import record
from shared.spine.tables import inbox, outbox, parked
from shared.testing import Laurel
from shared.web.routes import ServiceApi

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
    """Writes one effect an event, and fails where the event says so."""

    name = "scoring"
    failing = set()

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session, event, now):
        programme = event.data["programme"]
        session.execute(insert(effects).values(programme=programme))
        if programme in self.failing:
            raise RuntimeError(f"no luck with {programme}")


class Stack(Laurel):
    """The two services, with what the delivery tests ask of them."""

    def __init__(self, directory, environ):
        super().__init__(directory, environ, classes=[Publisher, Keeper])
        self.keeper = self.services["scoring"]
        self.keeper.failing = set()
        self.environ = environ
        metadata.create_all(self.runtime("scoring").database.engine)

    def publish(self, *names):
        with self.session("intake") as session:
            return [record_programme(session, name) for name in names]

    def effects(self):
        with self.session("scoring") as session:
            return sorted(session.scalars(select(effects.c.programme)))

    def rows(self, service, table):
        with self.session(service) as session:
            return session.execute(select(table)).all()

    def unpublished(self):
        return [row.subject for row in self.rows("intake", outbox) if row.published_at is None]

    def parked_rows(self):
        return self.rows("scoring", parked)

    def handled(self):
        return [row.event_id for row in self.rows("scoring", inbox)]


def record_programme(session, name):
    aggregate = SimpleNamespace(event_subject=name, sequence=0)
    data = {"programme": name, "edition": 1, "definition": {}}
    return record(session, PROGRAMME_PUBLISHED, aggregate, cause=None, now=NOW, **data)


NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
QUEUE = "evt-intake-programme.published--scoring.keep_programme"


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
