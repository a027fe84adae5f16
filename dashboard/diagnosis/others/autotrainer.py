"""The symptoms of AUTOTRAINER (Zhang et al. 2021, ICSE, "AUTOTRAINER: An automatic DNN training problem detection and
repair system"), with their default thresholds, as its published code applies them (`AutoTrainer/utils/monitor.py`)."""

import itertools
from typing import Any

import pandas as pd

from dashboard.diagnosis.others.rules import Epochs, History, Rule, RuleSet

VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4  # ‖g₁‖ / ‖g_L‖, and ‖g₁‖
EXPLODING_RATIO = 70.0
DYING_SHARE = 0.7  # of all gradients are zero
SWING, SWINGING_SHARE = 0.03, 0.2  # of accuracy between its turns, as a share of the epochs
SLOW_GAIN = 0.01  # of accuracy from one epoch to the next
SATISFIED = 0.7  # accuracy that was reached
INPUTS, CLASSES = 784, 10  # of the networks whose runs are replayed


def _accuracies(history: History) -> list[pd.Series]:
    return [history.curve(split, "accuracy") for split in ("train_running", "validation")]


def _unsatisfied(history: History) -> bool:
    """Training or validation never got as far as `SATISFIED`, or neither ever gained `SLOW_GAIN` in an epoch: only then
    are gradients looked at."""
    reached = min((float(accuracy.max()) if len(accuracy) else 0.0) for accuracy in _accuracies(history))
    return reached < SATISFIED or _never_gains(history)


def _never_gains(history: History) -> bool:
    gains = [accuracy.diff().max() for accuracy in _accuracies(history)]
    return all(pd.notna(gain) and gain < SLOW_GAIN for gain in gains)


def _gradients(history: History) -> pd.DataFrame:
    """Norm of the first and of the last layer's gradient by epoch: first, last."""
    table = history.layers.pivot_table(index="epoch", columns="layer", values="gradient_norm")
    layers = list(table.columns)
    if len(layers) < 2:
        return pd.DataFrame(columns=["first", "last"])
    return pd.DataFrame({"first": table[layers[0]], "last": table[layers[-1]]})


def _dying(history: History) -> Epochs:
    """A gradient is zero wherever the unit above it, or the one below, is never active."""
    if history.run["activation"] != "relu" or not history.depth or not _unsatisfied(history):
        return []
    table = history.hidden.pivot_table(index="epoch", columns="layer", values="dead_fraction").dropna()
    if table.empty:
        return []
    width = int(history.run["width"])
    alive: list[Any] = [1.0, *(1.0 - table[layer] for layer in table.columns), 1.0]
    sizes = [INPUTS, *[width] * len(table.columns), CLASSES]
    weights = [below * above for below, above in itertools.pairwise(sizes)]
    moving = sum(size * below * above for size, (below, above) in zip(weights, itertools.pairwise(alive), strict=True))
    share = 1.0 - moving / sum(weights)
    return [int(epoch) for epoch in table.index[share >= DYING_SHARE]]


def _exploding(history: History) -> Epochs:
    found = _gradients(history)
    fires = found["first"] > EXPLODING_RATIO * found["last"]
    looked_at = _unsatisfied(history) and not _dying(history)
    return [*(int(epoch) for epoch in found.index[fires] if looked_at), *history.broken]


def _vanishing(history: History) -> Epochs:
    found = _gradients(history)
    fires = (found["first"] < VANISHING_RATIO * found["last"]) & (found["first"] < VANISHING_NORM)
    looked_at = _unsatisfied(history) and not _dying(history) and not _exploding(history)
    return [int(epoch) for epoch in found.index[fires]] if looked_at else []


def _slow(history: History) -> Epochs:
    found_before = _dying(history) or _exploding(history) or _vanishing(history)
    return [] if found_before or not _never_gains(history) else [int(history.metrics["epoch"].max())]


def _oscillating(history: History) -> Epochs:
    """The first highest point of the training accuracy is compared with its first lowest, the second with the second,
    and so on."""
    accuracy = history.curve("train_running", "accuracy")
    if _unsatisfied(history) or history.broken or len(accuracy) < 3:
        return []
    before, after = accuracy - accuracy.shift(), accuracy - accuracy.shift(-1)
    high, low = accuracy[(before >= 0) & (after >= 0)], accuracy[(before <= 0) & (after <= 0)]
    turns = [epoch for epoch, top, bottom in zip(high.index, high, low, strict=False) if top - bottom >= SWING]
    return [int(epoch) for epoch in turns] if turns and len(turns) >= SWINGING_SHARE * len(accuracy) else []


AUTOTRAINER = RuleSet(
    "AUTOTRAINER",
    "https://github.com/shiningrain/AUTOTRAINER",
    (
        Rule("vanishing gradient", frozenset({"vanishing"}), _vanishing),
        Rule("exploding gradient", frozenset({"exploding", "diverged"}), _exploding),
        Rule("dying ReLU", frozenset({"dead"}), _dying),
        Rule("oscillating accuracy", frozenset({"diverged", "exploding", "saturated"}), _oscillating),
        Rule(
            "slow convergence",
            frozenset({"undertrained", "plateau", "vanishing", "saturated", "dead", "exploding", "diverged"}),
            _slow,
        ),
    ),
    (
        "probe_gradients",
        "zero_gradients",
        "whole_history",
    ),
    ("repairs",),
)
