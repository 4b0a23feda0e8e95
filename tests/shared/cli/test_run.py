"""`laurel run`, `migrate` and `topology`."""

import json

import pytest

from deploy.local import process
from shared.catalogue import SERVICES
from shared.server import whole_topology
from shared.spine.broker.choice import broker_at
from tests.shared.cli.conftest import Installation


def test_migrate_makes_the_databases_and_then_has_nothing_to_do(laurel, tmp_path):
    first, second = laurel("migrate"), laurel("migrate")
    assert (first.code, first.err, second.code, second.err) == (0, "", 0, "")
    assert [line.split(":")[0] for line in first.out.splitlines()] == list(SERVICES)
    assert second.out.splitlines() == [f"{name}: up to date" for name in SERVICES]
    assert {path.name for path in (tmp_path / "var").glob("*.sqlite3")} == {
        f"{name}.sqlite3" for name in SERVICES
    }


def test_migrate_takes_one_service(laurel):
    assert laurel("migrate", "scoring").out.startswith("scoring: ")
    assert laurel("migrate").out.splitlines()[1] == "scoring: up to date"


def test_migrate_says_when_a_database_does_not_answer(laurel):
    url = "postgresql://laurel@127.0.0.1:1/{service}"
    refusal = laurel("migrate", LAUREL_DATABASE_URL=url).refusal
    assert refusal.startswith('database: (psycopg2.OperationalError) connection to server at "127.')


def last_line(result):
    assert (result.code, result.out) == (1, "")
    assert "Traceback" not in result.err
    return result.err.splitlines()[-1]


@pytest.mark.long
def test_run_refuses_databases_without_their_schema(laurel, tmp_path):
    environ = {"LAUREL_DATABASE_URL": f"sqlite:///{tmp_path}/{{service}}.db"}
    done = laurel("run", **environ)
    assert last_line(done).startswith("laurel: The intake database has schema version none")
    assert last_line(done).endswith("Run: laurel migrate intake")


def test_run_says_that_a_port_is_taken(laurel, running, tmp_path):
    done = laurel("run", **running.environ)
    assert last_line(done).startswith("laurel: The intake service cannot listen: ")
    assert "LAUREL_HTTP_PORT to the first of four free ports" in last_line(done)


@pytest.mark.long
def test_run_refuses_a_database_of_the_other_clock(laurel, running, tmp_path):
    environ = running.environ | {"LAUREL_CLOCK": "system"}
    done = laurel("run", **environ)
    assert last_line(done).startswith("laurel: LAUREL_CLOCK: the intake database was written under")


def test_run_refuses_a_key_that_is_none(laurel, running, tmp_path):
    port = str(process.free_ports(4)[0])
    (tmp_path / "key.json").write_text("{}")
    environ = running.environ | {"LAUREL_JWT_KEY": "key.json", "LAUREL_HTTP_PORT": port}
    done = laurel("run", **environ)
    assert last_line(done).startswith("laurel: The key file key.json holds no ")


def test_run_refuses_development_tokens_where_others_can_call(laurel, running, tmp_path):
    done = laurel("run", **running.environ, LAUREL_HTTP_HOST="0.0.0.0")
    assert last_line(done).startswith("laurel: LAUREL_HTTP_HOST: 0.0.0.0 can be called from els")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("::1", "LAUREL_HTTP_HOST: ::1 is an IPv6 address, which the HTTP server does not take"),
        ("nohost.invalid", "LAUREL_HTTP_HOST: nohost.invalid is no address of this machine"),
    ],
)
def test_run_refuses_a_host_that_it_cannot_listen_on(laurel, running, host, words):
    keys = {"LAUREL_JWKS_URL": "https://issuer.example/keys"}
    done = laurel("run", **running.environ | keys, LAUREL_HTTP_HOST=host)
    assert done.code == 1
    assert last_line(done).startswith(f"laurel: {words}")


def test_run_ends_cleanly_when_told_to(tmp_path_factory):
    with Installation(tmp_path_factory.mktemp("short")) as installation:
        pass
    lines = (installation.directory / "run.log").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    stopped = [entry["service"] for entry in entries if entry["event"] == "stopped"]
    assert stopped == list(SERVICES)
    assert [entry for entry in entries if entry["level"] in {"error", "critical"}] == []


def test_topology_prints_every_exchange_and_queue_as_one_json_object(laurel):
    result = laurel("topology")
    told = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert len(told["queues"]) == len(whole_topology().queues)
    assert told["queues"][0].keys() == {
        "name", "exchange", "routing_key", "consumer", "arguments",
    }  # fmt: skip


@pytest.fixture
def real(amqp_url):
    url = "postgresql://laurel@127.0.0.1:1/{service}"
    return {"LAUREL_BROKER_URL": amqp_url, "LAUREL_DATABASE_URL": url}


def test_topology_is_declared_before_the_first_start(laurel, real):
    whole = whole_topology()
    result = laurel("topology", "--declare", **real)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{len(whole.exchanges)} exchanges, {len(whole.queues)} queues declared\n"
    broker = broker_at(real["LAUREL_BROKER_URL"])
    assert set(broker.depths([queue.name for queue in whole.queues]).values()) == {0}


def test_topology_says_when_the_broker_does_not_answer(laurel, real):
    real["LAUREL_BROKER_URL"] = "amqp://guest:guest@127.0.0.1:1/"
    refusal = laurel("topology", "--declare", **real).refusal
    assert refusal.endswith("Check LAUREL_BROKER_URL and that it runs.")
