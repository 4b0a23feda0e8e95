"""Databases that tests borrow: made once, emptied between tests, because making four takes a second."""

from collections.abc import Iterator

import psycopg2
from psycopg2 import sql

from shared.catalogue import SERVICES
from shared.spine.database import Database
from shared.spine.migrate import migrate

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


class Databases:
    """Sets of four databases with the schema of this code, each lent to one test at a time."""

    def __init__(self, postgres):
        self._postgres, self._free, self._made = postgres, [], 0
        self._schemas = {service: self._template(service) for service in SERVICES}

    def take(self) -> str:
        """The common name of a set that is as if just made."""
        if self._free:
            return self._free.pop()
        self._made += 1
        name = f"test{self._made}"
        for service in SERVICES:
            self._postgres.execute(f"CREATE DATABASE {name}_{service} TEMPLATE template_{service}")
        return name

    def give_back(self, name: str) -> None:
        """Empty a set for the next test; one whose schema was changed is used no more."""
        self._postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE starts_with(datname, '{name}_') AND pid <> pg_backend_pid()"
        )
        if all(self._is_emptied(service, f"{name}_{service}") for service in SERVICES):
            self._free.append(name)

    def _template(self, service: str) -> dict[str, list[tuple[str, ...]]]:
        """Rows of every table of a fresh database."""
        name = f"template_{service}"
        self._postgres.create_databases([name])
        database = Database(service, self._postgres.url(name))
        migrate(database)
        database.engine.dispose()
        with self._connected(name) as cursor:
            return _contents(cursor)

    def _is_emptied(self, service: str, name: str) -> bool:
        fresh = self._schemas[service]
        with self._connected(name) as cursor:
            cursor.execute(TABLES)
            tables = [table for (table,) in cursor.fetchall()]
            for table in [table for table in tables if table not in fresh]:
                cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
            if not set(fresh) <= set(tables):
                return False
            if used := _used(cursor, [table for table, rows in fresh.items() if not rows]):
                empty = sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE")
                cursor.execute(empty.format(sql.SQL(", ").join(map(sql.Identifier, used))))
            return dict(_rows(cursor, [table for table, rows in fresh.items() if rows])) == {
                table: rows for table, rows in fresh.items() if rows
            }

    def _connected(self, name: str) -> "_Connected":
        return _Connected(self._postgres.url(name).replace("+psycopg2", ""))


class _Connected:
    def __init__(self, url):
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def __enter__(self):
        return self._connection.cursor()

    def __exit__(self, *_error):
        self._connection.close()


def _contents(cursor) -> dict[str, list[tuple[str, ...]]]:
    cursor.execute(TABLES)
    return dict(_rows(cursor, [table for (table,) in cursor.fetchall()]))


def _used(cursor, tables) -> list[str]:
    """Those with rows: emptying one takes ten times as long as looking whether it is empty."""
    asked = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(
            sql.Literal(table), sql.Identifier(table)
        )
        for table in tables
    ]
    cursor.execute(sql.SQL(" UNION ALL ").join(asked))
    return [table for (table,) in cursor.fetchall()]


def _rows(cursor, tables) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    for table in tables:
        cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        yield table, sorted(cursor.fetchall())
