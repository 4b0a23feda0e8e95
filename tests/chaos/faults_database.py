"""Faults of the database."""

import time
from contextlib import contextmanager, suppress

import psycopg2

from deploy.local import process
from shared.catalogue import SERVICES
from tests.chaos.catalogue import NotFiredError, fault, prove

SECONDS = 60
TABLE = "chaos_probe"


@fault("database killed")
def killed(scene, dice):
    pid, port = scene.postgres.pid, scene.postgres.port
    scene.postgres.kill()
    try:
        yield prove(lambda: not process.born(pid) and not process.accepts(port), "postmaster gone")
    finally:
        scene.postgres.start()


@fault("database restarted", hold=0)
def restarted(scene, dice):
    pid = scene.postgres.pid
    scene.postgres.stop()
    try:
        yield prove(lambda: not process.born(pid), "stopped with every connection")
    finally:
        scene.postgres.start()


@fault("database connections cut")
def cut(scene, dice):
    count = sum(
        scene.sql(
            service,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )[0][0]
        for service in SERVICES
    )
    if not count:
        raise NotFiredError("there was no connection to cut")
    yield f"pg_terminate_backend on {count} connections"


@contextmanager
def _session(scene, service):
    url = scene.postgres.url(f"{scene.name}_{service}").replace("+psycopg2", "")
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _errors(scene, words):
    """How often the database's own log has these words."""
    return (scene.postgres.directory / "cluster.log").read_text(errors="replace").count(words)


@fault("lock timeout", hold=0)
def lock_timeout(scene, dice):
    before = _errors(scene, "due to lock timeout")
    with _session(scene, "inspection") as cursor:
        cursor.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        proof = prove(
            lambda: _errors(scene, "due to lock timeout") > before, "canceled due to lock timeout"
        )
    yield proof


@fault("statement timeout", hold=0)
def statement_timeout(scene, dice):
    """Every insert of a task takes longer than a statement may."""
    name, before = f"{scene.name}_inspection", _errors(scene, "due to statement timeout")
    scene.sql(
        "inspection",
        "CREATE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(40); RETURN NEW; END'; "
        "CREATE TRIGGER chaos_slow BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION chaos_slow()",
    )
    try:
        proof = prove(
            lambda: _errors(scene, "due to statement timeout") > before,
            f"canceled due to statement timeout in {name}",
            SECONDS,
        )
    finally:
        _drop(scene, "chaos_slow", "tasks")
    yield proof


def _drop(scene, name, table):
    """Take a trigger away, against whoever holds the table for a long statement."""
    with _session(scene, "inspection") as cursor:
        cursor.connection.autocommit = True
        cursor.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND datname = current_database() AND state = 'active'"
        )
        cursor.execute(f"DROP TRIGGER {name} ON {table}")
        cursor.execute(f"DROP FUNCTION {name}")


def _failing_trigger(scene, state, message):
    """A trigger that makes some inserts of tasks fail with an SQLSTATE, as the server would."""
    scene.sql("inspection", f"CREATE SEQUENCE {TABLE}")
    scene.sql(
        "inspection",
        f"CREATE FUNCTION {TABLE}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        f"IF nextval('{TABLE}') % 3 = 0 THEN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'; "
        f"END IF; RETURN NEW; END$$; CREATE TRIGGER {TABLE} BEFORE INSERT ON tasks "
        f"FOR EACH ROW EXECUTE FUNCTION {TABLE}()",
    )


@fault("serialization failure")
def serialization_failure(scene, dice):
    message = "could not serialize access (chaos)"
    before = _errors(scene, message)
    _failing_trigger(scene, "40001", message)
    try:
        yield prove(lambda: _errors(scene, message) > before, "SQLSTATE 40001 under handlers")
    finally:
        _drop(scene, TABLE, "tasks")
        scene.sql("inspection", f"DROP SEQUENCE {TABLE}")


@fault("deadlock")
def deadlock(scene, dice):
    """A real one: we hold tasks and want the inbox, a handler holds the inbox and wants tasks."""
    before = _errors(scene, "deadlock detected")
    deadline = time.monotonic() + SECONDS
    while _errors(scene, "deadlock detected") == before:
        if time.monotonic() > deadline:
            raise NotFiredError("no deadlock")
        with suppress(psycopg2.Error), _session(scene, "inspection") as cursor:
            cursor.execute("SET deadlock_timeout = '20s'")
            cursor.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
            _await_waiting(scene)
            cursor.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
    yield "deadlock detected, says the database's log"


def _await_waiting(scene):
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    with suppress(TimeoutError):
        process.wait_until(lambda: scene.sql("inspection", waiting)[0][0], 5, "a waiting handler")


@fault("disk full for its data")
def disk_full(scene, dice):
    """The inspection service's tasks live in a small file system; something else fills it."""
    place = scene.foundation.small
    if place is None:
        raise NotFiredError("no small file system may be mounted here")
    before = _errors(scene, "No space left on device")
    filler = place / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(b"\0" * 65_536)
            file.flush()
    try:
        yield prove(
            lambda: _errors(scene, "No space left on device") > before,
            "could not extend file: No space left on device",
            SECONDS,
        )
    finally:
        filler.unlink()
