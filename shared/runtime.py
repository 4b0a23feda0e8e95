"""What one service runs on."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.settings import Settings
from shared.spine.broker import Broker, Topology
from shared.spine.database import Database


@dataclass(frozen=True)
class Runtime:
    """Settings, time, and what a service of ours needs: its database, the broker, its topology."""

    settings: Settings
    clock: Clock
    database: Database
    broker: Broker
    topology: Topology
    service: str
