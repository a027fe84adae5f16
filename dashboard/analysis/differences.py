"""Differences between depths, paired over seeds, and the verdicts that follow from their intervals."""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import CONFIDENCE, Estimate, estimate
from dashboard.analysis.pairs import paired_values

Verdict = Literal["rise", "fall", "flat", "cannot_tell"]
Presence = Literal["yes", "no", "cannot_tell"]
# A difference in accuracy below this is of no practical interest on MNIST: 0.2 percentage points, 20 test images.
NEGLIGIBLE = 0.002
# The same for a loss, in nats: the (geometric mean) probability given to the right digit changes by half a per cent.
NEGLIGIBLE_LOSS = 0.005


@dataclass(frozen=True)
class Difference:
    """Accuracy (or another figure) at depth `after` less that at depth `before`, paired over seeds."""

    before: int
    after: int
    estimate: Estimate
    verdict: Verdict


def negligible(value: str) -> float:
    """The size below which a difference in `value` (accuracy or loss) is of no practical interest."""
    return NEGLIGIBLE_LOSS if value == "loss" else NEGLIGIBLE


def paired_difference(frame: pd.DataFrame, value: str, before: int, after: int, comparisons: int = 1) -> Difference:
    """Compares two depths by the difference within each seed.

    Runs with the same seed saw the same batches, so that the difference within a seed is much sharper than that of two
    means. With several comparisons the interval is widened (Bonferroni), so that all of them hold together at 95 %.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    depths = frame["depth"].to_numpy()
    values = paired_values(frame[depths == before], frame[depths == after], value)
    result = estimate(values, 1 - (1 - CONFIDENCE) / comparisons)
    return Difference(before, after, result, verdict_of(result, negligible(value)))


def neighbouring_differences(frame: pd.DataFrame, value: str) -> list[Difference]:
    """Each depth against the next smaller one, with intervals that hold together."""
    depths = sorted(frame["depth"].unique())
    pairs = list(itertools.pairwise(depths))
    return [paired_difference(frame, value, int(before), int(after), len(pairs)) for before, after in pairs]


def chosen_by_others(frame: pd.DataFrame, value: str) -> pd.Series:
    """For each seed the depth that the other seeds call the best, so that no seed judges a choice that it took part in.

    Whoever picks the best of several depths by the very runs that then judge it finds it too good. Judged like this,
    its interval needs no widening for the depths there were to choose from. With one seed it is the best depth itself.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    table = frame.pivot_table(index="seed", columns="depth", values=value) * _direction(value)
    number = table.notna().sum() - table.notna()
    others = (table.sum() - table.fillna(0)) / number.where(number > 0)
    return others.fillna(-np.inf).idxmax(axis=1) if len(table) > 1 else table.idxmax(axis=1)


def deepest_against_best(frame: pd.DataFrame, value: str) -> Difference:
    """The deepest networks less the best depth, where each seed is judged by the depth that the others call the best.

    `before` is the depth that all of them together call the best.
    """
    best, deepest = best_mean(frame, value), int(frame["depth"].max())
    chosen = frame[frame["depth"] == frame["seed"].map(chosen_by_others(frame, value))].assign(depth=best)
    found = paired_difference(pd.concat([chosen, frame[frame["depth"] == deepest]]), value, best, deepest)
    return found if best != deepest else Difference(best, best, estimate(np.zeros(0)), "cannot_tell")


def difference_of_any(frame: pd.DataFrame, value: str, before: int, after: int) -> Difference:
    """A paired difference whose interval holds whichever two depths were picked, also after looking at the data."""
    depths = frame["depth"].nunique()
    return paired_difference(frame, value, before, after, max(1, depths * (depths - 1) // 2))


def verdict_of(difference: Estimate, small: float = NEGLIGIBLE) -> Verdict:
    """rise or fall where the interval excludes zero; flat where it lies within ±small; else it cannot be told."""
    if not difference.certain:
        return "cannot_tell"
    if -small < difference.low and difference.high < small:
        return "flat"
    if difference.low > 0:
        return "rise"
    if difference.high < 0:
        return "fall"
    return "cannot_tell"


@dataclass(frozen=True)
class BestDepth:
    """The depth with the best mean, and those that cannot be shown to be worse by an amount that matters."""

    depth: int
    rivals: list[int]


def best_mean(frame: pd.DataFrame, value: str) -> int:
    """The depth with the highest mean accuracy or the lowest mean loss over the seeds.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    means = frame.groupby("depth")[value].mean() * _direction(value)
    return int(means.index.to_numpy()[means.argmax()])


def best_depth(frame: pd.DataFrame, value: str) -> BestDepth:
    """The depth with the best mean, with its rivals; see `best_mean`."""
    best = best_mean(frame, value)
    worse = "rise" if value == "loss" else "fall"
    others = [int(depth) for depth in sorted(frame["depth"].unique()) if depth != best]
    return BestDepth(best, [depth for depth in others if difference_of_any(frame, value, best, depth).verdict != worse])


def largest_step(differences: list[Difference]) -> Difference | None:
    """The difference with the largest mean in either direction; None where no seed can be compared."""
    known = [difference for difference in differences if difference.estimate.seeds]
    return max(known, key=lambda difference: abs(difference.estimate.mean), default=None)


def worst_step(differences: list[Difference], value: str) -> Difference | None:
    """The difference that harms most (accuracy falls, loss rises); None where each one is for the better."""
    sign = _direction(value)
    harmful = [difference for difference in differences if difference.estimate.mean * sign < 0]
    return min(harmful, key=lambda difference: difference.estimate.mean * sign, default=None)


def improves(difference: Estimate, value: str) -> bool:
    """Whether a difference in accuracy or loss is surely for the better."""
    return difference.certain and (difference.high < 0 if value == "loss" else difference.low > 0)


def _direction(value: str) -> int:
    return -1 if value == "loss" else 1
