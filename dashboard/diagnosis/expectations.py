"""Theory beside measurement: for each picture the measured points, over seeds, and the line that theory expects."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import bands, geometric_bands
from dashboard.diagnosis import theory

LEARNED = 0.4  # training loss in nats that counts as learned: a linear network of any depth gets there in 20 epochs
LEARNED_SHARE = 0.5  # how far theory takes each mode for that


@dataclass(frozen=True)
class Comparison:
    """Measured and expected values by depth."""

    measured: pd.DataFrame  # depth, mean, low, high, seeds
    expected: pd.DataFrame  # depth, value


def arrival(flow: pd.DataFrame, activation: str, initializer: str = "glorot_uniform") -> Comparison | None:
    """How much of δ arrives at the first hidden layer; None where it is not stored.

    Args:
        flow: activation, initializer, depth, seed, total, first.
    """
    rows = flow[(flow["activation"] == activation) & (flow["initializer"] == initializer)]
    rows = rows[rows["total"] > 0]
    if rows.empty or initializer not in theory.GAINS:
        return None
    first = float(rows["first"].mean())
    gain = theory.GAINS[initializer](theory.WIDTH)
    depths = range(2, int(rows["depth"].max()) + 1)
    expected = [(depth, theory.expected_total(activation, gain, first, depth)) for depth in depths]
    return Comparison(geometric_bands(rows, ["depth"], "total"), pd.DataFrame(expected, columns=["depth", "value"]))


def isometry(maps: pd.DataFrame) -> Comparison | None:
    """The geometric mean of the singular values of a linear network's map before training, from one hidden layer on.

    Theory says what each further layer does to it; the line starts at the first measured point.

    Args:
        maps: depth, seed, epoch, logarithm.
    """
    rows = maps[(maps["epoch"] == 0) & (maps["depth"] >= 1)]
    if rows["depth"].nunique() < 2:
        return None
    measured = bands(rows, ["depth"], "logarithm")
    step = theory.expected_log_singular_value(1.0, theory.WIDTH, theory.OUTPUTS)
    first, depths = int(measured["depth"].iloc[0]), measured["depth"].to_numpy()
    line = np.exp(measured["mean"].iloc[0] + step * (depths - first))
    columns = ["mean", "low", "high"]
    return Comparison(
        measured.assign(**{column: np.exp(measured[column]) for column in columns}),
        pd.DataFrame({"depth": depths, "value": line}),
    )


def learning_time(metrics: pd.DataFrame, maps: pd.DataFrame) -> Comparison | None:
    """Epochs until a linear network's training loss falls below `LEARNED`, and the time that Saxe et al. (2013) expect
    for the singular values that were measured, scaled to agree at the shallowest network with a hidden layer.

    Args:
        metrics: depth, seed, epoch, split, loss of linear networks.
        maps: depth, seed, epoch, logarithm.
    """
    rows = metrics[(metrics["split"] == "train") & (metrics["depth"] >= 1)]
    if rows.empty:
        return None
    reached = rows.groupby(["depth", "seed"])[["epoch", "loss"]].apply(_epoch_below).rename("epochs").dropna()
    start = maps[maps["epoch"] == 0].groupby("depth")["logarithm"].mean()
    end = maps[(maps["epoch"] > 0) & (maps["depth"] >= 1)]["logarithm"].mean()
    measured = bands(reached.reset_index(), ["depth"], "epochs")
    measured = measured[measured["depth"].isin(start.index)]
    if len(measured) < 2 or not np.isfinite(end):
        return None
    depths = measured["depth"].to_numpy()
    times = np.array(
        [theory.learning_time(int(d) + 1, float(np.exp(end)), float(np.exp(start[d])), LEARNED_SHARE) for d in depths]
    )
    line = times / times[0] * float(measured["mean"].iloc[0])
    return Comparison(measured, pd.DataFrame({"depth": depths, "value": line}))


def _epoch_below(curve: pd.DataFrame) -> float:
    """Where the loss falls below `LEARNED`, straight lines being drawn between the logarithms of the stored losses."""
    ordered = curve.sort_values("epoch")
    epochs, losses = ordered["epoch"].to_numpy(np.float64), np.log(ordered["loss"].to_numpy(np.float64))
    below = np.flatnonzero(losses < np.log(LEARNED))
    if not len(below) or below[0] == 0:
        return float("nan")
    after = below[0]
    share = (losses[after - 1] - np.log(LEARNED)) / (losses[after - 1] - losses[after])
    return float(epochs[after - 1] + share * (epochs[after] - epochs[after - 1]))


def factors(flow: pd.DataFrame) -> pd.DataFrame:
    """For each start and activation the factor a layer that theory expects before training, the one measured, and how
    deep the error gets: activation, initializer, expected, measured, depth, chi, scale.

    expected and measured are geometric means over the layers of the deepest stored networks (measured is not a number
    where none is stored; expected then is that of ten layers); chi is χ₁ and scale the depth scale, in layers, where a
    very deep network settles.
    """
    rows = []
    first_of = flow.groupby("initializer")["first"].mean() if len(flow) else pd.Series(dtype=float)
    for initializer, gain_of in theory.GAINS.items():
        gain = gain_of(theory.WIDTH)
        first = float(first_of.get(initializer, theory.first_input_sum(initializer)))
        for activation in theory.ACTIVATIONS:
            own = flow[(flow["activation"] == activation) & (flow["initializer"] == initializer)]
            depth = int(own["depth"].max()) if len(own) else 10
            totals = own.loc[(own["depth"] == depth) & (own["total"] > 0), "total"].to_numpy(np.float64)
            measured = float(np.exp(np.log(totals).mean() / (depth - 1))) if len(totals) else float("nan")
            expected = theory.expected_total(activation, gain, first, depth) ** (1 / (depth - 1))
            chi = theory.gradient_factor(activation, gain, theory.fixed_point(activation, gain, first))
            scale = theory.depth_scale(activation, gain, first)
            rows.append((activation, initializer, expected, measured, depth, chi, scale))
    columns = ["activation", "initializer", "expected", "measured", "depth", "chi", "scale"]
    return pd.DataFrame(rows, columns=columns)
