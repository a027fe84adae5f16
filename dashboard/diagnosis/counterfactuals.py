"""What would have to be different: the same configuration with one thing changed, answered from stored runs alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.analysis.differences import Verdict, verdict_of
from dashboard.analysis.estimates import CONFIDENCE, Estimate, estimate
from dashboard.diagnosis.signs import guessing_where_diverged

# What makes a configuration, but for its seed.
FIELDS = (
    "dataset",
    "validation_size",
    "train_size",
    "depth",
    "width",
    "activation",
    "output",
    "initializer",
    "bias_initializer",
    "shortcut",
    "normalization",
    "dropout",
    "l2",
    "optimizer",
    "learning_rate",
    "batch_size",
    "epochs",
)
# Fields that are one change when they change together: each optimiser has a rate of its own, fewer examples at an equal
# number of updates take more epochs, and a shortcut goes around a normalised layer (He et al. 2016). What is asked of
# the data is never changed: another dataset is another task.
COUPLED = (
    frozenset({"optimizer", "learning_rate"}),
    frozenset({"train_size", "epochs"}),
    frozenset({"shortcut", "normalization"}),
)
TASK = frozenset({"dataset", "validation_size"})


@dataclass(frozen=True)
class Counterfactual:
    """One change, and what it does to test accuracy; paired over the seeds that both have."""

    changed: Mapping[str, tuple[Any, Any]]  # field: what it was, what it is instead
    effect: Estimate  # test accuracy with the change less without it
    accuracy: float  # mean test accuracy with the change, over those seeds
    verdict: Verdict  # rise: it helps; fall: it harms

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.changed)


def counterfactuals(runs: pd.DataFrame, configuration: Mapping[str, Any] | pd.Series) -> list[Counterfactual]:
    """Every stored configuration that differs from this one in one thing, the greatest help first.

    The intervals hold together for all of them (Bonferroni), so that the best of many is not taken for a cure by its
    luck. A run that diverged counts as guessing.

    Args:
        runs: one row a run: `FIELDS`, seed, accuracy (test, at its last epoch), diverged (bool).
        configuration: a value for each of `FIELDS`; a row of `runs` will do.
    """
    fields = [field for field in FIELDS if field in runs]
    same = pd.DataFrame({field: runs[field] == configuration[field] for field in fields})
    own = runs[same.all(axis=1)]
    candidates = runs[_one_change(same)]
    if own.empty or candidates.empty:
        return []
    groups = list(candidates.groupby(fields, observed=True, sort=False))
    before = _accuracies(own)
    found = []
    for values, group in groups:
        after = _accuracies(group)
        shared = before.index.intersection(after.index)
        if shared.empty:
            continue
        there = dict(zip(fields, values, strict=True))
        changed = {
            field: (_plain(configuration[field]), _plain(there[field]))
            for field in fields
            if there[field] != configuration[field]
        }
        effect = estimate((after[shared] - before[shared]).to_numpy(np.float64), 1 - (1 - CONFIDENCE) / len(groups))
        found.append(Counterfactual(changed, effect, float(after[shared].mean()), verdict_of(effect)))
    order: dict[Verdict, int] = {"rise": 0, "flat": 1, "cannot_tell": 1, "fall": 2}
    return sorted(found, key=lambda each: (order[each.verdict], -each.effect.mean))


def cures(runs: pd.DataFrame, configuration: Mapping[str, Any] | pd.Series) -> list[Counterfactual]:
    """The single changes that surely help, the greatest help first."""
    return [each for each in counterfactuals(runs, configuration) if each.verdict == "rise"]


def _one_change(same: pd.DataFrame) -> pd.Series:
    """Which rows differ from the configuration in one field, or in fields that change together."""
    task = same[[field for field in TASK if field in same]].all(axis=1)
    differing = (~same).sum(axis=1)
    coupled = [(differing == 2) & ~same[list(pair)].any(axis=1) for pair in COUPLED if pair <= set(same.columns)]
    one: pd.Series = task & np.logical_or.reduce([differing == 1, *coupled])
    return one


def _accuracies(group: pd.DataFrame) -> pd.Series:
    return guessing_where_diverged(group).set_index("seed")["accuracy"]


def _plain(value: Any) -> Any:
    """A Python value, whatever pandas made of it."""
    return value.item() if isinstance(value, np.generic) else value
