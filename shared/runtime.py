"""What one service runs on."""

from dataclasses import dataclass, field
from typing import Protocol

from shared.clock import Clock
from shared.settings import Settings
from shared.spine.broker import Broker, Topology
from shared.spine.database import Database


class Running(Protocol):
    """Threads that must not end."""

    def dead(self) -> list[str]:
        """The names of those that did."""
        ...


@dataclass(frozen=True)
class Runtime:
    """Settings, time, and what a service of ours needs: its database, the broker, its topology."""

    settings: Settings
    clock: Clock
    database: Database
    broker: Broker
    topology: Topology
    service: str
    loops: list[Running] = field(default_factory=list)
