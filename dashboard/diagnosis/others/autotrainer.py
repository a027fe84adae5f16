"""The symptoms of AUTOTRAINER (Zhang et al. 2021, ICSE, "AUTOTRAINER: An automatic DNN training problem detection and
repair system"), with their default thresholds."""

import pandas as pd

from dashboard.diagnosis.others.rules import Epochs, History, Rule, RuleSet

VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4  # ‖g₁‖ / ‖g_L‖, and ‖g₁‖
EXPLODING_RATIO = 70.0
DYING_SHARE = 0.7  # of the units of a layer with a gradient of zero
SWING, SWINGING_SHARE = 0.03, 0.2  # of accuracy, in this share of the epochs
SLOW_GAIN = 0.01  # of accuracy from one epoch to the next
SLOW_EPOCHS = 3
SATISFIED = 0.7  # training accuracy from which on nothing is reported


def _unsatisfied(history: History) -> bool:
    accuracy = history.curve("train", "accuracy")
    return accuracy.empty or float(accuracy.iloc[-1]) < SATISFIED or bool(history.broken)


def _gradients(history: History) -> pd.DataFrame:
    """Norm of the first and of the last layer's gradient by epoch: first, last."""
    table = history.layers.pivot_table(index="epoch", columns="layer", values="gradient_norm")
    layers = list(table.columns)
    if len(layers) < 2:
        return pd.DataFrame(columns=["first", "last"])
    return pd.DataFrame({"first": table[layers[0]], "last": table[layers[-1]]})


def _vanishing(history: History) -> Epochs:
    found = _gradients(history)
    fires = (found["first"] < VANISHING_RATIO * found["last"]) & (found["first"] < VANISHING_NORM)
    return [int(epoch) for epoch in found.index[fires]] if _unsatisfied(history) else []


def _exploding(history: History) -> Epochs:
    found = _gradients(history)
    fires = found["first"] > EXPLODING_RATIO * found["last"]
    return [*(int(epoch) for epoch in found.index[fires]), *history.broken] if _unsatisfied(history) else []


def _dying(history: History) -> Epochs:
    if history.run["activation"] != "relu" or not _unsatisfied(history):
        return []
    hidden = history.hidden
    return sorted({int(epoch) for epoch in hidden.loc[hidden["dead_fraction"] >= DYING_SHARE, "epoch"]})


def _oscillating(history: History) -> Epochs:
    accuracy = history.curve("train_running", "accuracy")
    drops = accuracy.diff() <= -SWING
    return (
        [int(epoch) for epoch in accuracy.index[drops]]
        if (_unsatisfied(history) and len(accuracy) and drops.mean() >= SWINGING_SHARE)
        else []
    )


def _slow(history: History) -> Epochs:
    gains = history.curve("train_running", "accuracy").diff().dropna().tail(SLOW_EPOCHS)
    slow = len(gains) == SLOW_EPOCHS and bool((gains < SLOW_GAIN).all())
    return [int(epoch) for epoch in gains.index] if slow and _unsatisfied(history) else []


AUTOTRAINER = RuleSet(
    "AUTOTRAINER",
    "https://github.com/shiningrain/AUTOTRAINER",
    (
        Rule("vanishing gradient", frozenset({"vanishing"}), _vanishing),
        Rule("exploding gradient", frozenset({"exploding", "diverged"}), _exploding),
        Rule("dying ReLU", frozenset({"dead"}), _dying),
        Rule("oscillating loss", frozenset({"diverged", "exploding", "saturated"}), _oscillating),
        Rule(
            "slow convergence",
            frozenset({"undertrained", "plateau", "vanishing", "saturated", "dead", "exploding", "diverged"}),
            _slow,
        ),
    ),
    (
        "gradients of a training step by those of the probe batch after the epoch",
        "units with a gradient of zero by units that are never active",
        "slow convergence by the last three epochs",
    ),
    ("its repairs, and the retraining that confirms them",),
)
