"""Every alert's situation is brought about, its runbook followed, and its metric seen to return."""

import json
import os
import re
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
import requests
from kombu import Connection
from sqlalchemy import insert, select
from werkzeug.serving import make_server

from deploy.local import process
from deploy.local.process import wait_until
from shared.catalogue import SERVICES
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database
from shared.spine.envelope import new_id
from shared.spine.tables import outbox
from shared.web.app import WebApp
from tests.deploy.runbook import Runbook
from tests.deploy.test_alerts import ALERTS
from tests.shared.spine.running import QUEUE, Running
from tests.system.conftest import Round

pytestmark = pytest.mark.long

ORPHAN = """
INSERT INTO entries (project, programme, unit, undertaker, title, direction, content_hash, state,
                     epoch, sequence, reasons, frozen_count, designate_at)
VALUES ('orphan', 'none', 'P110000', '{}', 't', 1, '', 'PUBLICISED', 0, 1, '[]', 0, %s)
"""

RENAMED = "UPDATE parked SET handler = 'scoring.was_renamed' WHERE id = %s"
SECONDS = 90
HANDLER = "scoring.keep_programme"
PAIR = f'{{handler="{HANDLER}",service="scoring",source="intake"}}'
LIST_QUEUES = "rabbitmqctl list_queues -p laurel name messages consumers"
SHOW = "laurel events show <id>"
LEDGER = 'curl -sS -H "Authorization: Bearer $LAUREL_TOKEN" http://inspection:8002/v1/revocations'
DISCARD = 'laurel events discard <id> --reason "<why>"'


class Operated(Running):
    """The four services, compared with each other every few seconds."""

    def settings(self):
        often = {"LAUREL_RECONCILE_SECONDS": "3", "LAUREL_RETRY_BASE_SECONDS": "60"}
        return super().settings() | often

    def runbook(self, alert):
        """The alert's runbook for somebody with the operator's token, on the broker's machine."""
        outer = {name: text for name, text in os.environ.items() if name[:7] != "LAUREL_"}
        environ = outer | self.broker._environment() | self.settings()
        return Runbook(alert, environ, self.home, places=[("-p laurel", "-p /")])

    def database(self, service):
        return Database(service, self.postgres.url("{service}"))

    def events(self, service):
        with self.database(service).reading() as session:
            return session.execute(select(outbox).order_by(outbox.c.position)).mappings().all()

    def publish_nonsense(self, **changes):
        """One event in intake's outbox that nobody can read."""
        values = {
            "event_id": new_id(), "exchange": "intake.events", "subject": "2020", "urgent": False,
            "routing_key": "programme.published", "about": "2020", "sequence": 99,
            "body": b"not an event", "recorded_at": datetime.now(UTC),
        }  # fmt: skip
        with self.database("intake").transaction() as session:
            session.execute(insert(outbox).values(**values | changes))

    def settle_readable(self):
        """Wait until every event has come to every consumer, or was given up."""
        wait_until(self.is_settled, SECONDS, "every event to be handled")

    def parked(self, *words):
        """What `laurel events parked` would list."""
        found = {}
        for service in SERVICES:
            path = f"/v1/events/parked?{'&'.join(words)}"
            found |= {row["id"]: row for row in self._get(service, path).json()["items"]}
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    running = Operated(tmp_path_factory.mktemp("up"))
    try:
        running.up()
        running.publish()
        running.settle()
        yield running
    finally:
        running.down()


def back(running, service, line, value=0.0):
    wait_until(lambda: running.metric(service, line) == value, SECONDS, f"{line} to be {value}")


def test_every_alert_is_here():
    followed = re.findall(r'unbook\(\s*"(Laurel\w+)"', Path(__file__).read_text())
    assert sorted(followed) == sorted(ALERTS)


def test_a_stuck_outbox_is_published_when_the_alarm_is_over(running):
    book, oldest = running.runbook("LaurelOutboxStuck"), "laurel_outbox_oldest_seconds{"
    running.broker.control("set_vm_memory_high_watermark", "0")
    running.publish()
    wait_until(lambda: running.metric("intake", oldest) > 1, SECONDS, "an event that waits")
    assert "service intake" in book.run("laurel doctor")
    assert QUEUE in book.run(LIST_QUEUES)
    assert "emory alarm" in book.run("rabbitmq-diagnostics alarms")
    running.broker.control("set_vm_memory_high_watermark", "0.6")
    back(running, "intake", oldest)
    running.settle_readable()
    book.assert_all_run()


def test_an_event_that_nobody_listens_to_goes_once_somebody_does(running):
    book, refused = running.runbook("LaurelOutboxRefused"), "laurel_outbox_refused{"
    running.publish_nonsense(routing_key="nobody.listens")
    wait_until(lambda: running.metric("intake", refused) == 1, SECONDS, "a refused event")
    running.publish()
    assert "unroutable" in book.run("laurel events refused")
    with Connection(running.broker.url()) as connection:
        channel = connection.channel()
        quorum = {"x-queue-type": "quorum"}
        channel.queue_declare("listens", durable=True, auto_delete=False, arguments=quorum)
        channel.queue_bind("listens", "intake.events", "nobody.listens")
        back(running, "intake", refused)
        channel.queue_delete("listens")
    execute(running, "DELETE FROM outbox WHERE routing_key = 'nobody.listens'")
    running.settle_readable()
    book.assert_all_run()


def test_a_due_row_that_fails_is_seen_and_holds_nothing_up(running):
    book, failures = running.runbook("LaurelTimerFails"), "laurel_timer_failures_total{"
    execute(running, ORPHAN, datetime.now(UTC) - timedelta(days=4000), service="scoring")
    wait_until(lambda: running.metric("scoring", failures) > 0, SECONDS, "a timer that fails")
    execute(running, "DELETE FROM entries WHERE project = 'orphan'", service="scoring")
    running.publish()
    running.settle_readable()
    book.assert_all_run()


def test_what_nobody_can_read_is_found_tried_again_and_discarded(running):
    book = running.runbook("LaurelEventsParked")
    running.publish_nonsense()
    wait_until(lambda: len(running.parked()) == 3, SECONDS, "three parked events")
    first, *others = sorted(running.parked())
    back(running, "scoring", "laurel_parked_events{", 1.0)
    assert "undecodable" in book.run("laurel events parked")
    assert "not an event" in book.run(SHOW, id=first)
    book.run("laurel events retry <id>", id=first)
    wait_until(lambda: running.parked()[first]["attempts"] == 2, SECONDS, "another attempt")
    assert json.loads(book.run("laurel events show <id> --json", id=first))["state"] == "held"
    (ours,) = (row["id"] for row in running.parked().values() if row["handler"] == HANDLER)
    execute(running, RENAMED, ours, service="scoring")
    book.run("laurel events retry <id> --to <handler>", id=ours, handler=HANDLER)
    assert running.parked()[ours]["handler"] == HANDLER
    for one in (first, *others):
        book.run(DISCARD, id=one, why="nobody can read it")
    for service in ("scoring", "inspection", "notification"):
        back(running, service, "laurel_parked_events{")
    book.assert_all_run()


def test_missing_consumers_come_back_with_the_broker(running):
    book = running.runbook("LaurelConsumerMissing")
    expected = running.metric("scoring", "laurel_consumers{")
    running.broker.kill()
    back(running, "scoring", "laurel_consumers{")
    running.broker.start()
    back(running, "scoring", "laurel_consumers{", expected)
    wait_until(lambda: f"{QUEUE}\t0\t1" in book.run(LIST_QUEUES), SECONDS, "the queue's consumer")
    book.assert_all_run()


def test_a_missing_service_is_named_and_started(running):
    book = running.runbook("LaurelServiceMissing")
    running.end("scoring", signal.SIGKILL)
    assert "FAIL  service scoring" in book.run("laurel doctor", fails=True)
    assert "up to date" in book.run("laurel migrate <service>", service="scoring")
    running.publish()
    running.start_services()
    assert requests.get(f"{running.url('scoring')}/health/ready", timeout=10).ok
    running.settle_readable()
    book.assert_all_run()


@pytest.mark.parametrize("accident", ["purge_queue", "delete_queue"])
def test_what_a_purged_or_deleted_queue_held_is_sent_again(running, accident):
    book = running.runbook("LaurelEventsMissing")
    resent = f'laurel_events_resent_total{{handler="{HANDLER}",service="intake"}}'
    before = running.metric("intake", resent)
    running.end("scoring", signal.SIGKILL)
    running.publish(3)
    wait_until(lambda: running.waiting() == 0, SECONDS, "the events in the queue")
    running.broker.control(accident, QUEUE)
    running.start_services()
    wait_until(lambda: running.metric("intake", resent) == before + 3, SECONDS, "the three")
    running.settle_readable()
    for command in ("--dry-run", "", "--whole"):
        told = book.run(f"laurel events reconcile {command}".rstrip())
        assert "nothing is missing" in told
    back(running, "scoring", f"laurel_events_missing{PAIR}")
    book.assert_all_run()


def test_a_stale_comparison_is_made_when_the_publisher_is_back(running):
    book, age = running.runbook("LaurelReconciliationStale"), "laurel_reconciliation_age_seconds"
    running.end("intake", signal.SIGKILL)
    wait_until(lambda: running.metric("scoring", age + PAIR) > 10, SECONDS, "an old comparison")
    said = book.run("laurel events reconcile --wait 30", fails=True)
    assert "intake does not answer" in said
    assert "FAIL  service intake" in book.run("laurel doctor", fails=True)
    running.start_services()
    wait_until(lambda: running.metric("scoring", age + PAIR) < 6, SECONDS, "a fresh comparison")
    book.assert_all_run()


def test_a_dead_letter_is_looked_at_and_handled(running):
    book, listed = (
        running.runbook("LaurelDeadLetters"),
        "laurel events parked --error dead-lettered",
    )
    counted = 'laurel_dead_letters_total{reason="delivery_limit",service="scoring"}'
    assert running.metric("scoring", counted) == 0
    running.end("scoring", signal.SIGKILL)
    running.publish()
    broker = broker_at(running.broker.url())

    def is_dead():
        consumer = broker.consumer(QUEUE, 1)
        consumer.receive(1, 0.5)
        consumer.close()
        return broker.depths(["dead--scoring"])["dead--scoring"]

    wait_until(is_dead, SECONDS, "a dead letter")
    running.start_services()
    wait_until(lambda: running.parked("error=dead-lettered"), SECONDS, "a parked event")
    (one,) = running.parked("error=dead-lettered")
    back(running, "scoring", counted, 1.0)
    assert "dead-lettered" in book.run(listed)
    assert "delivery_limit" in book.run(SHOW, id=one)
    book.run(DISCARD, id=one, why="it crashes us")
    book.run('laurel events restore <id> --reason "<why>"', id=one, why="mended")
    book.run("laurel events retry <id>", id=one)
    wait_until(lambda: "dead-lettered" not in book.run(listed), SECONDS, "the retry")
    back(running, "scoring", "laurel_parked_events{")
    running.settle_readable()
    book.assert_all_run()


def test_events_that_their_publisher_lost_are_foreign_until_it_has_them_again(running):
    book, foreign = running.runbook("LaurelEventsForeign"), f"laurel_events_foreign{PAIR}"
    whole = "laurel events reconcile --whole --dry-run"
    lost = running.events("intake")[-1]
    execute(running, "DELETE FROM outbox WHERE event_id = %s", lost["event_id"])
    wait_until(lambda: running.metric("scoring", foreign) == 1, SECONDS, "the event nobody has")
    assert HANDLER in book.run(whole)
    told = book.run("laurel timeline <project>", project=lost["about"])
    assert "(in no outbox)" in told
    assert HANDLER in told
    with running.database("intake").transaction() as session:
        session.execute(insert(outbox).values(**lost))
    book.run("laurel events reconcile --whole")
    back(running, "scoring", foreign)
    running.settle_readable()
    book.assert_all_run()


def execute(running, statement, *values, service="intake"):
    url = running.postgres.url(service).replace("+psycopg2", "")
    with psycopg2.connect(url) as database:
        database.cursor().execute(statement, values)
    database.close()


class Served(Round):
    """All four services behind real ports, moved on by hand."""

    def __init__(self, directory):
        port = process.free_ports(4)[0]
        super().__init__(directory, {"LAUREL_HTTP_PORT": str(port)})
        self._servers = []
        for name, service in self.services.items():
            application = WebApp(service, self.runtime(name))
            place = ("127.0.0.1", self.settings.http_port_of(name))
            self._servers.append(make_server(*place, application, threaded=True))
            threading.Thread(target=self._servers[-1].serve_forever, daemon=True).start()

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        super().close()

    def deafen(self, service):
        """Have one service take nothing; gives what to have it go on with."""
        everybody = self._consumers
        self._consumers = [
            pair for pair in everybody if f"--{service}." not in pair[0]._queue
        ]  # fmt: skip

        def go_on():
            self._consumers = everybody

        return go_on


def test_a_revocation_is_acknowledged_when_its_last_outlet_acts(tmp_path):
    with Served(tmp_path) as laurel:
        (project,) = laurel.designate(1)
        laurel.register_agencies()
        inspections = laurel.draw()
        go_on = laurel.deafen("scoring")
        laurel.send(laurel.report(inspections[project], score="41.5", result="breach"))
        while laurel.turn():
            pass
        settings = laurel.settings
        bearer = laurel.token("operator")["Authorization"].removeprefix("Bearer ")
        environ = {name: text for name, text in os.environ.items() if name[:7] != "LAUREL_"} | {
            "LAUREL_TOKEN": bearer, "LAUREL_HTTP_PORT": str(settings.http_port),
            "LAUREL_DATABASE_URL": settings.database_url, "LAUREL_CLOCK": settings.clock,
            "LAUREL_JWT_KEY": settings.jwt_key, "LAUREL_STATUS_KEY": settings.status_key,
        }  # fmt: skip
        places = [("http://inspection:8002", settings.url_of("inspection"))]
        book = Runbook("LaurelRevocationUnacknowledged", environ, tmp_path, places)
        metrics = f"{settings.url_of('inspection')}/metrics"

        def unacknowledged():
            laurel.tick()
            (line,) = [
                text
                for text in requests.get(metrics, timeout=10).text.splitlines()
                if text.startswith("laurel_revocations_unacknowledged{")
            ]
            return float(line.split()[-1])

        assert unacknowledged() == 1
        (line,) = json.loads(book.run(LEDGER))["items"]
        assert line["missing"] == ["entry"]
        assert "project.revoked" in book.run("laurel timeline <project>", project=project)
        assert "service scoring" in book.run("laurel doctor")
        assert "scoring: none" in book.run("laurel events parked")
        go_on()
        laurel.settle()
        assert unacknowledged() == 0
        book.assert_all_run()
