"""A private RabbitMQ node on free loopback ports: nothing it does reaches the machine's own."""

import os
import secrets
import signal
import subprocess
from pathlib import Path

from deploy.local import binaries, process

START_SECONDS = 90


class PrivateBroker:
    """One node in a directory of its own; keeps its ports and data over a restart."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self._dist, self._epmd = process.free_ports(3)
        self._name = f"laurel{self.port}@localhost"
        self._cookie = secrets.token_hex(16)
        self.pid = 0

    def start(self) -> None:
        """Start, or start again on the same data; returns when clients can connect."""
        (self.directory / "home").mkdir(parents=True, exist_ok=True)
        (self.directory / "plugins").write_text("[].")
        (self.directory / "rabbitmq.conf").write_text(
            "loopback_users = none\ndisk_free_limit.absolute = 50MB\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
        )
        server = binaries.rabbitmq("rabbitmq-server")
        if server is None:
            raise FileNotFoundError("rabbitmq-server")
        log = self.directory / "node.log"
        self.pid = process.start([server], log, self._environment())
        process.wait_until(self._is_up, START_SECONDS, f"RabbitMQ node (see {log})")

    def stop(self) -> None:
        """Stop the node and its port mapper."""
        process.end(self.pid)
        self._end_port_mapper()

    def kill(self) -> None:
        """SIGKILL the node's processes, as a crash would."""
        for pid in self._family():
            process.end(pid, signal.SIGKILL)

    def url(self, vhost: str = "/") -> str:
        """Where clients connect."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{vhost.replace('/', '%2F')}"

    def control(self, *words: str) -> str:
        """Run rabbitmqctl against this node; returns what it prints."""
        command = [binaries.rabbitmq("rabbitmqctl") or "rabbitmqctl", "-q", *words]
        done = subprocess.run(
            command, env=self._environment(), check=True, capture_output=True, text=True
        )
        return done.stdout

    def add_vhosts(self, names: list[str]) -> None:
        """Make virtual hosts in which guest may do everything, in one call."""
        expressions = [
            f'rabbit_vhost:add(<<"{name}">>, <<"laurel">>), '
            f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, '
            '<<".*">>, <<".*">>, <<".*">>, <<"laurel">>)'
            for name in names
        ]
        self.control("eval", ", ".join(expressions) + ".")

    def _environment(self) -> dict[str, str]:
        place = str(self.directory)
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "HOME": f"{place}/home",
            "RABBITMQ_NODENAME": self._name,
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

    def _is_up(self) -> bool:
        if process.born(self.pid) is None:
            raise RuntimeError(f"RabbitMQ ended; see {self.directory / 'node.log'}")
        log = self.directory / "node.log"
        return process.accepts(self.port) and "completed with" in log.read_text(errors="replace")

    def _family(self) -> list[int]:
        """The node and its helpers: the processes of the session it was started in."""
        found = [self.pid]
        for place in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = place.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.pid and int(place.parent.name) != self.pid:
                found.append(int(place.parent.name))
        return found

    def _end_port_mapper(self) -> None:
        """The port mapper leaves the node's session; it is known by its port in its environment."""
        ours = f"ERL_EPMD_PORT={self._epmd}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                is_mapper = b"epmd" in (place / "cmdline").read_bytes()
                is_ours = is_mapper and ours in (place / "environ").read_bytes()
            except OSError:
                continue
            if is_ours:
                process.end(int(place.name))
