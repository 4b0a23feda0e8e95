"""Alembic's runner, one for all services: the spine's branch and the service's own."""

from functools import cache
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from shared.errors import SchemaVersionError
from shared.spine.database import Database

SPINE = Path(__file__).parent / "migrations"
SERVICES = Path(__file__).parents[2] / "services"
LOCK = 0x6C617572  # "laur": one migration at a time, also with several replicas


def migrate(database: Database) -> list[str]:
    """Bring the database to this code's schema version; returns the revisions it ran."""
    script = _script(database.service)
    ran: list[str] = []
    writing = database.engine.execution_options(laurel_writes=True)
    with writing.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        _upgrade(connection, script, ran)
    return ran


def check(database: Database) -> None:
    """Raise SchemaVersionError, with the command to run, unless the schema is this code's."""
    with database.engine.connect() as connection:
        present = set(MigrationContext.configure(connection).get_current_heads())
    wanted = set(_script(database.service).get_heads())
    if present != wanted:
        raise SchemaVersionError(
            f"The {database.service} database has schema version {_names(present)}, this code "
            f"needs {_names(wanted)}. Run: laurel migrate {database.service}"
        )


def _upgrade(connection: Connection, script: ScriptDirectory, ran: list[str]) -> None:
    def steps(present: Any, _context: MigrationContext) -> list[object]:
        todo = script._upgrade_revs("heads", present)  # noqa: SLF001 - the runner's own call (alembic cookbook)
        ran.extend(step.revision.revision for step in todo)
        return list(todo)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    with Operations.context(context):
        context.run_migrations()


@cache
def _script(service: str) -> ScriptDirectory:
    own = SERVICES / service / "migrations"
    return ScriptDirectory(str(SPINE), version_locations=[str(SPINE), str(own)])


def _names(revisions: set[str]) -> str:
    return " + ".join(sorted(revisions)) or "none"
