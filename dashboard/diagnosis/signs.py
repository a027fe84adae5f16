"""The signs that the rules read: figures of one run, computed from its stored history and compared with nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.diagnosis.flow import Flow, flow_at

CLASSES = 10
GUESSING = float(np.log(CLASSES))  # the loss of a network that gives every class the same probability, nats
CHANCE = 1 / CLASSES


def guessing_where_diverged(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with their accuracy; that of guessing for those whose loss became infinite.

    Args:
        runs: accuracy, diverged (bool), and classes where they are not the grid's ten (missing where a run does not
            classify: then it has no accuracy); one row a run.
    """
    chance = 1 / runs["classes"].astype("Float64") if "classes" in runs else CHANCE
    return runs.assign(accuracy=runs["accuracy"].where(~runs["diverged"], chance))


@dataclass(frozen=True)
class Signs:
    """The figures of one run; None where the store does not hold what a figure needs."""

    depth: int
    activation: str
    last_epoch: int
    diverged_epoch: int | None  # first epoch whose loss was not finite
    train_loss: float | None  # at the last epoch
    train_accuracy: float | None
    test_accuracy: float | None
    accuracy_gap: float | None  # training less test accuracy, the smallest in the last quarter of the budget
    since: int  # the epoch at which the last quarter of the budget begins
    late_gain: float | None  # validation accuracy gained in that last quarter
    late_fall: float | None  # share of the training loss (Keras' running mean) that it took away
    best_epoch: int | None  # lowest validation loss
    # How far the test loss stayed above that of the best epoch: its lowest in the last quarter, as a share. A rise
    # at a single epoch is often noise.
    held_out_rise: float | None
    train_fall: float | None  # training loss at the best epoch less that at the last, nats
    start: Flow | None  # what becomes of δ on its way back, before training
    first_movement: float | None  # update ratio of the first hidden layer, geometric mean over the epochs
    last_movement: float | None  # the same of the last hidden layer
    saturated: Mapping[int, float]  # share of saturated (example, unit) pairs by hidden layer, at the last epoch
    saturated_start: Mapping[int, float]  # the same before training
    dead: Mapping[int, float]  # share of dead units by hidden layer, at the last epoch
    dead_since: int | None  # first epoch at which a layer was as dead as it is at the end
    guessing: float | None = GUESSING  # the loss of guessing; None where the run does not classify
    # Whether so few units stand side by side that they could not tell the classes apart by which of their two flat ends
    # each is at: then they are at their ends for want of others.
    few_units: bool = False

    @property
    def loss_left(self) -> float | None:
        """The training loss at the end as a share of that of guessing: 1 has learned nothing, 0 everything."""
        return None if self.train_loss is None or self.guessing is None else self.train_loss / self.guessing


def signs_of(run: Mapping[str, Any], metrics: pd.DataFrame, layers: pd.DataFrame) -> Signs:
    """Computes the signs of one run.

    Args:
        run: its row in the table `run`: depth (where it is not known, all layers but the last count), activation,
            diverged_epoch; width, where its hidden layers have one in common; classes, where they are not the grid's
            ten.
        metrics: its rows in `epoch_metric`: epoch, split, loss, accuracy.
        layers: its rows in `layer_stat`: epoch, layer, and the statistics; may be empty.
    """
    depth = (
        int(run["depth"]) if pd.notna(run["depth"]) else max(0, int(layers["layer"].max()) - 1) if len(layers) else 0
    )
    loss = metrics.pivot_table(index="epoch", columns="split", values="loss")
    accuracy = metrics.pivot_table(index="epoch", columns="split", values="accuracy")
    last = int(metrics["epoch"].max()) if len(metrics) else 0
    since = _quarter_before(loss.index.to_numpy(), last)
    best = _best_epoch(loss)
    train_accuracy, test_accuracy = _at(accuracy, "train", last), _at(accuracy, "test", last)
    hidden = layers[layers["layer"] <= depth]
    statistics_end = int(hidden["epoch"].max()) if len(hidden) else last
    ending, starting = hidden[hidden["epoch"] == statistics_end], hidden[hidden["epoch"] == 0]
    dead = _by_layer(ending, "dead_fraction")
    return Signs(
        depth=depth,
        activation=str(run["activation"]),
        last_epoch=last,
        diverged_epoch=None if pd.isna(run["diverged_epoch"]) else int(run["diverged_epoch"]),
        train_loss=_at(loss, "train", last),
        train_accuracy=train_accuracy,
        test_accuracy=test_accuracy,
        accuracy_gap=_smallest_gap(accuracy, since),
        since=since,
        late_gain=_less(_at(accuracy, "validation", last), _at(accuracy, "validation", since)),
        late_fall=_share_lost(_at(loss, "train_running", max(since, 1)), _at(loss, "train_running", last)),
        best_epoch=best,
        held_out_rise=None if best is None else _share_gained(_at(loss, "test", best), _lowest(loss, "test", since)),
        # there is no running mean before training
        train_fall=None
        if best is None
        else _less(_at(loss, "train_running", max(best, 1)), _at(loss, "train_running", last)),
        start=flow_at(starting, depth),
        first_movement=_movement(hidden, 1),
        last_movement=_movement(hidden, depth),
        saturated=_by_layer(ending, "saturated_fraction"),
        saturated_start=_by_layer(starting, "saturated_fraction"),
        dead=dead,
        dead_since=_since_when(hidden, dead),
        guessing=_loss_of_guessing(run),
        few_units=_few_units(run),
    )


def _loss_of_guessing(run: Mapping[str, Any]) -> float | None:
    """An own run may have another number of classes than the grid's ten, or none. With sigmoid outputs the loss is the
    sum of one binary cross-entropy a class (Nielsen, chapter 3)."""
    classes = run.get("classes", CLASSES)
    if pd.isna(classes):
        return None
    if run.get("output") != "sigmoid":
        return float(np.log(classes))
    chance = 1 / classes
    return float(-classes * (chance * np.log(chance) + (1 - chance) * np.log(1 - chance)))


def _few_units(run: Mapping[str, Any]) -> bool:
    width, classes = run.get("width"), run.get("classes", CLASSES)
    if width is None or pd.isna(width) or pd.isna(classes):
        return False
    return bool(2 ** min(int(width), 64) < classes)


def _quarter_before(epochs: NDArray[np.integer[Any]], last: int) -> int:
    """The last recorded epoch that leaves at least a quarter of the budget after it."""
    earlier = epochs[epochs <= last - max(1, last // 4)]
    return int(earlier.max()) if len(earlier) else last


def _best_epoch(loss: pd.DataFrame) -> int | None:
    if "validation" not in loss or loss["validation"].dropna().empty:
        return None
    validation = loss["validation"].dropna()
    return int(validation.index.to_numpy()[validation.to_numpy().argmin()])


def _at(table: pd.DataFrame, split: str, epoch: int) -> float | None:
    if split not in table or epoch not in table.index:
        return None
    value = float(table.loc[epoch, split])  # type: ignore[arg-type]  # one cell, which pandas types as anything
    return value if np.isfinite(value) else None


def _lowest(table: pd.DataFrame, split: str, since: int) -> float | None:
    values = table.loc[table.index >= since, split].dropna() if split in table else pd.Series(dtype=float)
    return float(values.min()) if len(values) else None


def _smallest_gap(accuracy: pd.DataFrame, since: int) -> float | None:
    if not {"train", "test"} <= set(accuracy.columns):
        return None
    gaps = (accuracy["train"] - accuracy["test"])[accuracy.index >= since].dropna()
    return float(gaps.min()) if len(gaps) else None


def _less(minuend: float | None, subtrahend: float | None) -> float | None:
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def _share_lost(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or before <= 0 else 1 - after / before


def _share_gained(before: float | None, after: float | None) -> float | None:
    lost = _share_lost(before, after)
    return None if lost is None else -lost


def _by_layer(rows: pd.DataFrame, column: str) -> dict[int, float]:
    if column not in rows:
        return {}
    known = rows.dropna(subset=column)
    return {int(layer): float(value) for layer, value in zip(known["layer"], known[column], strict=True)}


def _movement(hidden: pd.DataFrame, layer: int) -> float | None:
    if "update_ratio" not in hidden:
        return None
    values = hidden.loc[hidden["layer"] == layer, "update_ratio"].dropna().to_numpy(np.float64)
    if not len(values):
        return None
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def _since_when(hidden: pd.DataFrame, dead: Mapping[int, float]) -> int | None:
    if not dead or max(dead.values()) == 0:
        return None
    layer = max(dead, key=lambda each: dead[each])
    rows = hidden[(hidden["layer"] == layer) & (hidden["dead_fraction"] >= dead[layer])]
    return int(rows["epoch"].min())
