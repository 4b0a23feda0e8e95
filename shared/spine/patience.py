"""How long what failed waits for its next attempt."""

import random
from dataclasses import dataclass
from datetime import timedelta

RNG = random.SystemRandom()
DOUBLINGS = 60  # past every cap; a float knows no 2 ** 1024, which failing for a day would reach


@dataclass(frozen=True)
class Patience:
    """How often, and how far apart, something is tried again by itself; see `delay`."""

    attempts: int = 8
    base_seconds: float = 1.0
    cap_seconds: float = 300.0

    def delay(self, attempts: int) -> timedelta:
        """Full jitter over an exponential back-off (AWS Architecture Blog, 2015), never below half.

        The half keeps two attempts from falling together.
        """
        doubled = 2.0 ** min(attempts - 1, DOUBLINGS)
        ceiling = min(self.cap_seconds, self.base_seconds * doubled)
        return timedelta(seconds=ceiling * RNG.uniform(0.5, 1.0))
