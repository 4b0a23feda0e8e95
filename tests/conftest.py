"""The private RabbitMQ node and PostgreSQL cluster of this test run, started when first needed."""

import itertools
import subprocess
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from kombu import Connection

from deploy.local.broker import PrivateBroker
from deploy.local.postgres import PrivatePostgres
from tests.browser import Browser
from tests.databases import Databases

POOL = 40
SERVERS = {"private_broker", "private_postgres"}

settings.register_profile("laurel", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("laurel")
PLAIN_LOGS = {  # structlog's own default draws every local variable of every frame: seconds a line
    "processors": [
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
}
structlog.configure(**PLAIN_LOGS)


def pytest_collection_modifyitems(items):
    """Mark what needs the node or the cluster: `-m "not real"` goes without."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        is_real = any(str(value).startswith("real") for value in params.values())
        if is_real or not SERVERS.isdisjoint(item.fixturenames):
            item.add_marker("real")


@pytest.fixture(autouse=True)
def _plain_logs():
    """A test may configure logging; the next one starts with plain lines again."""
    yield
    structlog.reset_defaults()
    structlog.configure(**PLAIN_LOGS)


@pytest.fixture(scope="module", autouse=True)
def _empty_queues():
    """The embedded broker is one for the whole process: what a module left there is forgotten."""
    with Connection("memory://") as connection:
        channel = connection.channel()
        for queue in list(channel.queues):
            channel.queue_purge(queue)


@pytest.fixture(scope="session")
def stack_directory():
    directory = Path(tempfile.mkdtemp(prefix="laurel-"))
    directory.chmod(0o755)
    yield directory
    later = 'rm -rf "$0" >/dev/null 2>&1 &'  # so many files take half a minute
    subprocess.run(["/bin/sh", "-c", later, directory], check=True)


@pytest.fixture(scope="session")
def private_broker(stack_directory):
    broker = PrivateBroker(stack_directory / "broker")
    broker.start()
    yield broker
    broker.kill()  # a clean end of so many virtual hosts takes half a minute


@pytest.fixture(scope="session")
def private_postgres(stack_directory):
    postgres = PrivatePostgres(stack_directory / "postgres", durable=False)
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="session")
def vhosts(private_broker):
    def more():
        for batch in itertools.count():
            names = [f"test-{batch}-{number}" for number in range(POOL)]
            private_broker.add_vhosts(names)
            yield from names

    return more()


@pytest.fixture
def amqp_url(private_broker, vhosts):
    return private_broker.url(next(vhosts))


@pytest.fixture(scope="session")
def databases(private_postgres):
    return Databases(private_postgres)


@pytest.fixture
def postgres_url(private_postgres, databases):
    name = databases.take()
    yield private_postgres.url(f"{name}_{{service}}")
    databases.give_back(name)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    """The browser as it is at its start, whatever a test before did with it."""
    chromium.forget()
    return chromium
