"""An installation of its own for operators: it compares both ends every second."""

import io

import pytest
from sqlalchemy import insert, select

from shared.spine.database import Database
from shared.spine.tables import parked
from tests.shared.cli.conftest import Installation
from tests.shared.spine.rows import parked_row


class Operated(Installation):
    """Four services whose tables a test looks into, and fills."""

    def __init__(self, directory):
        super().__init__(directory)
        self.environ["LAUREL_RECONCILE_SECONDS"] = "1"

    def session(self, service):
        return Database(service, self.settings.database_url).transaction()

    def fill(self, count, **values):
        """Have events parked, held, for a handler that is there no more."""
        rows = [parked_row(**values) for _ in range(count)]
        with self.session("scoring") as session:
            session.execute(insert(parked), rows)
        return [row["id"] for row in rows]

    def states(self, ids):
        with self.session("scoring") as session:
            statement = select(parked.c.id, parked.c.state, parked.c.attempts)
            rows = session.execute(statement).all()
        wanted = set(ids)
        return {row.id: (row.state, row.attempts) for row in rows if row.id in wanted}


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    with Operated(tmp_path_factory.mktemp("operated")) as installation:
        yield installation


@pytest.fixture
def type_in(monkeypatch):
    """Has somebody answer what is asked."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))
