"""The network between the broker's nodes: packets between them are dropped, or their talk is refused.

In a network namespace of its own the run may say what is routed: every node talks from a loopback
address of its own, and a rule drops what goes between two of them. Where no namespace can be had,
the nodes are told to refuse each other, which closes connections instead of leaving them silent.
"""

import os
import subprocess
from contextlib import contextmanager, suppress

NAMESPACE = "LAUREL_CHAOS_NAMESPACE"
FLAGS = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
BEFORE_LOCAL = "50"


def namespace_command():
    """What begins a command in namespaces of its own; empty where the machine refuses them."""
    tried = ("unshare", *FLAGS, "ip", "link", "set", "lo", "up")
    with suppress(OSError):
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return ["unshare", *FLAGS]
    return []


def network():
    """The means that this process has."""
    return Rules() if os.environ.get(NAMESPACE) else Refusal()


class Rules:
    """Packets between two addresses are dropped."""

    name = "packets dropped in a network namespace"

    def __init__(self):
        _ip("link", "set", "lo", "up")
        _ip("rule", "add", "pref", "100", "lookup", "local")
        _ip("rule", "del", "pref", "0")

    @contextmanager
    def cut(self, node, others):
        """Cut one node off from the others."""
        pairs = [(node.address, other.address) for other in others]
        ways = [*pairs, *((there, here) for here, there in pairs)]
        for here, there in ways:
            _ip("rule", "add", "pref", BEFORE_LOCAL, "from", here, "to", there, "blackhole")
        try:
            yield
        finally:
            for _way in ways:
                _ip("rule", "del", "pref", BEFORE_LOCAL)


class Refusal:
    """Nodes disconnect from each other and refuse each other's cookie."""

    name = "distribution refused by cookie"

    @contextmanager
    def cut(self, node, others):
        """Cut one node off from the others."""
        cookie = node.control("eval", "erlang:get_cookie().").strip()
        pairs = [(node, other) for other in others]
        for here, there in [*pairs, *((there, here) for here, there in pairs)]:
            here.control("eval", f"erlang:set_cookie('{there.name}', refused).")
            here.control("eval", f"erlang:disconnect_node('{there.name}').")
        try:
            yield
        finally:
            for here, there in [*pairs, *((there, here) for here, there in pairs)]:
                here.control("eval", f"erlang:set_cookie('{there.name}', {cookie}).")


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)
