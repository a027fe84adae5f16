"""How vanishing and exploding gradients are defined, so that depth alone does not fool the reader.

Four figures, from the stored error δ of every layer: the factor a layer, fitted to log δ over the hidden layers; the
total, from the last hidden layer to the first; which part of it is the weights' and which the slope's; and, because a
small gradient harms only a layer that therefore stands still, whether the first layers in fact move (`signs.py`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Flow:
    """What becomes of δ in one network on its way from the last hidden layer back to the first.

    Logarithms are natural. A total of exactly zero (nothing arrives) has no fit: the factor is then zero as well.
    """

    steps: int  # layers that δ passes: depth - 1
    factor: float  # per layer: exp of the slope of a straight line fitted to log rms(δ)
    total: float  # rms(δ) at the first hidden layer over that at the last
    weights: float  # geometric mean of the weights' factor over the steps
    slope: float  # the same of the slope; weights · slope is exactly total ** (1 / steps) in a plain network


def flow_at(rows: pd.DataFrame, depth: int) -> Flow | None:
    """The flow in one run at one epoch; None below two hidden layers, or where δ is not stored.

    Args:
        rows: layer, delta_rms, weight_gain, slope_gain; one row a layer.
    """
    if depth < 2 or "delta_rms" not in rows:
        return None
    hidden = rows[rows["layer"] <= depth].sort_values("layer")
    delta = hidden["delta_rms"].to_numpy(np.float64)
    if len(delta) != depth or not np.isfinite(delta).all():
        return None
    steps = depth - 1
    if not (delta > 0).all():  # the error dies out on its way, or there is none left
        return None if delta[-1] == 0 else Flow(steps, 0.0, 0.0, float("nan"), float("nan"))
    back = np.arange(steps, -1, -1.0)  # steps taken from the last hidden layer, for layers 1 … depth
    gains = hidden[hidden["layer"] < depth]
    return Flow(
        steps,
        float(np.exp(_incline(back, np.log(delta)))),
        float(delta[0] / delta[-1]),
        _geometric_mean(gains["weight_gain"]),
        _geometric_mean(gains["slope_gain"]),
    )


def _incline(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The slope of the least-squares line."""
    centred = x - x.mean()
    return float((centred * y).sum()) / float((centred**2).sum())


def _geometric_mean(values: pd.Series) -> float:
    numbers = values.to_numpy(np.float64)
    return float(np.exp(np.log(numbers).mean())) if np.isfinite(numbers).all() and (numbers > 0).all() else float("nan")
