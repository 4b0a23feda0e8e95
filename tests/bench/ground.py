"""The ground all contend on: one private RabbitMQ node and PostgreSQL cluster, and their processes.

When an effect was committed is told by PostgreSQL itself (`track_commit_timestamp`), the same way
for every contender.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

import psycopg2

from deploy.local.broker import PrivateBroker
from deploy.local.postgres import PrivatePostgres
from deploy.local.process import free_ports, wait_until
from shared.catalogue import INTAKE, SCORING
from shared.spine.database import Database
from shared.spine.migrate import migrate
from tests.bench.field import LAUREL

ROOT = Path(__file__).parents[2]
QUEUE = "evt-intake-change.reported--scoring.keep_effect"
ALONE = "tests.bench.contenders.publishing"
EFFECTS = """
CREATE TABLE effects (
    number bigserial PRIMARY KEY, change text NOT NULL, project text NOT NULL, kind text NOT NULL,
    summary text NOT NULL, occurred_on date NOT NULL)
"""
numbers = itertools.count(1)


class Ground:
    """A broker and a database that only this run uses; a context manager."""

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="laurel-bench-"))
        self.directory.chmod(0o755)
        self.broker = PrivateBroker(self.directory / "broker")
        self.postgres = PrivatePostgres(self.directory / "postgres")
        self.postgres.start()
        tell_commit_times(self.postgres)
        self.postgres.start()
        self.broker.start()
        return self

    def __exit__(self, *_error):
        self.broker.stop()
        self.postgres.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def place(self, contender):
        """A virtual host and two databases that are one contender's own."""
        return Place(self, contender)

    @contextmanager
    def connected(self):
        """A cursor on the cluster."""
        with closing_connection(self.postgres.url()) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def purge(self, place):
        """Empty the queue that nobody consumed."""
        self.broker.control("purge_queue", "-p", place.key, QUEUE)


class Place:
    """Where one contender works; `numbers` never come twice."""

    def __init__(self, ground, contender):
        self.contender = contender
        self.key = f"{contender.name}-{next(numbers)}"
        self.directory = ground.directory
        ground.broker.add_vhosts([self.key])
        self.broker_url = ground.broker.url(self.key)
        ground.postgres.create_databases([f"{self.key}_{name}" for name in (INTAKE, SCORING)])
        self.database_url = ground.postgres.url(self.key + "_{service}")
        if contender.name == LAUREL.name:
            for name in (INTAKE, SCORING):
                migrate(Database(name, self.database_url))
        with self.sink() as cursor:
            cursor.execute(EFFECTS)
        self._next = 1

    def numbered(self, count):
        """The first of so many numbers that were never used here."""
        first, self._next = self._next, self._next + count
        return first

    @contextmanager
    def sink(self, service=SCORING):
        """A cursor on one of the databases."""
        with closing_connection(self.database_url.format(service=service)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def ask(self, statement, *values, service=SCORING):
        """The first row of an answer."""
        with self.sink(service) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    def clear(self):
        """No effects are left of the round before, and nothing that is tried again."""
        with self.sink() as cursor:
            cursor.execute("TRUNCATE effects")
            if self.contender.name == LAUREL.name:
                cursor.execute("TRUNCATE parked CASCADE")

    @contextmanager
    def running(self, consumers=1):
        """Its consumers and its publisher, started; gives the publisher."""
        with ExitStack() as stack:
            for _ in range(consumers):
                self.consumer = stack.enter_context(self.consuming("consume"))
            yield stack.enter_context(self.publishing("publish"))

    def consuming(self, role):
        """One consumer."""
        return Worker(self, self.contender.consuming(role))

    def publishing(self, role):
        """One publisher; some roles have a file of their own."""
        module = ALONE if role in {"nameko", "bare", "window"} else self.contender.module
        return Worker(self, (module, role))

    def wait_for(self, count, first="", seconds=180):
        """Wait until so many effects are committed, of `first` and what came after it."""
        counted = "SELECT count(*) FROM effects WHERE change >= %s"
        wait_until(
            lambda: self.ask(counted, first)[0] >= count,
            seconds,
            f"{count} effects of {self.contender.title}",
        )

    @cached_property
    def environment(self):
        """What its processes are told."""
        outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
        return outer | dict(self.contender.environ) | {
            "BENCH_BROKER": self.broker_url,
            "BENCH_SOURCE": plain(self.database_url.format(service=INTAKE)),
            "BENCH_SINK": plain(self.database_url.format(service=SCORING)),
            "LAUREL_BROKER_URL": self.broker_url,
            "LAUREL_DATABASE_URL": self.database_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }  # fmt: skip


class Worker:
    """One process of a contender; a context manager that ends it."""

    def __init__(self, place, command):
        self.log = place.directory / f"{place.key}-{command[-1].rpartition('.')[2]}.log"
        python = ROOT / place.contender.venv / "bin" / "python"
        environment = place.environment | {"LAUREL_HTTP_PORT": str(free_ports(4)[0])}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [python, "-m", *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
                text=True,
            )

    def __enter__(self):
        if "bench" in self.process.args[2]:
            self._answer()
        return self

    def __exit__(self, *_error):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def order(self, first, count, rate=None):
        """Have so many events published; returns when that began."""
        line = json.dumps({"first": first, "count": count, "rate": rate})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()["began"]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended: {self.log.read_text()[-3000:]}")
        return json.loads(line)


def tell_commit_times(postgres):
    """From the next start on, which is left to the caller."""
    postgres.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    postgres.stop()


def plain(url):
    """The URL as libpq and asyncpg take it."""
    return url.replace("+psycopg2", "")


@contextmanager
def closing_connection(url):
    """A connection that is closed at the end."""
    connection = psycopg2.connect(plain(url))
    try:
        yield connection
    finally:
        connection.close()
