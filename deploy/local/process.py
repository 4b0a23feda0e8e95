"""One process of ours: started in a session of its own, ended by pid, and nothing else."""

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PORTS, TRIES = (20_000, 32_000), 1_000
Facts = dict[str, Any]


def free_ports(count: int) -> list[int]:
    """Free loopback ports in a row, below those that the system gives to outgoing connections."""
    for _ in range(TRIES):
        first = random.SystemRandom().randrange(*PORTS)
        ports = list(range(first, first + count))
        if all(_is_free(port) for port in ports):
            return ports
    raise RuntimeError(f"no {count} free ports in a row between {PORTS[0]} and {PORTS[1]}")


def accepts(port: int) -> bool:
    """Whether something listens on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once the condition holds; raises TimeoutError naming `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], user: int | None = None
) -> int:
    """Start a process in a session of its own, its output in `log`; returns its pid."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            user=user,
            cwd=log.parent,
        )
    _CHILDREN[process.pid] = process
    _note_of(log).write_text(f"{process.pid} {born(process.pid)}")
    return process.pid


def running(log: Path) -> int:
    """The pid of what was last started with this log, if it runs still; else 0."""
    note = _note_of(log)
    pid, _, birth = note.read_text().partition(" ") if note.exists() else ("0", "", "")
    return int(pid) if birth and born(int(pid)) == birth else 0


def kept(path: Path, make: Callable[[], Facts]) -> Facts:
    """What was made at the first time and written to this file, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(make()))
    facts: Facts = json.loads(path.read_text())
    return facts


def born(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None when it has ended."""
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is not None:
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def end(pid: int, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> None:
    """Signal one process and wait for its end; SIGKILL after the deadline."""
    if born(pid) is None:
        return
    os.kill(pid, number)
    try:
        wait_until(lambda: born(pid) is None, seconds, f"end of process {pid}")
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: born(pid) is None, 10, f"end of process {pid}")


def _note_of(log: Path) -> Path:
    return log.with_suffix(".pid")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
