"""The private RabbitMQ node and PostgreSQL cluster of this test run, started when first needed."""

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest

from deploy.local.broker import PrivateBroker
from deploy.local.postgres import PrivatePostgres

SERVICES = ("intake", "scoring", "inspection", "notification")
POOL = 40


@pytest.fixture(scope="session")
def stack_directory():
    directory = Path(tempfile.mkdtemp(prefix="laurel-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def private_broker(stack_directory):
    broker = PrivateBroker(stack_directory / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def private_postgres(stack_directory):
    postgres = PrivatePostgres(stack_directory / "postgres")
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
def database_numbers():
    return itertools.count()


@pytest.fixture
def postgres_url(private_postgres, database_numbers):
    prefix = f"test{next(database_numbers)}"
    private_postgres.create_databases([f"{prefix}_{service}" for service in SERVICES])
    return private_postgres.url(f"{prefix}_{{service}}")
