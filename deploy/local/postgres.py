"""A private PostgreSQL cluster on a free loopback port, with a password of its own."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy.local import binaries, process

START_SECONDS = 60
USER = "laurel"


class PrivatePostgres:
    """One cluster in a directory of its own; keeps its port and data over a restart.

    PostgreSQL refuses to run as root; then it runs as the first of postgres and nobody, and the
    directory must be reachable by that user.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (self.port,) = process.free_ports(1)
        self.password = secrets.token_hex(16)
        self.pid = 0

    def start(self) -> None:
        """Start, or start again on the same data; returns when clients can connect."""
        if not (self.directory / "data").exists():
            self._initialise()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "400",
            "shared_buffers": "128MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self._program("postgres"), "-D", str(self.directory / "data"), *options]
        self.pid = process.start(
            command, self.directory / "cluster.log", self._environment(), self._user()
        )
        process.wait_until(self._is_up, START_SECONDS, f"PostgreSQL (see {self.directory})")

    def stop(self) -> None:
        """Stop the cluster, open connections or not."""
        process.end(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL the server, as a crash would."""
        process.end(self.pid, signal.SIGKILL)

    def url(self, database: str = "postgres") -> str:
        """Where clients connect; `{service}` may stand in the name."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_databases(self, names: list[str]) -> None:
        """Create empty databases."""
        connection = self._connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()

    def _initialise(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if (user := self._user()) is not None:
            shutil.chown(self.directory, user)
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if user is not None:
            shutil.chown(password_file, user)
        command = [self._program("initdb"), "-D", str(self.directory / "data"), "-U", USER,
                   "-A", "scram-sha-256", "--pwfile", str(password_file), "-E", "UTF8",
                   "--no-locale", "--no-sync"]  # fmt: skip
        subprocess.run(
            command, check=True, capture_output=True, user=user, env=self._environment(),
            cwd=self.directory,
        )  # fmt: skip

    def _program(self, name: str) -> str:
        found = binaries.postgresql(name)
        if found is None:
            raise FileNotFoundError(name)
        return found

    def _user(self) -> int | None:
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
        return names.get("postgres", names.get("nobody"))

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}

    def _connect(self) -> "psycopg2.extensions.connection":
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname="postgres",
            connect_timeout=5,
        )  # fmt: skip

    def _is_up(self) -> bool:
        if process.born(self.pid) is None:
            raise RuntimeError(f"PostgreSQL ended; see {self.directory / 'cluster.log'}")
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True
