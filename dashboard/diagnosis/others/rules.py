"""What a replayed rule set is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from dashboard.diagnosis.run import Fault

Epochs = list[int]


@dataclass(frozen=True)
class History:
    """One run as the store holds it: its row in `run`, its epochs, and the statistics of its layers."""

    run: Mapping[str, Any]
    metrics: pd.DataFrame  # epoch, split, loss, accuracy
    layers: pd.DataFrame  # epoch, layer, and the statistics

    @property
    def depth(self) -> int:
        return int(self.run["depth"])

    @property
    def hidden(self) -> pd.DataFrame:
        return self.layers[self.layers["layer"] <= self.depth]

    def curve(self, split: str, value: str) -> pd.Series:
        """A figure of one split by epoch."""
        return self.metrics[self.metrics["split"] == split].set_index("epoch")[value].sort_index()

    @property
    def broken(self) -> Epochs:
        """The epoch at which the loss was no longer finite."""
        epoch = self.run["diverged_epoch"]
        return [] if pd.isna(epoch) else [int(epoch)]


@dataclass(frozen=True)
class Rule:
    """One published rule.

    `means` are the faults that its alarm may be about, read generously: where a rule names a symptom that several
    causes have, each of them counts.
    """

    name: str
    means: frozenset[Fault]
    fires: Callable[[History], Epochs]  # the epochs at which it would raise an alarm


@dataclass(frozen=True)
class RuleSet:
    """The rules of one tool, where they are published, and what of it the stored statistics cannot replay.

    The texts say what `approximations` and `not_replayed` name: `diagnosis.others_by`, `diagnosis.others_without`.
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    approximations: tuple[str, ...]
    not_replayed: tuple[str, ...]


@dataclass(frozen=True)
class Alarm:
    rule: str
    means: frozenset[Fault]
    epochs: tuple[int, ...]


def replay(rule_set: RuleSet, history: History) -> list[Alarm]:
    """The alarms that a tool would raise over a whole run."""
    return [Alarm(rule.name, rule.means, tuple(epochs)) for rule in rule_set.rules if (epochs := rule.fires(history))]


def epochs_where(rows: pd.DataFrame, condition: pd.Series) -> Epochs:
    """The epochs of the rows that meet a condition, each once."""
    return sorted({int(epoch) for epoch in rows.loc[condition.fillna(False).astype(bool), "epoch"]})


def share_above(rows: pd.DataFrame, limit: float) -> NDArray[np.float64]:
    """The share of input sums above a limit, per row, taking them for normally distributed."""
    spread = np.maximum(rows["preactivation_std"].to_numpy(np.float64), np.finfo(np.float32).tiny)
    return np.asarray(ndtr((rows["preactivation_mean"].to_numpy(np.float64) - limit) / spread))


def share_beyond(rows: pd.DataFrame, limit: float) -> pd.Series:
    """The share of input sums beyond ±limit, per row, taking them for normally distributed."""
    return pd.Series(share_above(rows, limit) + 1 - share_above(rows, -limit), index=rows.index)
