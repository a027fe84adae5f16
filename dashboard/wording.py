"""Figures in words: how a measured value, a difference, an interval or a depth is written in the reader's language."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.analysis.differences import negligible
from dashboard.analysis.estimates import CONFIDENCE, Estimate
from dashboard.texts import Texts

Metric = Literal["accuracy", "loss"]
METRICS: tuple[Metric, ...] = ("accuracy", "loss")


@dataclass(frozen=True)
class Wording:
    """How one metric is written: an accuracy in per cent and its differences in percentage points, a loss in nats."""

    texts: Texts
    counting: Literal["hidden", "dense"]
    metric: Metric

    @property
    def scale(self) -> float:
        """What a stored value is multiplied with to be drawn."""
        return 1.0 if self.metric == "loss" else 100.0

    @property
    def digits(self) -> int:
        return 4 if self.metric == "loss" else 2

    @property
    def unit(self) -> str:
        """The unit of a difference."""
        return self.texts(f"wording.unit_{self.metric}")

    @property
    def axis(self) -> str:
        return self.texts(f"page.axis_{self.metric}")

    @property
    def offset(self) -> int:
        """What is added to a depth to count it as the reader does."""
        return int(self.counting == "dense")

    @property
    def layers_axis(self) -> str:
        return self.texts(f"page.axis_{self.counting}")

    @property
    def confidence(self) -> str:
        return f"{CONFIDENCE * 100:g} %"

    @property
    def negligible(self) -> str:
        return f"{negligible(self.metric) * self.scale:g} {self.unit}"

    def value(self, value: float) -> str:
        number = f"{value * self.scale:.{self.digits}f}"
        return number if self.metric == "loss" else f"{number} %"

    def spread(self, value: float) -> str:
        """A standard deviation, with its unit."""
        return f"{value * self.scale:.{self.digits}f} {self.unit}"

    def change(self, value: float) -> str:
        """A difference with its sign, without its unit."""
        return f"{value * self.scale:+.{self.digits}f}"

    def interval(self, found: Estimate) -> str:
        if not found.certain or not np.isfinite(found.low):
            return self.texts("wording.no_interval")
        return self.texts(
            "wording.interval", confidence=self.confidence, low=self.change(found.low), high=self.change(found.high)
        )

    def difference(self, found: Estimate) -> str:
        """A difference with its unit and interval."""
        return self.texts(
            "wording.difference", change=self.change(found.mean), unit=self.unit, interval=self.interval(found)
        )

    def layers(self, depth: int) -> str:
        """A depth as the reader counts it, in figures."""
        return str(int(depth) + self.offset)

    def depths(self, *depths: int) -> str:
        """`3 hidden layers`, `2, 4, 5 Dense layers`."""
        numbers = [self.layers(depth) for depth in depths]
        number = "_one" if numbers == ["1"] else ""
        return self.texts(f"wording.{self.counting}{number}", layers=self.texts("wording.separator").join(numbers))


def factor(found: Estimate) -> str:
    """A factor as people say it: 0.24, or 1/21,000 where the decimals would be lost among zeros."""
    if found.mean >= 0.01 or not found.mean > 0:
        return f"{found.mean:.2f}"
    return f"1/{float(f'{1 / found.mean:.2g}'):,.0f}"
