"""Numbers of options: within their range, and numbers at all."""

import math
from typing import Any

import click


class NumberRange(click.FloatRange):
    """A range of floats without ``nan``, which no comparison refuses, and without ``inf``.

    Args:
        least: the lower end.
        most: the upper end; ``inf`` where infinity has a meaning, None for every finite number.
        least_open: the lower end is left out.
        most_open: the upper end is left out.
    """

    def __init__(
        self,
        least: float | None = None,
        most: float | None = None,
        *,
        least_open: bool = False,
        most_open: bool = False,
    ) -> None:
        self._is_finite = most != math.inf
        upper = most if self._is_finite else None
        super().__init__(least, upper, min_open=least_open, max_open=most_open)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number that a text stands for."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number) or (self._is_finite and math.isinf(number)):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number
