"""The flow of gradients: what becomes of the error δ on its way back, and whether the first layers move."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dashboard.analysis.differences import Presence
from dashboard.analysis.estimates import Estimate, estimate, exponential
from dashboard.analysis.logic import both, either

# A gradient vanishes with depth where less than half of δ survives each layer: of ten layers' error, a thousandth
# arrives. It does not where more than half survives; between, the interval decides, or nothing can be told.
VANISHING_FACTOR = 0.5
# A small factor harms nobody over a single step: no more than a tenth may be left in all, too.
VANISHING_LEFT = 0.1
# Even a mild factor leaves nothing over many steps: a thousandth in all is little, whatever the factor.
VANISHING_TOTAL = 1e-3
# A factor a layer within 10 % of 1 loses nothing that matters: after ten layers, more than a third is still there.
NEGLIGIBLE_SHRINKAGE = 0.9
# But what is lost or gained by so large a factor in all does matter, however small a part of it each layer has.
ADDED_UP = 2.0
Flow = Literal["vanishing", "few_steps", "fading", "kept", "growing", "exploding", "cannot_tell"]
LargerPart = Literal["slope", "weights", "cannot_tell"]


@dataclass(frozen=True)
class Shrinkage:
    """What happens to the error δ on its way from the last hidden layer back to the first, as factors a layer.

    `per_layer` = `weights` · `slope`, times what normalisation and shortcuts do to it where there are any: geometric
    means over the layers passed. `total` is their product over all of them, so that 1 means that nothing is lost and
    0.01 that a hundredth arrives. Intervals are over seeds.
    """

    per_layer: Estimate
    weights: Estimate
    slope: Estimate
    total: Estimate


def shrinkage(statistics: pd.DataFrame, depth: int) -> Shrinkage | None:
    """The shrinkage at one depth, from the layer statistics of one activation and epoch; None below two hidden layers.

    Args:
        statistics: depth, seed, layer, weight_gain, slope_gain, and, where they are stored, normalization_gain and
            shortcut_gain.
    """
    rows = statistics[(statistics["depth"] == depth) & (statistics["layer"] < depth)]
    if depth < 2 or rows.empty:
        return None
    with np.errstate(divide="ignore"):  # a layer that lets nothing through has a gain of 0, and so has all of it
        logs = rows[["weight_gain", "slope_gain"]].astype(np.float64).transform(np.log)
        for gain in {"normalization_gain", "shortcut_gain"} & set(rows.columns):  # absent: there is none
            logs[gain] = np.log(rows[gain].astype(np.float64).fillna(1.0))
    means = logs.clip(lower=np.log(np.finfo(np.float64).tiny)).groupby(rows["seed"]).mean()
    together = means.sum(axis=1, min_count=len(means.columns))
    return Shrinkage(
        per_layer=exponential(estimate(together.to_numpy())),
        weights=exponential(estimate(means["weight_gain"].to_numpy())),
        slope=exponential(estimate(means["slope_gain"].to_numpy())),
        total=exponential(estimate((depth - 1) * together.to_numpy())),
    )


def shrinkages(statistics: pd.DataFrame) -> dict[int, Shrinkage]:
    """`shrinkage` at every depth that has one."""
    found = {int(depth): shrinkage(statistics, int(depth)) for depth in statistics["depth"].unique()}
    return {depth: each for depth, each in found.items() if each is not None}


def vanishing(found: Shrinkage | None) -> Presence:
    """Whether δ vanishes on its way back, by the intervals of its factor a layer, which depth alone cannot fool, and of
    what is left in all: the factor is below VANISHING_FACTOR and VANISHING_LEFT has been passed, or VANISHING_TOTAL."""
    if found is None or not found.per_layer.certain:
        return "cannot_tell"
    by_factor = both(_below(found.per_layer, VANISHING_FACTOR), _below(found.total, VANISHING_LEFT))
    return either(by_factor, _below(found.total, VANISHING_TOTAL))


def _below(found: Estimate, limit: float) -> Presence:
    return "yes" if found.high < limit else "no" if found.low > limit else "cannot_tell"


def flow_of(found: Shrinkage) -> Flow:
    """What becomes of δ on its way back: `vanishing` in finer grades.

    few_steps: the factor a layer would do, but there are too few layers. exploding: above the inverse of
    VANISHING_FACTOR. Between the two, fading and growing, where the interval of the factor excludes 1, and reaches
    beyond NEGLIGIBLE_SHRINKAGE or adds up over the steps to `ADDED_UP` or more; kept where it does not.
    """
    verdict, per_layer = vanishing(found), found.per_layer
    if verdict != "no":
        return "vanishing" if verdict == "yes" else "cannot_tell"
    if per_layer.low < VANISHING_FACTOR:
        return "few_steps"
    if per_layer.low > 1 / VANISHING_FACTOR:
        return "exploding"
    if per_layer.high < 1 and (per_layer.low < NEGLIGIBLE_SHRINKAGE or found.total.mean < 1 / ADDED_UP):
        return "fading"
    if per_layer.low > 1 and (per_layer.high > 1 / NEGLIGIBLE_SHRINKAGE or found.total.mean > ADDED_UP):
        return "growing"
    return "kept"


def larger_part(split: Shrinkage) -> LargerPart:
    """Which of the two shrinks δ more, the slope of the activation or the weights, where their intervals are apart."""
    if not (split.slope.certain and split.weights.certain):
        return "cannot_tell"
    if split.slope.high < split.weights.low:
        return "slope"
    if split.weights.high < split.slope.low:
        return "weights"
    return "cannot_tell"


@dataclass(frozen=True)
class Movement:
    """By how much of its own size a layer's kernel changes in one step: the first and the last hidden layer."""

    first: Estimate
    last: Estimate
    ratio: Estimate


def movement(statistics: pd.DataFrame, depth: int) -> Movement | None:
    """How much the first hidden layer still moves, against the last; None below two hidden layers or without updates.

    Args:
        statistics: depth, seed, layer, update_ratio.
    """
    rows = statistics[(statistics["depth"] == depth) & (statistics["update_ratio"] > 0)]
    table = rows.pivot_table(index="seed", columns="layer", values="update_ratio")
    if depth < 2 or 1 not in table or depth not in table:
        return None
    first = np.log(table[1].to_numpy(np.float64))
    last = np.log(table[depth].to_numpy(np.float64))
    if not np.isfinite(first - last).any():
        return None
    return Movement(*(exponential(estimate(logs)) for logs in (first, last, first - last)))
