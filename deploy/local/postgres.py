"""A private PostgreSQL cluster on a free loopback port, with a password of its own."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy.local import binaries, process

START_SECONDS = 60
USER = "laurel"


class PrivatePostgres:
    """One cluster in a directory of its own; keeps its port and data over a restart.

    PostgreSQL refuses to run as root; then it runs as the first of postgres and nobody, and the
    directory must be reachable by that user. `durable=False` does not wait for the disk: nothing is
    lost when processes are killed, only when the machine goes down.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory, self._durable = directory, durable
        facts = process.kept(directory / "cluster.json", _choose)
        self.port, self.password = facts["port"], facts["password"]
        self._log = directory / "cluster.log"
        self.pid = process.running(self._log)

    def start(self) -> None:
        """Start, or start again on the same data; returns when clients can connect."""
        if not self._data.exists():
            self._initialise()
        process.wait_until(lambda: not self.processes(), START_SECONDS, "end of the old cluster")
        # a killed server that nobody has waited for still has its pid, and would pass for alive
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "400",
            "shared_buffers": "128MB",
            "fsync": "on" if self._durable else "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self._program("postgres"), "-D", str(self._data), *options]
        self.pid = process.start(command, self._log, self._environment(), self.user())
        process.wait_until(self._is_up, START_SECONDS, f"PostgreSQL (see {self.directory})")

    def stop(self) -> None:
        """Stop the cluster at once, open connections or not; its log brings back what was there."""
        process.end(self.pid, signal.SIGQUIT)
        self.pid = 0

    def kill(self) -> None:
        """SIGKILL the server, as a crash would."""
        process.end(self.pid, signal.SIGKILL)
        self.pid = 0

    def url(self, database: str = "postgres") -> str:
        """Where clients connect; `{service}` may stand in the name."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_databases(self, names: list[str]) -> None:
        """Create the databases that are not there yet."""
        with self._cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            there = {row[0] for row in cursor.fetchall()}
            for name in names:
                if name not in there:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def execute(self, statement: str) -> None:
        """Run one statement of the cluster's owner, outside any transaction."""
        with self._cursor() as cursor:
            cursor.execute(statement)

    def user(self) -> int | None:
        """Whom the server runs as; None for ourselves."""
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
        return names.get("postgres", names.get("nobody"))

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def processes(self) -> list[int]:
        """The cluster's processes: they live in its data directory, also when the first is dead."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if place.readlink() == self._data:
                    found.append(int(place.parent.name))
        return found

    def _initialise(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if (user := self.user()) is not None:
            shutil.chown(self.directory, user)
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if user is not None:
            shutil.chown(password_file, user)
        command = [
            self._program("initdb"),
            "-D",
            str(self._data),
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "--pwfile",
            str(password_file),
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            user=user,
            env=self._environment(),
            cwd=self.directory,
        )

    def _program(self, name: str) -> str:
        found = binaries.postgresql(name)
        if found is None:
            raise FileNotFoundError(name)
        return found

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}

    @contextmanager
    def _cursor(self) -> "Iterator[psycopg2.extensions.cursor]":
        """Of the cluster's owner, outside any transaction."""
        connection = self._connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _connect(self) -> "psycopg2.extensions.connection":
        return psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            dbname="postgres",
            connect_timeout=5,
        )

    def _is_up(self) -> bool:
        if process.born(self.pid) is None:
            raise RuntimeError(f"PostgreSQL ended; see {self._log}")
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def _choose() -> process.Facts:
    (port,) = process.free_ports(1)
    return {"port": port, "password": secrets.token_hex(16)}
