"""A private RabbitMQ node on free loopback ports: nothing it does reaches the machine's own."""

import os
import secrets
import signal
import subprocess
from pathlib import Path

from deploy.local import binaries, process

START_SECONDS = 90
USER = "laurel"


class PrivateBroker:
    """One node in a directory of its own; keeps its ports and data over a restart."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        facts = process.kept(directory / "node.json", _choose)
        self.port, self._dist, self._epmd = facts["ports"]
        self._cookie, self._password = facts["cookie"], facts["password"]
        self.name = f"laurel{self.port}@localhost"
        self._log = directory / "node.log"
        self.pid = process.running(self._log)

    def start(self) -> None:
        """Start, or start again on the same data; returns when clients can connect."""
        self.launch()
        process.wait_until(self.is_up, START_SECONDS, f"RabbitMQ node (see {self._log})")

    def launch(self) -> None:
        """Start the process and wait for nothing: nodes of a cluster may wait for each other."""
        (self.directory / "home").mkdir(parents=True, exist_ok=True)
        (self.directory / "plugins").write_text("[].")
        settings = "".join(f"{name} = {value}\n" for name, value in self._configuration().items())
        (self.directory / "rabbitmq.conf").write_text(settings)
        server = binaries.rabbitmq("rabbitmq-server")
        if server is None:
            raise FileNotFoundError("rabbitmq-server")
        self._began = self._log.stat().st_size if self._log.exists() else 0
        self.pid = process.start([server], self._log, self._environment())

    def stop(self) -> None:
        """Stop the node and its port mapper."""
        process.end(self.pid)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the node's processes, as a crash would, or what a crash left of them."""
        for pid in self._family():
            process.end(pid, signal.SIGKILL)
        self.pid = 0

    def url(self, vhost: str = "/") -> str:
        """Where clients connect."""
        name = vhost.replace("/", "%2F")
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self.port}/{name}"

    def control(self, *words: str) -> str:
        """Run rabbitmqctl against this node; returns what it prints."""
        command = [binaries.rabbitmq("rabbitmqctl") or "rabbitmqctl", "-q", *words]
        done = subprocess.run(
            command, env=self._environment(), check=True, capture_output=True, text=True
        )
        return done.stdout

    def add_vhosts(self, names: list[str]) -> None:
        """Make virtual hosts in which our user may do everything, in one call."""
        expressions = [
            f'rabbit_vhost:add(<<"{name}">>, <<"laurel">>), '
            f'rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, <<"{name}">>, '
            '<<".*">>, <<".*">>, <<".*">>, <<"laurel">>)'
            for name in names
        ]
        self.control("eval", ", ".join(expressions) + ".")

    def is_up(self) -> bool:
        """Whether clients can connect; raises RuntimeError when the node ended."""
        if process.born(self.pid) is None:
            raise RuntimeError(f"RabbitMQ ended; see {self._log}")
        told = self._log.read_bytes()[self._began :]
        return process.accepts(self.port) and b"completed with" in told

    def _family(self) -> list[int]:
        """The node and its helpers, known by our directory in their environment."""
        ours = f"RABBITMQ_LOG_BASE={self.directory}/log".encode()
        return _with_environment(ours)

    def _configuration(self) -> dict[str, str]:
        return {
            "default_user": USER,
            "default_pass": self._password,
            "disk_free_limit.absolute": "50MB",
            "vm_memory_high_watermark.absolute": "1GB",
        }

    def _environment(self) -> dict[str, str]:
        place = str(self.directory)
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "HOME": f"{place}/home",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_ERLANG_COOKIE": self._cookie,
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{place}/data",
            "RABBITMQ_LOG_BASE": f"{place}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/plugins",
            "RABBITMQ_CONF_ENV_FILE": f"{place}/none",
            "RABBITMQ_CONFIG_FILE": f"{place}/rabbitmq",
        }


def _choose() -> process.Facts:
    return {
        "ports": process.free_ports(3),
        "cookie": secrets.token_hex(16),
        "password": secrets.token_hex(16),
    }


def _with_environment(entry: bytes) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if entry in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found
