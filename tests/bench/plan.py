"""How a run goes: how many rounds, how large, in which seeded order."""

import random
import sys


class Plan:
    """`scale` shrinks everything for a quick look; the figures of one are noise."""

    def __init__(self, seed, rounds, scale=1.0):
        self.seed, self._rounds, self.scale = seed, rounds, scale
        self._dice = random.Random(seed)

    def rounds(self, contenders, at_most=None):
        """Every contender once a round, in an order of the round's own."""
        for _ in range(min(self._rounds, at_most or self._rounds)):
            order = list(contenders)
            self._dice.shuffle(order)
            yield from order

    def sized(self, count):
        """So many events, or the scale's share of them."""
        return max(100, int(count * self.scale))

    def say(self, table, title, value):
        """Progress, on standard error."""
        sys.stderr.write(f"{table.name:<12} {title:<58} {value:>10.1f} {table.unit}\n")
