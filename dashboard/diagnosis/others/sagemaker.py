"""The built-in rules of Amazon SageMaker Debugger, with their default parameters."""

import pandas as pd

from dashboard.diagnosis.others.rules import Epochs, History, Rule, RuleSet, epochs_where, share_above, share_beyond

VANISHING = 1e-7  # mean |gradient|
OVERFIT_RATIO = 0.1  # (validation loss - training loss) / training loss
TANH_LIMIT = 9.4999  # input of tanh
SIGMOID_LIMITS = (-23.0, 16.99999)  # input of the sigmoid
LARGE_UPDATE, SMALL_UPDATE = 10.0, 1e-8  # |update| over |weight|
LAYER_SHARE = 0.5  # of the units of a layer
VARIANCE_RATIO = 10.0  # of the weights of two layers, at the start
LOSS_DECREASE = 0.001  # share of the loss


def _vanishing(history: History) -> Epochs:
    return epochs_where(history.layers, history.layers["gradient_rms"] < VANISHING)


def _overfit(history: History) -> Epochs:
    table = history.metrics.pivot_table(index="epoch", columns="split", values="loss")
    if not {"train", "validation"} <= set(table.columns):
        return []
    over = (table["validation"] - table["train"]) / table["train"] > OVERFIT_RATIO
    return [int(epoch) for epoch in table.index[over & over.shift(fill_value=False)]]  # patience: twice in a row


def _saturated(history: History) -> Epochs:
    activation, hidden = history.run["activation"], history.hidden
    if activation == "tanh":
        return epochs_where(hidden, share_beyond(hidden, TANH_LIMIT) > LAYER_SHARE)
    if activation == "sigmoid":
        low, high = SIGMOID_LIMITS
        share = pd.Series(share_above(hidden, high) + 1 - share_above(hidden, low), index=hidden.index)
        return epochs_where(hidden, share > LAYER_SHARE)
    return []


def _dead(history: History) -> Epochs:
    if history.run["activation"] != "relu":
        return []
    return epochs_where(history.hidden, history.hidden["dead_fraction"] > LAYER_SHARE)


def _large_update(history: History) -> Epochs:
    return epochs_where(history.layers, history.layers["update_ratio"] > LARGE_UPDATE)


def _small_update(history: History) -> Epochs:
    return epochs_where(history.layers, history.layers["update_ratio"] < SMALL_UPDATE)


def _poor_start(history: History) -> Epochs:
    start = history.layers[history.layers["epoch"] == 0]
    variance = start["weight_std"].astype(float) ** 2
    return [0] if len(start) > 1 and variance.max() > VARIANCE_RATIO * variance.min() else []


def _loss_not_decreasing(history: History) -> Epochs:
    loss = history.curve("train_running", "loss")
    still = loss.diff() > -LOSS_DECREASE * loss.shift()
    return [int(epoch) for epoch in loss.index[still]]


SAGEMAKER = RuleSet(
    "SageMaker Debugger",
    "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html",
    (
        Rule("VanishingGradient", frozenset({"vanishing", "dead", "saturated", "plateau"}), _vanishing),
        Rule("ExplodingTensor", frozenset({"diverged", "exploding"}), lambda history: history.broken),
        Rule("DeadRelu", frozenset({"dead"}), _dead),
        Rule("SaturatedActivation", frozenset({"saturated"}), _saturated),
        Rule("Overfit", frozenset({"overfitting"}), _overfit),
        Rule("WeightUpdateRatio (large)", frozenset({"diverged", "exploding", "dead", "saturated"}), _large_update),
        Rule("WeightUpdateRatio (small)", frozenset({"vanishing", "undertrained", "plateau", "dead"}), _small_update),
        Rule("PoorWeightInitialization", frozenset({"vanishing", "exploding"}), _poor_start),
        Rule(
            "LossNotDecreasing",
            frozenset({"plateau", "vanishing", "dead", "saturated", "diverged", "exploding"}),
            _loss_not_decreasing,
        ),
    ),
    (
        "root_mean_square",
        "normal_shares",
        "never_active",
        "epochs_for_steps",
    ),
    (
        "sagemaker_rules",
        "gradient_distribution",
    ),
)
