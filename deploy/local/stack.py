"""The whole of Laurel on this machine: a private broker and database, and four service processes.

`up` starts whatever does not run, on the same ports and data as before, so it also brings back
what was killed; `down` ends what `up` started, by pid, and removes it.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import requests

from deploy.local import process
from deploy.local.broker import PrivateBroker
from deploy.local.postgres import PrivatePostgres
from shared.catalogue import SERVICES
from shared.clock import RehearsalClock

ROOT = Path(__file__).parents[2]
HOME, ENV_FILE = ROOT / "var" / "up", ROOT / "var" / "up.env"
OPENING = datetime.fromisoformat("2020-10-12T09:00:00+08:00")
READY_SECONDS = 60


class Stack:
    """What `up` made, as var/up remembers it."""

    def __init__(self, home: Path = HOME) -> None:
        self.home = home
        facts = process.kept(home / "stack.json", _choose)
        self._data = Path(facts["data"])
        self._http_port, self._smtp_port = int(facts["http_port"]), int(facts["smtp_port"])
        self.broker = PrivateBroker(self._data / "broker")
        self.postgres = PrivatePostgres(self._data / "postgres")

    def up(self) -> None:
        """Start what does not run; returns when all four services are ready."""
        if not self.postgres.pid:
            self.postgres.start()
        self.postgres.create_databases(list(SERVICES))
        if not self.broker.pid:
            self.broker.kill()
            self.broker.start()
        self._set_clock()
        self._laurel("migrate")
        self._laurel("topology", "--declare")
        self.start_services()

    def start_services(self) -> None:
        """Start the services that do not run; returns when all four are ready."""
        for service in SERVICES:
            if not process.running(self._log(service)):
                command = [_laurel(), "run", service]
                process.start(command, self._log(service), self._environment())
        process.wait_until(self._all_ready, READY_SECONDS, "the services to be ready")

    def end(self, service: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one service, if it runs."""
        if pid := process.running(self._log(service)):
            process.end(pid, number)

    def down(self) -> None:
        """End all of it and remove its data."""
        for service in SERVICES:
            self.end(service)
        if self.broker.pid:
            self.broker.stop()
        if self.postgres.pid:
            self.postgres.stop()
        self.broker.kill()
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self.home)

    def settings(self) -> dict[str, str]:
        """The LAUREL_* settings of these services."""
        return {
            "LAUREL_BROKER_URL": self.broker.url(),
            "LAUREL_DATABASE_URL": self.postgres.url("{service}"),
            "LAUREL_HTTP_PORT": str(self._http_port),
            "LAUREL_CLOCK": str(self.home / "clock.json"),
            "LAUREL_JWT_KEY": str(self.home / "token-key.json"),
            "LAUREL_STATUS_KEY": str(self.home / "status-key.json"),
            "LAUREL_SMTP_URL": f"smtp://127.0.0.1:{self._smtp_port}",
        }

    def pids(self) -> dict[str, int]:
        """What runs, by name."""
        services = {name: process.running(self._log(name)) for name in SERVICES}
        return {"broker": self.broker.pid, "postgres": self.postgres.pid, **services}

    def url(self, service: str) -> str:
        """Where the service listens."""
        return f"http://127.0.0.1:{self._http_port + SERVICES.index(service)}"

    def _log(self, service: str) -> Path:
        return self.home / f"{service}.log"

    def _environment(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
        return outer | self.settings()

    def _set_clock(self) -> None:
        clock = self.home / "clock.json"
        if not clock.exists():
            RehearsalClock(clock).set(OPENING)

    def _laurel(self, *words: str) -> None:
        done = subprocess.run(
            [_laurel(), *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"laurel {' '.join(words)}: {done.stderr.strip()}")

    def _all_ready(self) -> bool:
        return all(self._is_ready(service) for service in SERVICES)

    def _is_ready(self, service: str) -> bool:
        log = self._log(service)
        if not process.running(log):
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"{service} ended: {' '.join(last)} (see {log})")
        try:
            return requests.get(f"{self.url(service)}/health/ready", timeout=5).ok
        except requests.RequestException:
            return False


def up() -> None:
    """Start what does not run, and say where it is."""
    stack = Stack()
    stack.up()
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in stack.settings().items()]
    ENV_FILE.touch(mode=0o600)
    ENV_FILE.write_text("".join(lines))
    for name, pid in stack.pids().items():
        where = stack.url(name) if name in SERVICES else ""
        print(f"{name:<14}pid {pid:<8}{where}")
    print(f"settings: set -a; . {ENV_FILE.relative_to(ROOT)}; set +a; then make demo, laurel ...")


def down() -> None:
    """End what `up` started; harmless when nothing is up."""
    if not (HOME / "stack.json").exists():
        print("nothing is up")
        return
    Stack().down()
    ENV_FILE.unlink(missing_ok=True)


def _choose() -> process.Facts:
    """The databases' directory must be reachable by the user that PostgreSQL runs as."""
    data = Path(tempfile.mkdtemp(prefix="laurel-up-"))
    data.chmod(0o755)
    *http, smtp = process.free_ports(len(SERVICES) + 1)
    return {"data": str(data), "http_port": http[0], "smtp_port": smtp}


def _laurel() -> str:
    return str(Path(sys.executable).with_name("laurel"))
