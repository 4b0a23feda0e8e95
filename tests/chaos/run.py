"""One run: the same inputs on a calm scene and under faults, and what the oracle says of both."""

import random
import re
import time
from dataclasses import dataclass, field

from deploy.local.process import wait_until
from tests.chaos import (
    faults_broker,
    faults_database,
    faults_processes,
    guards,
    guards_handling,
    guards_publishing,
    guards_services,
    oracle,
    poison,
    results,
)
from tests.chaos.catalogue import CATALOGUE, take_through
from tests.chaos.load import FULL, SHORT, Load
from tests.chaos.stage import REPLICAS, Scene

DRAIN_SECONDS = 600
ENTERED = (
    faults_broker,
    faults_database,
    faults_processes,
    guards_publishing,
    guards_handling,
    guards_services,
)
FEW = (
    "broker leader killed",
    "database connections cut",
    "killed with a window in flight",
    "killed after the handler's commit, before the ack",
)


@dataclass
class Outcome:
    """What came of a scene."""

    ledgers: object
    findings: list
    fired: list = field(default_factory=list)
    poison: int = 0


def say(began, line):
    """One line of the time line."""
    print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)


def calm(foundation, seed, is_short, began):
    """Everything put in with nothing going wrong."""
    return _play(foundation, "calm", seed, is_short, began, [])


def chaos(foundation, wanted, began, reference):
    """The same under faults, in an order drawn from the seed, compared with the calm run."""
    faults = [CATALOGUE[name] for name in FEW] if wanted.short else list(CATALOGUE.values())
    if wanted.only:
        faults = [fault for name, fault in CATALOGUE.items() if re.search(wanted.only, name)]
    random.Random(f"{wanted.seed}/order").shuffle(faults)
    return _play(foundation, "chaos", wanted.seed, wanted.short, began, faults, reference)


def _play(foundation, name, seed, is_short, began, faults, reference=None):
    scene = Scene(foundation, name, REPLICAS if faults else REPLICAS[:1])
    scene.up()
    scene.load = Load(scene, seed, SHORT if is_short else FULL, paced=bool(faults))
    say(began, f"{name}: {len(scene.pids())} service processes are ready")
    try:
        scene.load.start()
        sent = _poison(scene)
        fired = _strike(scene, faults, seed, began)
        scene.load.finish()
        say(began, f"{name}: everything is in")
        return _judge(scene, fired, sent, reference, began)
    finally:
        scene.load.close()
        scene.down()


def _strike(scene, faults, seed, began):
    fired = []
    for number, fault in enumerate(faults, 1):
        scene.load.allow(number / len(faults))
        scene.load.raise_errors()
        say(began, f"{fault.name} ...")
        dice = random.Random(f"{seed}/{fault.name}")
        fired.append(take_through(fault, scene, dice, began))
        say(began, f"    {fired[-1].proof}; flowing again after {fired[-1].recovery} s")
    return fired


def _poison(scene):
    """Send one of each kind, and another body under the id of an event that was handled."""
    poisons, url = poison.raw(), scene.environ()["LAUREL_BROKER_URL"]
    handled = "SELECT event_id FROM inbox WHERE handler = %s LIMIT 1"

    def a_report():
        scene.load.raise_errors()
        return scene.sql("inspection", handled, poison.HANDLER)

    wait_until(a_report, 60, "a handled report")
    [(event_id,)] = a_report()
    [(body,)] = scene.sql("intake", "SELECT body FROM outbox WHERE event_id = %s", event_id)
    poisons.append(poison.duplicate_of(bytes(body)))
    poison.send(url, poisons)
    for item in poison.raw():
        poison.send(url, [item], "partner.events", "agency.nobody.inspection.reported")
    return poisons


def _judge(scene, fired, sent, reference, began):
    """After a drain, and again after twice the longest timer."""
    wait_until(lambda: oracle.is_drained(read(scene)), DRAIN_SECONDS, "the last events")
    early = _findings(read(scene), sent, reference)
    time.sleep(2 * scene.foundation.timer_seconds)
    ledgers = read(scene)
    late = _findings(ledgers, sent, reference)
    for finding in (*early, *late):
        say(began, f"{scene.name}: {finding}")
    found = {(f.check, f.count): f for f in (*early, *late)}
    return Outcome(ledgers, list(found.values()), fired, len(sent))


def _findings(ledgers, sent, reference):
    """What the oracle finds, and the poison that is not parked as it must be."""
    calm_ledgers = reference.ledgers if reference else None
    return [*oracle.check(ledgers, calm_ledgers), *oracle.check_poison(ledgers, sent)]


def read(scene):
    """The ledgers of a scene."""
    return oracle.read(scene.sql)


def everything(foundation, wanted, began):
    """Calm, chaos, guards; gives what the results are made of."""
    reference = calm(foundation, wanted.seed, wanted.short, began)
    outcome = chaos(foundation, wanted, began, reference)
    caught = [] if wanted.only else guards.remove_each(foundation, wanted.short, began, say)
    return results.told(reference, outcome, caught)
