"""What a fault is, and how one is taken through: begun, proved, held, ended, recovered from."""

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from deploy.local.process import wait_until
from shared.catalogue import INTAKE

GOAL_SECONDS, LIMIT_SECONDS = 10, 120
HANDLED = "SELECT count(*) FROM inbox WHERE handler = %s AND event_id = %s"
NEWEST = "SELECT event_id FROM outbox WHERE subject = 'CANARY' ORDER BY position DESC LIMIT 1"
CONSUMERS = ("scoring", "inspection", "notification")
CATALOGUE = {}


@dataclass(frozen=True)
class Fault:
    """One entry of the catalogue.

    `strike(scene, dice)` is a context manager: what it gives is the proof that the fault fired, and
    it raises NotFiredError where there is none; leaving it in either way ends the fault.
    """

    name: str
    strike: object
    hold_seconds: float
    kind: str


@dataclass
class Fired:
    """What came of one fault."""

    name: str
    kind: str
    began: float
    proof: str
    held: float
    recovery: float
    is_void: bool = False

    as_dict = asdict


class NotFiredError(Exception):
    """A fault that cannot be proved: the run is void, and goes on to say what else is."""


def fault(name, *, hold=3.0, kind="environment"):
    """Enter a generator of one fault: it yields its proof between its beginning and its end."""

    def enter(generator):
        CATALOGUE[name] = Fault(name, contextmanager(generator), hold, kind)
        return generator

    return enter


def prove(condition, what, seconds=30):
    """The proof, once the condition holds."""
    try:
        wait_until(condition, seconds, what)
    except TimeoutError as error:
        raise NotFiredError(str(error)) from error
    return what


def recovery(scene):
    """Seconds from now until an event accepted from now on is handled by three services."""
    began = time.monotonic()
    scene.load.canary()
    [(event_id,)] = scene.sql(INTAKE, NEWEST)
    wait_until(lambda: _has_come(scene, event_id), LIMIT_SECONDS, "events to flow again")
    return time.monotonic() - began


def _has_come(scene, event_id):
    return all(
        scene.sql(service, HANDLED, f"{service}.keep_programme", event_id)[0][0]
        for service in CONSUMERS
    )


def take_through(fault_, scene, dice, began):
    """Strike, hold, end, and wait until events flow again; gives what came of it."""
    started, is_void = time.monotonic(), False
    try:
        with fault_.strike(scene, dice) as proof:
            time.sleep(fault_.hold_seconds)
    except NotFiredError as error:
        is_void, proof = True, f"NOT FIRED: {error}"
    held = time.monotonic() - started
    seconds = recovery(scene)
    return Fired(
        fault_.name,
        fault_.kind,
        round(started - began, 1),
        proof,
        round(held, 1),
        round(seconds, 1),
        is_void,
    )
