"""What one service runs on."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.settings import Settings
from shared.spine.broker import Broker
from shared.spine.database import Database


@dataclass(frozen=True)
class Runtime:
    """Settings, time, and the two things that a service of ours needs: its database, the broker."""

    settings: Settings
    clock: Clock
    database: Database
    broker: Broker
    service: str
