"""The stage: a cluster of three broker nodes, a database, two replicas of every service; all ours.

A replica reaches the broker by way of its proxy, a balancer over the nodes; the doors are balancers
over the replicas.
"""

import os
import signal
import sys

import psycopg2
import requests

from deploy.local import process
from deploy.local.cluster import PrivateCluster
from deploy.local.postgres import PrivatePostgres
from deploy.local.stack import OPENING, ROOT
from shared.catalogue import SERVICES
from shared.clock import RehearsalClock
from shared.settings import Settings
from shared.spine.database import Database
from shared.spine.migrate import migrate
from tests.chaos.effects import prepare
from tests.chaos.filesystem import mount_small
from tests.chaos.network import network
from tests.shared.spine.proxy import Proxy

REPLICAS = ("a", "b")
READY_SECONDS, SMALL_MEGABYTES = 90, 192
TIMER_SECONDS, ATTEMPTS = {"short": 2.0, "full": 5.0}, {"short": 7, "full": 14}
SHORTENED = {
    "LAUREL_CONFIRM_TIMEOUT_SECONDS": "3",
    "LAUREL_RETRY_BASE_SECONDS": "0.2",
    "LAUREL_RETRY_CAP_SECONDS": "2",
    "LAUREL_WEBHOOK_TIMEOUT_SECONDS": "2",
    "LAUREL_LOG_LEVEL": "info",
}


class Foundation:
    """Cluster and database, on which one scene after another is played."""

    def __init__(self, home, length):
        self.home = home
        self.timer_seconds, self.attempts = TIMER_SECONDS[length], ATTEMPTS[length]
        self.cluster = PrivateCluster(home / "cluster")
        self.postgres = PrivatePostgres(home / "postgres")
        self.network = network()

    def start(self):
        self.postgres.start()
        self.small = mount_small(self.home / "small", SMALL_MEGABYTES, self.postgres.user())
        self.cluster.start()

    def stop(self):
        self.cluster.stop()
        if self.postgres.pid:
            self.postgres.stop()


class Scene:
    """One run on the foundation, with databases, a virtual host, and processes of its own."""

    def __init__(self, foundation, name, replicas=REPLICAS):
        self.foundation, self.name, self.replicas = foundation, name, replicas
        self.cluster, self.postgres = foundation.cluster, foundation.postgres
        self.home = foundation.home / name
        self.home.mkdir()
        self.clock = RehearsalClock(self.home / "clock.json")
        self.clock.set(OPENING)
        ports = process.free_ports(4 * (len(replicas) + 1) + 1)
        self._first_door, *firsts, self.smtp_port = ports[::4]
        self._ports = dict(zip(replicas, firsts, strict=True))
        nodes = [node.port for node in self.cluster.nodes]
        self.links = {replica: Proxy(*nodes) for replica in replicas}
        self.doors = []

    def up(self):
        """Make databases and a virtual host, then start every replica."""
        self.postgres.create_databases([f"{self.name}_{service}" for service in SERVICES])
        self.cluster.nodes[0].add_vhosts([self.name])
        for service in SERVICES:
            database = Database(service, self.settings.database_url)
            migrate(database)
            prepare(database.engine)
            database.engine.dispose()
        self._move_tasks()
        for service in SERVICES:
            for replica in self.replicas:
                self.launch(service, replica)
        self.await_ready()
        for number in range(len(SERVICES)):
            behind = [self._ports[replica] + number for replica in self.replicas]
            self.doors.append(Proxy(*behind, at=self._first_door + number))

    def _move_tasks(self):
        """The inspection's tasks live on the small file system, where there is one."""
        if self.foundation.small is not None:
            place = self.foundation.small / self.name
            place.mkdir(mode=0o700)
            if (user := self.postgres.user()) is not None:
                os.chown(place, user, -1)
            self.postgres.execute(f"CREATE TABLESPACE small_{self.name} LOCATION '{place}'")
            self.sql("inspection", f"ALTER TABLE tasks SET TABLESPACE small_{self.name}")

    def down(self):
        for service in SERVICES:
            for replica in self.replicas:
                self.end(service, replica)
        for proxy in (*self.links.values(), *self.doors):
            proxy.close()

    def launch(self, service, replica, *options):
        """Start one replica if it does not run, with options for its launcher."""
        if not self.pid(service, replica):
            command = [sys.executable, "-m", "tests.chaos.replica", service, *options]
            process.start(command, self.log(service, replica), self.environment(replica))

    def end(self, service, replica, number=signal.SIGTERM):
        """End one replica, if it runs."""
        if pid := self.pid(service, replica):
            process.end(pid, number)

    def restart(self, service, replica, *options):
        self.end(service, replica)
        self.launch(service, replica, *options)

    def await_ready(self, seconds=READY_SECONDS):
        """Return once every replica answers that it is ready."""
        everyone = [(service, replica) for service in SERVICES for replica in self.replicas]
        process.wait_until(
            lambda: all(self.is_ready(*one) for one in everyone), seconds, "every replica"
        )

    def is_ready(self, service, replica):
        if not self.pid(service, replica):
            said = self.log(service, replica).read_text(errors="replace")
            raise RuntimeError(f"{service} {replica} ended: {said[-1000:]}")
        port = self._ports[replica] + SERVICES.index(service)
        try:
            return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def metric(self, service, replica, line):
        """The value of one line of a replica's metrics; 0 while it is not there."""
        port = self._ports[replica] + SERVICES.index(service)
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
        found = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(line)]
        return sum(map(float, found))

    def pid(self, service, replica):
        return process.running(self.log(service, replica))

    def pids(self):
        """The pids of every replica, 0 for one that has ended."""
        return {(s, r): self.pid(s, r) for s in SERVICES for r in self.replicas}

    def log(self, service, replica):
        return self.home / f"{service}-{replica}.log"

    def sql(self, service, statement, *values):
        """Rows of one service's database, or how many were changed."""
        url = self.postgres.url(f"{self.name}_{service}").replace("+psycopg2", "")
        connection = psycopg2.connect(url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else cursor.rowcount
        finally:
            connection.close()

    def queues(self, *columns):
        """Columns of every queue of this scene, by its name."""
        lines = self.cluster.control(
            "list_queues", "-p", self.name, "--no-table-headers", "name", *columns
        )
        return {name: rest for name, *rest in map(str.split, lines.splitlines())}

    def environ(self, replica=None):
        """The settings: of one replica, or of those who come in by the doors."""
        broker = self.cluster.url(self.name)
        link = self.links[replica or self.replicas[0]].url(broker)
        first = self._ports[replica] if replica else self._first_door
        return SHORTENED | {
            "LAUREL_RECONCILE_SECONDS": str(self.foundation.timer_seconds),
            "LAUREL_PARKED_ATTEMPTS": str(self.foundation.attempts),
            "LAUREL_BROKER_URL": f"{link}?heartbeat=2",
            "LAUREL_DATABASE_URL": self.postgres.url(f"{self.name}_{{service}}"),
            "LAUREL_HTTP_PORT": str(first),
            "LAUREL_CLOCK": str(self.clock.path),
            "LAUREL_JWT_KEY": str(self.home / "token-key.json"),
            "LAUREL_STATUS_KEY": str(self.home / "status-key.json"),
            "LAUREL_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
        }

    def environment(self, replica=None):
        """The environment of a process of this scene."""
        outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
        return outer | {"PYTHONPATH": str(ROOT)} | self.environ(replica)

    @property
    def settings(self):
        return Settings.from_environ(self.environ())
