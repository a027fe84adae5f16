"""The error conditions of DeepDiagnosis (Wardat et al. 2022, ICSE, "DeepDiagnosis: Automatically diagnosing faults and
recommending actionable fixes in deep learning programs"), with their default thresholds."""

import pandas as pd

from dashboard.diagnosis.others.rules import Epochs, History, Rule, RuleSet, epochs_where, share_above, share_beyond

VANISHING = 1e-7  # mean |gradient|
DEAD_SHARE = 0.7  # of a layer's outputs that are at most zero
SATURATED_INPUT, SATURATED_SHARE = 5.0, 0.5
SMALL_CHANGE, LARGE_CHANGE = 1e-5, 0.1  # learning rate · ‖g‖ / ‖w‖


def _vanishing(history: History) -> Epochs:
    return epochs_where(history.layers, history.layers["gradient_rms"] < VANISHING)


def _dead(history: History) -> Epochs:
    if history.run["activation"] != "relu":
        return []
    hidden = history.hidden
    silent = pd.Series(1 - share_above(hidden, 0.0), index=hidden.index)
    return epochs_where(hidden, silent >= DEAD_SHARE)


def _saturated(history: History) -> Epochs:
    if history.run["activation"] not in ("tanh", "sigmoid"):
        return []
    hidden = history.hidden
    return epochs_where(hidden, share_beyond(hidden, SATURATED_INPUT) > SATURATED_SHARE)


def _change(history: History) -> pd.Series:
    rate = float(history.run["learning_rate"])
    return rate * history.layers["gradient_norm"] / history.layers["weight_norm"]


def _small_change(history: History) -> Epochs:
    return epochs_where(history.layers, _change(history) < SMALL_CHANGE)


def _large_change(history: History) -> Epochs:
    return epochs_where(history.layers, _change(history) > LARGE_CHANGE)


DEEPDIAGNOSIS = RuleSet(
    "DeepDiagnosis",
    "https://arxiv.org/abs/2112.04036",
    (
        Rule("numerical error", frozenset({"diverged", "exploding"}), lambda history: history.broken),
        Rule("vanishing gradient", frozenset({"vanishing", "dead", "saturated", "plateau"}), _vanishing),
        Rule("dead node", frozenset({"dead"}), _dead),
        Rule("saturated activation", frozenset({"saturated"}), _saturated),
        Rule(
            "unchanged weights",
            frozenset({"undertrained", "vanishing", "plateau", "dead", "saturated"}),
            _small_change,
        ),
        Rule("improper weight change", frozenset({"diverged", "exploding", "dead", "saturated"}), _large_change),
    ),
    (
        "root_mean_square",
        "normal_shares",
        "probe_updates",
    ),
    ("data_conditions", "decision_tree"),
)
