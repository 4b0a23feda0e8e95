"""One service's database: transactions that begin, commit and roll back here and nowhere else.

SQLite begins IMMEDIATE; inside a transaction only database work is done, because a green thread
that yields while it holds SQLite's write lock would stop the whole process.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_INERROR
from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    Dialect,
    Engine,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, Pool, QueuePool

from shared.errors import SettingError
from shared.spine import tables
from shared.spine.outbox import OutboxSession
from shared.spine.patience import Patience
from shared.spine.waiting import at_most, wait_with_bounds

# Four services twice, each with its probe: 96 of the 97 connections that PostgreSQL gives unasked.
POOL_SIZE, POOL_OVERFLOW, POOL_SECONDS = 8, 3, 10.0
PROBE_SECONDS = 3.0
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
BUSY_TIMEOUT_SECONDS = 10
DATA_EXCEPTION = "22"  # the class of SQLSTATE


class AbortedTransactionError(Exception):
    """A statement failed, and who ran it went on as if it had not: nothing can be committed."""


class Database:
    """The database that `service` owns; its sessions say how patiently what failed is retried.

    `on_recorded` is called after each commit that put events into the outbox, with their lanes.
    """

    def __init__(self, service: str, url: str, patience: Patience | None = None) -> None:
        self.service = service
        self._info = {"service": service, "patience": patience or Patience()}
        self.url = url.replace("{service}", service)
        self.engine = _engine(self.url)
        self._probe = self.engine if self.is_sqlite else _postgres_engine(self.url, NullPool)
        self._writing = self.engine.execution_options(laurel_writes=True)
        self.on_recorded: Callable[[set[str]], None] = lambda _lanes: None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes and recorded events are committed together, or not at all."""
        with OutboxSession(self._writing, info=self._info, expire_on_commit=False) as session:
            yield session
            session.commit()
            recorded: set[str] = session.info.pop("recorded", set())
        if recorded:
            self.on_recorded(recorded)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for queries only; whatever it changes is rolled back."""
        with Session(self.engine, info=self._info) as session:
            yield session

    def answers(self) -> bool:
        """Whether the database can be reached at this moment; says so within seconds.

        By a connection of its own: those of the pool may all be waiting.
        """
        try:
            with at_most(PROBE_SECONDS), self._probe.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True

    def follow_clock(self, kind: str) -> None:
        """Bind the database to one kind of clock; raises SettingError if it was another's."""
        facts, insert = tables.facts, insert_new(self.engine.dialect)
        with self.transaction() as session:
            own = insert(facts).values(name="clock", value=kind)
            session.execute(own.on_conflict_do_nothing())  # replicas start at the same moment
            written = session.scalar(select(facts.c.value).where(facts.c.name == "clock"))
            if written != kind:
                raise SettingError(
                    f"LAUREL_CLOCK: the {self.service} database was written under the {written} "
                    f"clock and must not be used under the {kind} clock; choose another database."
                )


def insert_new(dialect: Dialect) -> Callable[[Any], Any]:
    """The dialect's `INSERT` that can say ON CONFLICT DO NOTHING."""
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - only the dialect in use

        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - only the dialect in use

    return postgresql.insert


def insert_new_rows(
    session: Session, table: Table, rows: Sequence[dict[str, Any]], key: Column[Any]
) -> set[Any]:
    """Insert what is not there yet, in one statement; returns the `key` of each row that went in.

    PostgreSQL gets one array a column, which takes it and us less than half as long as one
    parameter a value.
    """
    dialect, names = session.get_bind().dialect, tuple(rows[0])
    if dialect.name == "sqlite":
        statement = insert_new(dialect)(table).on_conflict_do_nothing().returning(key)
        return set(session.scalars(statement, rows))
    arrays = {name: [row[name] for row in rows] for name in names}
    return set(session.scalars(_insert_arrays(table, names, key), arrays))


@cache
def _insert_arrays(table: Table, names: tuple[str, ...], key: Column[Any]) -> Any:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - only the dialect in use

    arrays = [bindparam(name, type_=ARRAY(table.c[name].type)) for name in names]
    listed = select(func.unnest(*arrays).table_valued(*names).render_derived())
    filled = postgresql.insert(table).from_select(names, listed)
    return filled.on_conflict_do_nothing().returning(key)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    pool = {"pool_size": POOL_SIZE, "max_overflow": POOL_OVERFLOW, "pool_timeout": POOL_SECONDS}
    return _postgres_engine(url, QueuePool, pool_pre_ping=True, **pool)


def _postgres_engine(url: str, pool: type[Pool], **options: Any) -> Engine:
    wait_with_bounds()
    timeouts = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    engine = create_engine(
        url,
        hide_parameters=True,  # errors are logged, and what was to be stored may be sealed
        poolclass=pool,
        use_insertmanyvalues=True,
        **options,
        connect_args={
            "options": f"{timeouts} -c timezone=UTC",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "commit", _refuse_aborted)
    event.listen(engine, "handle_error", _without_values)
    return engine


def _without_values(context: ExceptionContext) -> None:
    """Keep what was to be stored out of logs and parked rows.

    After its first line PostgreSQL tells the refused row, or the statement with its values in it;
    of a value that it cannot take, the first line tells that value.
    """
    code = str(getattr(context.original_exception, "pgcode", ""))
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and code.startswith(DATA_EXCEPTION):
            error.args = (f"a value cannot be taken (SQLSTATE {code})", *error.args[1:])
        elif error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


def _refuse_aborted(connection: Connection) -> None:
    """PostgreSQL answers COMMIT of an aborted transaction with a rollback and no error (a trap)."""
    raw: Any = connection.connection.dbapi_connection
    if raw.info.transaction_status == TRANSACTION_STATUS_INERROR:
        raw.rollback()
        raise AbortedTransactionError(
            "A statement of this transaction failed; nothing was changed."
        )


def _sqlite_engine(url: str) -> Engine:
    database = make_url(url).database
    if database in (None, "", ":memory:"):
        raise SettingError("LAUREL_DATABASE_URL: SQLite must be a file, for example under var/.")
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late (sqlite3 trap)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("laurel_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
