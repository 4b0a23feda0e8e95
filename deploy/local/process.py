"""One process of ours: started in a session of its own, ended by pid, and nothing else."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Free loopback ports; held together while they are chosen, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


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
    return process.pid


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


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
