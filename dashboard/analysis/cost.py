"""What a network costs, what it brings, and whether more parameters bring more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.analysis.differences import Verdict, verdict_of
from dashboard.analysis.estimates import CONFIDENCE, Estimate, bands, estimate
from dashboard.analysis.pairs import paired_values
from dashboard.analysis.settings import alike, settings_in
from dashboard.diagnosis.signs import CHANCE

Cost = Literal["flops_per_example", "parameters", "epoch_seconds"]
COSTS: tuple[Cost, ...] = ("flops_per_example", "parameters", "epoch_seconds")
BYTES = 4  # of a float32
PIXELS, CLASSES = 784, 10
# Numbers that an optimiser keeps for each parameter, beside the parameter and its gradient.
OPTIMIZER_SLOTS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}


def with_costs(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of the query `all_runs` with what they brought and cost.

    Adds accuracy (on test images; that of guessing where a run diverged), epoch_seconds (its share of the cohort's wall
    time, compiling and measuring included) and training_bytes. Runs without a figure at their last epoch are left out.
    """
    return runs.assign(
        accuracy=runs["test_accuracy"].where(runs["status"] == "finished", CHANCE),
        epoch_seconds=runs["seconds"] / runs["epochs"],
        training_bytes=training_bytes(runs),
    ).dropna(subset="accuracy")


def training_bytes(runs: pd.DataFrame) -> NDArray[np.int64]:
    """Memory that one training step of plain backpropagation must hold, as float32: parameters, gradients, the
    optimiser's own numbers, the batch, and each layer's pre-activations and activations. Computed, not measured: a
    program needs some more for itself.

    Args:
        runs: parameters, optimizer, batch_size, train_size, depth, width.
    """
    kept = runs["parameters"].to_numpy(np.int64) * (2 + runs["optimizer"].map(OPTIMIZER_SLOTS).to_numpy(np.int64))
    batch = np.minimum(runs["batch_size"].to_numpy(np.int64), runs["train_size"].to_numpy(np.int64))
    hidden_units = runs["depth"].to_numpy(np.int64) * runs["width"].to_numpy(np.int64)
    total: NDArray[np.int64] = BYTES * (kept + batch * (PIXELS + 2 * hidden_units + CLASSES))
    return total


def by_settings(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each setting: its columns, the costs, and the mean accuracy over its seeds with its interval (mean,
    low, high, seeds), cheapest first. Without hidden layers there is no activation function, so that networks with any
    are one.

    Args:
        runs: from `with_costs`.
    """
    names = settings_in(runs)
    runs = runs.assign(activation=runs["activation"].where(runs["depth"] > 0, "linear"))
    runs = runs.drop_duplicates([*names, "seed"])
    costs = runs.groupby(names, as_index=False)[[*COSTS, "training_bytes"]].mean()
    table = bands(runs, names, "accuracy").merge(costs, on=names)
    return table.sort_values(["flops_per_example", "mean"], kind="stable").reset_index(drop=True)


def frontier(cost: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the points nothing else beats: none costs as little or less and brings more (Pareto)."""
    order = np.lexsort((-gain, cost))
    best = np.maximum.accumulate(gain[order])
    before = np.concatenate([[-np.inf], best[:-1]])
    marked = np.zeros(len(cost), dtype=bool)
    marked[order] = gain[order] > before
    return marked


@dataclass(frozen=True)
class Doubling:
    """What happens from one depth to its double: factors of the costs, and the paired change of test accuracy."""

    before: int
    after: int
    parameters: float
    operations: float
    memory: float
    seconds: float  # factor of the mean training time an epoch; other work on the machine counts in it
    accuracy: Estimate


def doubling(runs: pd.DataFrame, depth: int) -> Doubling | None:
    """None where the double is not stored.

    Args:
        runs: from `with_costs`, differing in depth and seed alone.
    """
    before, after = runs[runs["depth"] == depth], runs[runs["depth"] == 2 * depth]
    if depth < 1 or before.empty or after.empty:
        return None

    def factor(name: str) -> float:
        return float(after[name].iloc[0] / before[name].iloc[0])

    return Doubling(
        depth,
        2 * depth,
        factor("parameters"),
        factor("flops_per_example"),
        factor("training_bytes"),
        float(after["epoch_seconds"].mean() / before["epoch_seconds"].mean()),
        estimate(paired_values(before, after, "accuracy")),
    )


@dataclass(frozen=True)
class Series:
    """Networks that differ in one setting that changes the number of parameters, smallest against best and largest."""

    shared: Mapping[str, Any]  # the settings that tell this series from the others
    varied: str  # depth or width
    sizes: tuple[int, int, int]  # parameters of the smallest, the one with the best mean, and the largest
    values: tuple[int, int, int]  # of `varied`, of the same three
    whole: Estimate  # test accuracy of the largest less that of the smallest
    whole_verdict: Verdict
    beyond: Estimate | None  # of the largest less that of the best; None where the largest is the best
    beyond_verdict: Verdict | None


def series_of(runs: pd.DataFrame, plain: Mapping[str, Any], varied: str, told_apart: tuple[str, ...]) -> list[Series]:
    """Every series of at least two sizes in which `varied` alone differs, all else as in `plain` but `told_apart`.

    Networks without hidden layers are left out: they are another kind. The intervals of a series hold together for its
    two comparisons, whichever size came out best (Bonferroni).

    Args:
        runs: from `with_costs`.
    """
    fitting = alike(runs[runs["depth"] > 0], plain, apart_from=(varied, *told_apart))
    found = []
    for key, group in fitting.groupby(list(told_apart), sort=True):
        means = group.groupby(varied)["accuracy"].mean()
        if len(means) < 2:
            continue
        sizes = means.index.to_numpy(np.int64)
        values = int(sizes.min()), int(sizes[means.to_numpy().argmax()]), int(sizes.max())
        parts = [group[group[varied] == value] for value in values]
        confidence = 1 - (1 - CONFIDENCE) / len(means)
        whole = estimate(paired_values(parts[0], parts[2], "accuracy"), confidence)
        beyond = estimate(paired_values(parts[1], parts[2], "accuracy"), confidence) if values[1] < values[2] else None
        found.append(
            Series(
                dict(zip(told_apart, key, strict=True)),
                varied,
                tuple(int(part["parameters"].iloc[0]) for part in parts),  # type: ignore[arg-type]  # three of them
                values,
                whole,
                verdict_of(whole),
                beyond,
                verdict_of(beyond) if beyond is not None else None,
            )
        )
    return found


MoreIsBetter = Literal["yes", "up_to_a_point", "no", "depends", "cannot_tell"]


def more_is_better(found: list[Series]) -> MoreIsBetter:
    """yes: in every series the largest surely beats the smallest, and none is surely worse than the best between
    (up_to_a_point: one is); no: in none does it; depends: in some; cannot_tell: in none for sure, and some are open."""
    verdicts = [series.whole_verdict for series in found]
    if verdicts and all(verdict == "rise" for verdict in verdicts):
        return "up_to_a_point" if any(series.beyond_verdict == "fall" for series in found) else "yes"
    if "rise" in verdicts:
        return "depends"
    return "no" if verdicts and "cannot_tell" not in verdicts else "cannot_tell"
