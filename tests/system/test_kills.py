"""A whole round on the real stack while its processes are killed one after another: 0 lost, 0 twice.

The moments are drawn from a seed, which is part of the test's name, and tied to how far the round
has come.
"""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from deploy.local import process
from deploy.local.stack import Stack
from shared.catalogue import SERVICES

pytestmark = pytest.mark.long

LAUREL = str(Path(sys.executable).with_name("laurel"))
SECONDS = 180
APPLICATIONS = 240
DEMO = ("demo", "--json", "--no-serve", "--applications", str(APPLICATIONS))
STRETCHES = ((20, 80), (100, 180), (200, 280), (300, 380))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack") / "up")
    try:
        stack.up()
        yield stack
    finally:
        if stack.home.exists():
            stack.down()


class Demo:
    """One `laurel demo` that drives the stack's services."""

    def __init__(self, stack, directory):
        outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
        self._stack = stack
        self._output, self._log = directory / "demo.json", directory / "demo.log"
        with self._output.open("w") as output, self._log.open("w") as log:
            self._process = subprocess.Popen(
                [LAUREL, *DEMO],
                env=outer | stack.settings(),
                cwd=directory,
                stdout=output,
                stderr=log,
            )

    def await_events(self, count):
        """Return once the four services have recorded so many events."""
        process.wait_until(lambda: self.events() >= count, SECONDS, f"{count} events")

    def events(self):
        self.assert_running()
        return sum(map(self._events_of, SERVICES))

    def assert_running(self):
        assert self._process.poll() is None, self._log.read_text()[-2000:]

    def outcome(self):
        """Exit code and answer."""
        code = self._process.wait(SECONDS)
        answer = self._output.read_text()
        assert answer, self._log.read_text()[-2000:]
        return code, json.loads(answer)

    def _events_of(self, service):
        url = self._stack.postgres.url(service).replace("+psycopg2", "")
        database = psycopg2.connect(url)
        with database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM outbox")
            (count,) = cursor.fetchone()
        database.close()
        return count


def kill(stack, victim):
    if victim == "broker":
        stack.broker.kill()
    elif victim == "database":
        stack.postgres.kill()
    else:
        stack.end(victim, signal.SIGKILL)


@pytest.mark.parametrize("seed", [2020])
def test_kills_in_the_middle_of_a_round_lose_nothing_and_do_nothing_twice(stack, tmp_path, seed):
    rng = random.Random(seed)
    victims = rng.sample(["broker", "database", *rng.sample(SERVICES, 2)], 4)
    demo = Demo(stack, tmp_path)
    for victim, stretch in zip(victims, STRETCHES, strict=True):
        demo.await_events(rng.randint(*stretch))
        demo.assert_running()
        kill(stack, victim)
        stack.up()
    code, told = demo.outcome()
    assert (code, told["lost"], told["duplicates"]) == (0, 0, 0)
    assert told["applications"] == APPLICATIONS
    assert len(told["revocations"]) == told["revoked"] >= 1


def test_up_starts_again_what_was_killed_and_nothing_else(stack):
    before = stack.pids()
    stack.broker.kill()
    stack.end("scoring", signal.SIGKILL)
    again = Stack(stack.home)
    assert {name for name, pid in again.pids().items() if not pid} == {"broker", "scoring"}
    again.up()
    assert again.settings() == stack.settings()
    kept = {name for name, pid in again.pids().items() if pid == before[name]}
    assert kept == {"postgres", "intake", "inspection", "notification"}
    assert all(again.pids().values())


def test_down_ends_what_up_started_and_nothing_else(stack, private_broker, private_postgres):
    down = Stack(stack.home)
    ours = down.pids()
    assert all(ours.values())
    down.down()
    assert [name for name, pid in ours.items() if process.born(pid)] == []
    assert not process.accepts(down.broker.port)
    assert not process.accepts(down.postgres.port)
    assert not stack.home.exists()
    assert private_broker.control("list_vhosts", "--no-table-headers").split() != []
    assert psycopg2.connect(private_postgres.url().replace("+psycopg2", "")).close() is None
