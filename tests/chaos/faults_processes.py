"""Faults of our own processes and of their clock: paused, restarted, killed at a named point."""

import os
import signal
import time
from datetime import timedelta

from deploy.local.process import born
from shared.catalogue import SERVICES
from tests.chaos import killpoints
from tests.chaos.catalogue import NotFiredError, fault, prove
from tests.chaos.load import Load
from tests.chaos.stage import REPLICAS

PAUSE_SECONDS = 8.0  # the heartbeat is 2 s; the broker gives up after two of them
JUMP = timedelta(hours=2)
AT_POINT_SECONDS, PAUSE_BETWEEN_BAITS = 90, 0.5
POINTS_IN = {
    "before the commit": "intake",
    "after the commit, before the publish": "intake",
    "with a window in flight": "intake",
    "after the confirm, before the mark": "intake",
    "in a handler": "inspection",
    "after the handler's commit, before the ack": "inspection",
    "while parking": "inspection",
    "while retrying": "inspection",
    "in a timer's due work": "notification",
    "in reconciliation": "inspection",
}


@fault("process paused past the heartbeat", hold=0)
def paused(scene, dice):
    service, replica = dice.choice(SERVICES[1:]), dice.choice(REPLICAS)
    pid, link = scene.pid(service, replica), scene.links[replica]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    accepted = link.accepted
    os.kill(pid, signal.SIGCONT)
    yield prove(
        lambda: link.accepted > accepted,
        f"{service} {replica} stopped for {PAUSE_SECONDS:g} s, thrown out, connected again",
    )


def _jump(scene, by):
    before = scene.clock.now()
    scene.clock.set(before + by)
    if abs(scene.clock.now() - before - by) > timedelta(seconds=5):
        raise NotFiredError("the clock did not move")
    yield f"every process follows a clock moved by {by}"
    scene.clock.set(scene.clock.now() - by)


@fault("clock jumps forward", hold=4)
def jump_forward(scene, dice):
    yield from _jump(scene, JUMP)


@fault("clock jumps back", hold=4)
def jump_back(scene, dice):
    yield from _jump(scene, -JUMP)


@fault("rolling restart of everything", hold=0)
def rolling_restart(scene, dice):
    before = scene.pids()
    for replica in REPLICAS:
        for service in SERVICES:
            scene.restart(service, replica)
        scene.await_ready()
    for node in scene.cluster.nodes:
        node.stop()
        scene.cluster.start()
    scene.postgres.stop()
    scene.postgres.start()
    after = scene.pids()
    if any(after[one] in {0, pid} for one, pid in before.items()):
        raise NotFiredError("some process is the same as before")
    yield f"{len(after)} replicas, 3 brokers, 1 database: every one anew"


def _enter(point, service):
    @fault(f"killed {point}", hold=0, kind="kill point")
    def killed(scene, dice):
        replica, hit = dice.choice(REPLICAS), dice.randint(1, 3)
        log = scene.log(service, replica)
        before = log.read_text(errors="replace").count(killpoints.MARK)
        scene.restart(service, replica, "--kill-at", point, "--hit", str(hit))
        pid, began = scene.pid(service, replica), time.monotonic()
        while born(pid) and time.monotonic() - began < AT_POINT_SECONDS:
            BAIT.get(point, Load.canary)(scene.load)
            time.sleep(PAUSE_BETWEEN_BAITS)
        said = log.read_text(errors="replace")
        try:
            if born(pid):
                raise NotFiredError(f"{service} {replica} never came there")
            if said.count(killpoints.MARK) == before or f"{killpoints.MARK}{point}" not in said:
                raise NotFiredError(f"{service} ended, but not {point}: {said[-500:]}")
            yield f"{service} {replica} gone, its log says '{killpoints.MARK}{point}' (pass {hit})"
        finally:
            scene.restart(service, replica)
            scene.await_ready()

    return killed


BAIT = {
    "while parking": Load.report_that_is_parked,
    "while retrying": Load.report_that_is_parked,
    "in a timer's due work": Load.apply,
}
for _point, _service in POINTS_IN.items():
    _enter(_point, _service)
