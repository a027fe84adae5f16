"""Means over seeds with their intervals."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit  # Student's t quantile; scipy.stats takes three times as long to load

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval (Student's t); without one where there is a single seed."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def certain(self) -> bool:
        return self.seeds > 1


def estimate(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    n = len(finite)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(finite.mean())
    if n == 1:
        return Estimate(mean, -np.inf, np.inf, 1)
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * finite.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def bands(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Mean and 95 % interval of `value` over the seeds, for each combination of `by`: by…, mean, low, high, seeds."""
    groups = frame.groupby(by, observed=True, sort=True)[value]
    table = groups.agg(mean="mean", spread="std", seeds="count").reset_index()
    quantile = stdtrit(np.maximum(table["seeds"] - 1, 1), (1 + CONFIDENCE) / 2)
    half = np.where(table["seeds"] > 1, quantile * table["spread"] / np.sqrt(table["seeds"]), np.nan)
    return table.assign(low=table["mean"] - half, high=table["mean"] + half)


def geometric_bands(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Like `bands`, of the logarithms: geometric mean and its interval, never negative. Zeros are left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = frame[value].astype(np.float64).transform(np.log).replace([np.inf, -np.inf], np.nan)
    table = bands(frame[by].assign(logarithm=logs), by, "logarithm").dropna(subset="mean")
    return table.assign(**{column: np.exp(table[column]) for column in ("mean", "low", "high")})


def exponential(logarithm: Estimate) -> Estimate:
    return Estimate(
        float(np.exp(logarithm.mean)), float(np.exp(logarithm.low)), float(np.exp(logarithm.high)), logarithm.seeds
    )
