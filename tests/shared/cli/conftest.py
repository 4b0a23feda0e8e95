"""The command line as its `main` answers, and an installation of all four services that runs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from sqlalchemy import update

from deploy.local import process
from shared.catalogue import PROGRAMME_PUBLISHED, SERVICES
from shared.cli.client import Services
from shared.cli.main import GREEN, main
from shared.clock import RehearsalClock
from shared.settings import Settings
from shared.spine.database import Database
from shared.spine.outbox import record, write_pending
from shared.spine.tables import outbox
from shared.testing import START, acting, prepare

LAUREL = str(Path(sys.executable).with_name("laurel"))
PROGRAMME = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"
READY_SECONDS = 60


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one JSON object on standard output, and nothing else anywhere."""
        assert self.err == ""
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def refusal(self):
        """The one line of a refusal: exit code 1, nothing on standard output."""
        assert (self.code, self.out) == (1, "")
        assert self.err.startswith("laurel: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("laurel: ").rstrip("\n")


def in_a_process(directory, *words, **environ):
    """Runs one command of the installed program."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    done = subprocess.run(
        [LAUREL, *words],
        cwd=directory,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def laurel(tmp_path, monkeypatch, capsys):
    """Runs one command in an empty directory; `environ` holds settings.

    Commands that turn their process green run in one of their own.
    """
    for name in [name for name in os.environ if name.startswith("LAUREL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words, **environ):
        if words[0] in GREEN:
            return in_a_process(tmp_path, *words, **environ)
        with monkeypatch.context() as context:
            for name, value in environ.items():
                context.setenv(name, str(value))
            with pytest.raises(SystemExit) as ended:
                main([str(word) for word in words])
        out, err = capsys.readouterr()
        if isinstance(ended.value.code, str):  # as the interpreter does at the end of a process
            return Result(1, out, err + ended.value.code + "\n")
        return Result(ended.value.code or 0, out, err)

    return run


class Installation:
    """Four services in one process, on the embedded default unless `more` says otherwise."""

    def __init__(self, directory, more=()):
        self.directory = directory
        (port, *_others) = process.free_ports(4)
        RehearsalClock(directory / "clock.json").set(START)
        self.environ = {
            "LAUREL_HTTP_PORT": str(port),
            "LAUREL_CLOCK": str(directory / "clock.json"),
            "LAUREL_DATABASE_URL": f"sqlite:///{directory}/{{service}}.sqlite3",
            "LAUREL_JWT_KEY": str(directory / "token-key.json"),
            "LAUREL_STATUS_KEY": str(directory / "status-key.json"),
            **dict(more),
        }
        self.settings = Settings.from_environ(self.environ)
        self.pid = 0

    def start(self):
        outer = {name: value for name, value in os.environ.items() if name[:7] != "LAUREL_"}
        environ = outer | self.environ
        self.migrate()
        self.pid = process.start([LAUREL, "run"], self.directory / "run.log", environ)
        process.wait_until(self._is_ready, READY_SECONDS, f"the services (see {self.directory})")
        text = PROGRAMME.read_text()
        official = Services(self.settings, "official")
        official.post("intake", "/v1/programmes", {"yaml": text})
        agency = {"code": "agency-a", "name": "A", "legal_representative": "Li"}
        official.post("inspection", "/v1/agencies", agency)

    def migrate(self):
        """Bring its databases to this code's schema, as `laurel migrate` would, sooner."""
        for name in SERVICES:
            prepare(Database(name, self.settings.database_url))

    def stop(self):
        process.end(self.pid, signal.SIGTERM)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()

    def park(self):
        """Have an event come by that nobody can read; gives the ids under which it is parked."""
        before = set(self.parked())
        database = Database("intake", self.settings.database_url)
        with database.transaction() as session:
            aggregate = SimpleNamespace(event_subject="2020", sequence=98)
            data = {"programme": "2020", "edition": 1, "definition": {}, "units": []}
            event = record(session, PROGRAMME_PUBLISHED, aggregate, acting(START), **data)
            write_pending(session)
            own = outbox.c.event_id == event.id
            session.execute(update(outbox).where(own).values(body=b"not an event"))
        database.engine.dispose()
        process.wait_until(lambda: len(set(self.parked()) - before) == 3, 20, "three parked rows")
        return sorted(set(self.parked()) - before)

    def parked(self):
        client = Services(self.settings)
        answers = [client.get(name, "/v1/events/parked", limit=200) for name in SERVICES]
        return [row["id"] for answer in answers for row in answer["items"]]

    def _is_ready(self):
        assert process.born(self.pid), (self.directory / "run.log").read_text()[-2000:]
        try:
            return all(
                requests.get(f"{self.settings.url_of(name)}/health/ready", timeout=5).ok
                for name in SERVICES
            )
        except requests.RequestException:
            return False


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """One for the whole folder: its tests leave each other's rows alone."""
    with Installation(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


@pytest.fixture
def installed(laurel, running):
    """Runs one command with the settings of the services that run."""

    def run(*words, **environ):
        return laurel(*words, **running.environ | environ)

    return run


@pytest.fixture
def nobody():
    """Settings under which nothing listens."""
    return {"LAUREL_HTTP_PORT": str(process.free_ports(4)[0])}
