"""`laurel run` as a process: it refuses what is wrong with one line, and ends only between batches."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
import requests

from deploy.local import process
from shared.settings import Settings
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database
from shared.web.access import issue_token, load_or_create_key

pytestmark = pytest.mark.long

LAUREL = str(Path(sys.executable).with_name("laurel"))
PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
SECONDS, GRACE_SECONDS = 60, 30
NAMES = ("intake", "scoring", "inspection", "notification")


@pytest.fixture
def environ(tmp_path, amqp_url, postgres_url):
    """Settings for all four services, with databases of their own."""
    outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
    return outer | {
        "LAUREL_BROKER_URL": amqp_url,
        "LAUREL_DATABASE_URL": postgres_url,
        "LAUREL_HTTP_PORT": str(process.free_ports(4)[0]),
        "LAUREL_JWT_KEY": str(tmp_path / "token-key.json"),
        "LAUREL_STATUS_KEY": str(tmp_path / "status-key.json"),
    }


@pytest.fixture
def laurel(tmp_path, environ):
    def run(*words, **changes):
        return subprocess.run(
            [LAUREL, *words],
            env=environ | changes,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def services(tmp_path, environ, laurel):
    """All four in one process, ready."""
    assert laurel("migrate").returncode == 0
    services = Services(tmp_path / "services.log", environ)
    yield services
    services.kill()


class Services:
    """One `laurel run`."""

    def __init__(self, log, environ):
        self._settings = Settings.from_environ(
            {name: value for name, value in environ.items() if name[:7] == "LAUREL_"}
        )
        self.broker = broker_at(self._settings.broker_url)
        self._url = environ["LAUREL_DATABASE_URL"].replace("+psycopg2", "")
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [LAUREL, "run"], env=environ, cwd=log.parent, stderr=output
            )
        process.wait_until(self._is_ready, SECONDS, "the services")

    def post(self, service, path, body):
        key = load_or_create_key(Path(self._settings.jwt_key))
        token = issue_token(key, self._settings, role="official")
        answer = requests.post(
            self._settings.url_of(service) + path,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.status_code == 201, answer.text

    def rows(self, service, query):
        with psycopg2.connect(self._url.format(service=service)) as database:
            cursor = database.cursor()
            cursor.execute(query)
            found = cursor.fetchall()
        database.close()
        return found

    def holding(self, service, table):
        """A transaction that keeps everybody out of the table."""
        database = psycopg2.connect(self._url.format(service=service))
        database.cursor().execute(f"LOCK TABLE {table}")
        return database

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)

    def ended(self):
        return self._process.wait(GRACE_SECONDS)

    def is_open(self, service):
        return process.accepts(self._settings.http_port_of(service))

    def is_running(self):
        return self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()

    def _is_ready(self):
        assert self.is_running()
        try:
            return all(
                requests.get(f"{self._settings.url_of(name)}/health/ready", timeout=5).ok
                for name in NAMES
            )
        except requests.ConnectionError:
            return False


WAITS = """
SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
HANDLED = "SELECT handler FROM inbox"


def test_sigterm_lets_the_batch_in_hand_finish_and_exits_with_0(services):
    holding = services.holding("scoring", "programmes")
    services.post("intake", "/v1/programmes", {"yaml": PROGRAMME})
    process.wait_until(lambda: services.rows("scoring", WAITS), SECONDS, "a batch in hand")
    services.terminate()
    process.wait_until(lambda: not services.is_open("intake"), SECONDS, "the end to begin")
    assert services.rows("scoring", HANDLED) == []
    assert services.is_running()
    holding.rollback()
    holding.close()
    assert services.ended() == 0
    assert services.rows("scoring", HANDLED) == [("scoring.keep_programme",)]
    queue = "evt-intake-programme.published--scoring.keep_programme"
    assert services.broker.depths([queue]) == {queue: 0}


def test_sigterm_with_nothing_in_hand_exits_with_0(services):
    services.terminate()
    assert services.ended() == 0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"LAUREL_BATCH_SIZE": "0"}, "LAUREL_BATCH_SIZE: must be from 1 to 200"),
        ({"LAUREL_RELAY_WINDOW": "many"}, "LAUREL_RELAY_WINDOW: Not a valid integer."),
        (
            {"LAUREL_BACH_SIZE": "9"},
            "LAUREL_BACH_SIZE: there is no such setting; did you mean LAUREL_BATCH_SIZE?",
        ),
        (
            {"LAUREL_BROKER_URL": "http://broker"},
            "LAUREL_BROKER_URL: must begin with memory:// or amqp:// or amqps://",
        ),
        (
            {"LAUREL_DATABASE_URL": "postgresql://localhost/laurel"},
            "LAUREL_DATABASE_URL: must contain {service}: every service owns a database",
        ),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(laurel, changes, line):
    done = laurel("run", **changes)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"laurel: {line}\n")


def test_a_wrong_schema_version_stops_the_start_with_the_command_to_run(laurel, private_postgres):
    private_postgres.create_databases(["bare_scoring"])
    bare = private_postgres.url("bare_{service}")
    done = laurel("run", "scoring", LAUREL_DATABASE_URL=bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "laurel: The scoring database has schema version none, this code needs "
        "scoring_0001 + spine_0001. Run: laurel migrate scoring\n"
    )


def test_a_database_of_another_clock_stops_the_start(laurel, environ):
    assert laurel("migrate", "scoring").returncode == 0
    database = Database("scoring", environ["LAUREL_DATABASE_URL"])
    database.follow_clock("rehearsal")
    database.engine.dispose()
    done = laurel("run", "scoring")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "laurel: LAUREL_CLOCK: the scoring database was written under the rehearsal clock and must "
        "not be used under the system clock; choose another database.\n"
    )


def test_a_clock_that_is_not_there_stops_the_start(laurel):
    done = laurel("run", "scoring", LAUREL_CLOCK="nowhere.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("laurel: LAUREL_CLOCK: 'nowhere.json' is neither 'system' nor")
    assert done.stderr.count("\n") == 1


def test_a_taken_port_stops_the_start_and_names_the_setting(laurel, environ):
    assert laurel("migrate").returncode == 0
    with socket.create_server(("127.0.0.1", int(environ["LAUREL_HTTP_PORT"]) + 1)):
        done = laurel("run")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("laurel: The scoring service cannot listen: ")
    assert "LAUREL_HTTP_PORT" in last


def test_a_database_that_is_away_stops_the_start_with_one_line(laurel):
    (port,) = process.free_ports(1)
    url = f"postgresql+psycopg2://laurel@127.0.0.1:{port}/{{service}}"
    done = laurel("run", "scoring", LAUREL_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("laurel: database: ")
    assert done.stderr.count("\n") == 1
