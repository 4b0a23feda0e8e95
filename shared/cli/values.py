"""Kinds of values that several commands take."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A number in a range, in which "nan" is not."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; raises BadParameter."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


SECONDS = Number(0, 86_400)
