"""What the operators' README shows is run: the broker's users, an agency's user, a restored broker."""

import re
import subprocess
import sys
from pathlib import Path

import pika
import pytest

from deploy.local import binaries
from shared.documents import refreshed
from shared.server import service_class, whole_topology
from shared.spine.broker.choice import broker_at
from shared.testing import Laurel
from shared.web.spec import routes_of

pytestmark = pytest.mark.long

README = Path(__file__).parents[2] / "deploy" / "README.md"
RUNBOOKS = README.with_name("RUNBOOKS.md")
MOST_LINES_OF_PROSE = 250
PROGRAMME = (Path(__file__).parents[2] / "services/intake/data/programme-2020.yaml").read_text()
GENERATED = re.compile(r"<!-- generated: (\w+) -->.*?<!-- end generated -->", re.DOTALL)


def block(heading, language):
    """The first code block of a language under a heading."""
    _, _, text = README.read_text().partition(f" {heading}\n")
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


SERVICES = ("intake", "scoring", "inspection", "notification")


@pytest.fixture
def shell(private_broker, tmp_path):
    """Runs a block as an operator would, on the machine of the broker."""
    programs = [Path(sys.executable).parent, Path(binaries.rabbitmq("rabbitmqctl")).parent]
    environment = private_broker._environment()
    environment["PATH"] = ":".join([*map(str, programs), environment["PATH"]])

    def run(text):
        done = subprocess.run(
            ["sh", "-eu", "-c", text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_its_tables_are_the_generated_ones():
    text = README.read_text()
    assert GENERATED.findall(text) == ["settings", "metrics"]
    assert refreshed(text) == text, "run: python -m shared.documents"


def test_its_prose_can_be_read_in_one_sitting():
    assert len(GENERATED.sub("", README.read_text()).splitlines()) <= MOST_LINES_OF_PROSE


def test_every_path_that_it_names_is_served():
    served = {spec.path for name in SERVICES for spec in routes_of(service_class(name))}
    text = README.read_text() + RUNBOOKS.read_text()
    named = set(re.findall(r"/(?:v1|health|\.well-known)/[\w.<>/-]+", text))
    assert named
    assert named <= served


def test_its_commands_make_the_users_of_services_and_agencies(private_broker, shell, tmp_path):
    shell(block("Broker users", "sh"))
    shell(block("A new agency", "sh"))

    def url(file):
        password = (tmp_path / file).read_text()
        return f"amqp://{Path(file).name}:{password}@127.0.0.1:{private_broker.port}/laurel"

    for service in SERVICES:
        broker_at(url(f"passwords/{service}")).declare(whole_topology())
    agency = pika.BlockingConnection(pika.URLParameters(url("agency/agency-A1")))
    assert agency.channel().basic_get("receipts--A1") == (None, None, None)
    agency.close()
    text = README.read_text() + RUNBOOKS.read_text()
    for command in re.findall(r"`(rabbitmq(?:ctl|-diagnostics) [^`]+)`", text):
        shell(command.replace("<name>", "receipts--A1"))
    assert (tmp_path / "passwords").stat().st_mode & 0o077 == 0


def test_its_statement_brings_back_what_a_broker_lost(amqp_url, postgres_url, tmp_path):
    environ = {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": postgres_url}
    with Laurel(tmp_path, environ) as laurel:
        token = laurel.token("official")
        laurel.http("intake").post("/v1/programmes", json={"yaml": PROGRAMME}, headers=token)
        laurel.settle()
        with laurel.session("scoring") as session:
            session.connection().exec_driver_sql("DELETE FROM inbox")
            session.connection().exec_driver_sql("DELETE FROM programmes")

        with laurel.session("intake") as session:
            session.connection().exec_driver_sql(block("Backup and restore", "sql"))
        laurel.settle()

        for service in ("scoring", "inspection", "notification"):
            with laurel.session(service) as session:
                count = session.connection().exec_driver_sql("SELECT count(*) FROM inbox")
                assert count.scalar() == 1
