"""A database or broker that neither answers nor breaks: the process goes on, says so, and ends."""

import os
import signal
from contextlib import contextmanager, suppress

import psycopg2
import pytest
import requests
from sqlalchemy import text

from deploy.local import process
from shared.cli.client import Services
from shared.spine.backlog import BACKLOG
from shared.spine.database import Database
from shared.spine.waiting import at_most
from tests.shared.cli.conftest import PROGRAMME, Installation

SECONDS = 60
ENDING_SECONDS = 30  # what Kubernetes waits before it kills


@contextmanager
def frozen(pids):
    """These processes stand still; one that was just ending is gone afterwards."""

    def tell(number):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    tell(signal.SIGSTOP)
    try:
        yield
    finally:
        tell(signal.SIGCONT)


@pytest.fixture
def installation(tmp_path, amqp_url, postgres_url):
    real = {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": postgres_url}
    with Installation(tmp_path, real) as running:
        yield running


def test_a_frozen_database_costs_readiness_at_once_and_liveness_never(
    installation, private_postgres
):
    url = installation.settings.url_of("intake")
    with frozen(private_postgres.processes()):
        for _ in range(3):
            assert requests.get(f"{url}/health/live", timeout=SECONDS).status_code == 200
            answer = requests.get(f"{url}/health/ready", timeout=SECONDS)
            assert (answer.status_code, answer.json()["slug"]) == (503, "database-unavailable")
            assert answer.elapsed.total_seconds() < 20
    assert requests.get(f"{url}/health/ready", timeout=SECONDS).status_code == 200
    assert requests.get(f"{url}/v1/programmes", timeout=SECONDS).json()["items"]


def test_a_frozen_broker_keeps_no_process_from_ending(installation, private_broker):
    official, yaml = Services(installation.settings, "official"), PROGRAMME.read_text()
    with frozen(private_broker._family()):
        for year in range(
            2021, 2024
        ):  # events that cannot go, and a relay that waits for an answer
            official.post("intake", "/v1/programmes", {"yaml": yaml.replace("2020", str(year))})
        os.kill(installation.pid, signal.SIGTERM)
        ended = lambda: process.born(installation.pid) is None  # noqa: E731 - a condition
        process.wait_until(ended, ENDING_SECONDS, "the process to end")


WAITING = 200_000  # more than is published while Kubernetes waits
COPIED = """
INSERT INTO outbox (
  event_id, exchange, routing_key, subject, about, sequence, urgent, body, recorded_at, attempts
)
SELECT gen_random_uuid()::text, exchange, routing_key, subject, about, sequence, urgent, body,
  recorded_at, 0
FROM (SELECT * FROM outbox ORDER BY position LIMIT 1) AS one, generate_series(1, :count)
"""


@pytest.mark.long
def test_a_backlog_keeps_no_process_from_ending(installation):
    database = Database("intake", installation.settings.database_url)
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))  # a busy disk takes its time
        session.execute(text(COPIED), {"count": WAITING})
    os.kill(installation.pid, signal.SIGTERM)
    ended = lambda: process.born(installation.pid) is None  # noqa: E731 - a condition
    process.wait_until(ended, ENDING_SECONDS, "the process to end")
    with database.reading() as session:
        assert session.execute(BACKLOG).one()[0] > 0
    database.engine.dispose()


def test_no_wait_for_an_answer_is_for_ever(private_postgres):
    connection = psycopg2.connect(private_postgres.url().replace("+psycopg2", ""))
    with at_most(0.5), pytest.raises(psycopg2.OperationalError, match="did not answer in time"):
        connection.cursor().execute("SELECT pg_sleep(60)")
    assert connection.closed
