"""What lets an own run be judged as those of the grid are: its training figures, and the grid's nearest to it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dashboard.diagnosis.counterfactuals import FIELDS

# How much a factor of two, or another choice, counts against the likeness of two configurations.
NUMBERS = {"depth": 2.0, "width": 0.5, "train_size": 0.5, "learning_rate": 0.5, "batch_size": 0.25, "epochs": 0.25}
CHOICES = {"activation": 3.0, "optimizer": 1.0, "shortcut": 2.0, "normalization": 2.0, "dataset": 2.0}
# Where an own run does not say, it is taken for what is usual.
USUAL: dict[str, Any] = {"activation": "linear", "optimizer": "sgd", "dataset": "mnist", "shortcut": False}
USUAL |= {"normalization": "none", "initializer": "glorot_uniform", "output": "softmax", "dropout": 0.0, "l2": 0.0}


def with_training(metrics: pd.DataFrame) -> pd.DataFrame:
    """The metrics of one or more runs; where none was evaluated on training examples, Keras' running mean stands in.

    Args:
        metrics: split, and the rest, which stays as it is.
    """
    if (metrics["split"] == "train").any():
        return metrics
    running = metrics[metrics["split"] == "train_running"]
    return pd.concat([metrics, running.assign(split="train")], ignore_index=True)


def nearest(grid: pd.DataFrame, run: Mapping[str, Any]) -> pd.DataFrame:
    """The runs of the grid, one a seed, of the configuration that is most like an own run; empty where there is none.

    Args:
        grid: `FIELDS`, seed, accuracy, diverged; one row a run.
        run: a row of the table `run`; what is unknown in it counts as usual, or not at all.
    """
    fields = [field for field in FIELDS if field in grid]
    if grid.empty or pd.isna(run.get("depth")):
        return grid.iloc[:0]
    distance = pd.Series(0.0, index=grid.index)
    for field, weight in NUMBERS.items():
        own = run.get(field)
        if field in grid and own is not None and pd.notna(own):
            shift = 1.0 if field == "depth" else 0.0  # no hidden layer is a depth as well
            ratio = (grid[field].astype(float) + shift) / (float(own) + shift)
            distance += weight * np.abs(np.log2(ratio))
    for field, weight in {**dict.fromkeys(USUAL, 0.5), **CHOICES}.items():
        if field in grid:
            own = run.get(field)
            distance += weight * (grid[field] != (own if own is not None and pd.notna(own) else USUAL[field]))
    best = grid.iloc[int(distance.to_numpy().argmin())]
    alike = (grid[fields] == best[fields]).all(axis=1)
    found: pd.DataFrame = grid[alike].sort_values("seed")
    return found
