"""A private RabbitMQ cluster of several nodes, every one on a loopback address of its own.

Clients connect to 127.0.0.1; only what the nodes say to each other goes by way of their own
addresses, so that it can be cut without touching anything else.
"""

import os
import secrets
import shutil
from pathlib import Path

from deploy.local import process
from deploy.local.broker import START_SECONDS, PrivateBroker

TICK_SECONDS = 4


class ClusterNode(PrivateBroker):
    """One node; `address` is where the other nodes find it."""

    def __init__(self, directory: Path, number: int, facts: process.Facts) -> None:
        ports = [*facts["nodes"][number], facts["epmd"]]
        secret = {"cookie": facts["cookie"], "password": facts["password"]}
        process.kept(directory / "node.json", lambda: {"ports": ports} | secret)
        super().__init__(directory)
        self.name, self.address = _name(number), _address(number)
        self._inetrc = str(directory.parent / "inetrc")
        self._names = [_name(other) for other in range(len(facts["nodes"]))]

    def _configuration(self) -> dict[str, str]:
        """Members find each other by name; who is cut off from most of them stops serving."""
        members = {
            f"cluster_formation.classic_config.nodes.{number}": name
            for number, name in enumerate(self._names, 1)
        }
        return super()._configuration() | {
            "cluster_formation.peer_discovery_backend": "classic_config",
            "cluster_partition_handling": "pause_minority",
            **members,
        }

    def _environment(self) -> dict[str, str]:
        """What the node says to others goes out from its own address, and comes in there."""
        mine = self.address.replace(".", ",")
        distribution = (
            f"-kernel inet_dist_use_interface {{{mine}}} "
            f"-kernel inet_dist_connect_options [{{ip,{{{mine}}}}}] "
            f"-kernel net_ticktime {TICK_SECONDS}"
        )
        return super()._environment() | {
            "ERL_INETRC": self._inetrc,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": distribution,
        }


class PrivateCluster:
    """Its nodes in directories of their own, under one; they share a port mapper."""

    def __init__(self, directory: Path, size: int = 3) -> None:
        self.directory = directory
        facts = process.kept(directory / "cluster.json", lambda: _choose(size))
        self._epmd_port, self._epmd_log = int(facts["epmd"]), directory / "epmd.log"
        self.nodes = [ClusterNode(directory / f"node{n}", n, facts) for n in range(size)]

    def start(self) -> None:
        """Start the nodes that do not run; returns when clients can connect to every one.

        At the first time one after another, so that the later ones join the first.
        """
        is_new = not (self.directory / "inetrc").exists()
        hosts = "".join(
            f'{{host,{{{node.address.replace(".", ",")}}},["{_host(node.name)}"]}}.\n'
            for node in self.nodes
        )
        (self.directory / "inetrc").write_text(hosts + "{lookup,[file,native]}.\n")
        self._start_mapper()
        down = [node for node in self.nodes if not node.pid]
        for node in down:
            node.start() if is_new else node.launch()
        everyone = f"the nodes of {self.directory}"
        process.wait_until(lambda: all(n.is_up() for n in down), START_SECONDS, everyone)

    def stop(self) -> None:
        """End every node, and the port mapper."""
        for node in self.nodes:
            node.kill()
        process.end(process.running(self._epmd_log))

    def url(self, vhost: str = "/") -> str:
        """Where clients connect to the first node."""
        return self.nodes[0].url(vhost)

    def control(self, *words: str) -> str:
        """Run rabbitmqctl on the first node that runs; returns what it prints."""
        return next(node for node in self.nodes if node.pid).control(*words)

    def _start_mapper(self) -> None:
        if process.running(self._epmd_log):
            return
        program = shutil.which("epmd")
        if program is None:
            raise FileNotFoundError("epmd")
        addresses = ",".join(node.address for node in self.nodes)
        command = [program, "-port", str(self._epmd_port), "-address", addresses]
        process.start(command, self._epmd_log, {"PATH": os.environ.get("PATH", "")})
        process.wait_until(lambda: process.accepts(self._epmd_port), START_SECONDS, "epmd")


def _name(number: int) -> str:
    return f"laurel{number}@node{number}"  # one port mapper knows a name only once


def _host(name: str) -> str:
    return name.partition("@")[2]


def _address(number: int) -> str:
    return f"127.0.0.{11 + number}"


def _choose(size: int) -> process.Facts:
    epmd, *ports = process.free_ports(1 + 2 * size)
    return {
        "epmd": epmd,
        "nodes": list(zip(ports[::2], ports[1::2], strict=True)),
        "cookie": secrets.token_hex(16),
        "password": secrets.token_hex(16),
    }
