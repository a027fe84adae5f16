"""The rules for a sweep over depth: does more depth change anything, and if it does harm, of which kind is the harm?

Runs of one configuration that differ in depth and seed alone. Everything is paired over seeds: runs with the same seed
saw the same batches. First an omnibus test asks whether depth matters at all; only then is any difference named.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from dashboard.analysis.budget import Budget, budget
from dashboard.analysis.differences import (
    NEGLIGIBLE,
    Difference,
    Presence,
    Verdict,
    best_mean,
    chosen_by_others,
    paired_difference,
)
from dashboard.analysis.estimates import CONFIDENCE, Estimate
from dashboard.analysis.gradients import Shrinkage, shrinkage, vanishing
from dashboard.analysis.logic import both, either, opposite
from dashboard.analysis.overfitting import overfitting_by_depth
from dashboard.diagnosis import thresholds
from dashboard.diagnosis.signs import guessing_where_diverged

Strength = Presence | Literal["tiny"]  # tiny: it is there, but changes the accuracy by less than anybody would notice
Kind = Literal["exploding", "vanishing", "overfitting", "budget", "degradation", "noise"]
KindVerdict = Literal[Kind, "degradation_open", "tiny", "none", "cannot_tell"]

# Where the mean does not fall, a fall in one experiment is its seed's; where that is not known, neither is this.
NOISE: dict[Verdict, Presence] = {"rise": "yes", "flat": "yes", "fall": "no", "cannot_tell": "cannot_tell"}
WITHOUT_A_FALL: dict[Verdict, KindVerdict] = {"rise": "none", "flat": "noise", "cannot_tell": "cannot_tell"}
PERMUTATIONS = 1_999  # enough to place a p-value of 0.05 within 0.01
MOST_SEEDS = 1_000  # nobody trains more to decide one question
POWER = 0.8  # the chance with which the further seeds that we name would decide


@dataclass(frozen=True)
class Change:
    """What happens between two depths, and why."""

    before: int
    after: int
    test: Difference  # test accuracy
    train: Difference  # training accuracy, for falls that the training data share
    train_loss: Difference
    test_loss: Difference
    diverged: float  # share of the runs at `after` that diverged
    flow: Shrinkage | None  # of δ at `after`, before training
    budget: Budget | None  # of the runs at `after`
    causes: Mapping[Kind, Strength]  # each kind of harm: at work, tiny, ruled out, or cannot tell
    kind: KindVerdict  # of the fall; none where accuracy rises for sure
    further_seeds: int | None  # that would decide where the verdict is cannot tell; None where it is not, or none would

    @property
    def verdict(self) -> Verdict:
        return self.test.verdict

    @property
    def tiny(self) -> bool:
        return is_tiny(self.test.estimate)


@dataclass(frozen=True)
class SweepDiagnosis:
    """What depth does to one family of networks."""

    depths: tuple[int, ...]
    effect: Presence  # whether depth matters at all to test accuracy
    p_value: float  # of the omnibus test
    best: int  # by mean test accuracy
    whole: Change  # from the best depth to the deepest
    # Whom `whole` compares the deepest with: each seed has the depth that the other seeds call the best.
    rivals: tuple[int, ...] = ()
    # By the losses, from the depth with the lowest validation loss to the deepest; None where the fall itself shows it.
    overfits_from: int | None = None
    lacking: int | None = None  # seeds that every depth lacks for anything to be said; None where they suffice

    @property
    def verdict(self) -> Verdict:
        """What the whole curve does from its best depth to the deepest; without an effect there is neither rise nor
        fall."""
        found = self.whole.verdict
        return found if self.effect == "yes" or found == "flat" else "cannot_tell"


def diagnose(runs: pd.DataFrame, curves: pd.DataFrame, start: pd.DataFrame) -> SweepDiagnosis | None:
    """Diagnoses a sweep; None where fewer than two depths are stored.

    Args:
        runs: depth, seed, split (train, validation, test), loss, accuracy at the last epoch, diverged (bool); a run
            that diverged has the accuracy of guessing.
        curves: depth, seed, epoch, split, loss, accuracy.
        start: depth, seed, layer, delta_rms, weight_gain, slope_gain before training.
    """
    depths = tuple(sorted(int(depth) for depth in runs["depth"].unique()))
    if len(depths) < 2:
        return None
    test = runs[runs["split"] == "test"]
    p_value = omnibus(test)
    complete = len(test.pivot_table(index="seed", columns="depth", values="accuracy").dropna())
    effect = _effect(p_value, complete, len(depths))
    best = best_mean(test, "accuracy")
    if best == depths[-1]:
        whole = compare(runs, curves, start, depths[0], best, 1)
    else:
        whole = compare(_best_by_others(runs, best, depths[-1]), curves, start, best, depths[-1], 1)
    rivals = tuple(sorted({int(depth) for depth in chosen_by_others(test, "accuracy")})) if best != depths[-1] else ()
    overfits_from = None
    if whole.kind != "overfitting" and whole.causes["degradation"] != "yes":  # else it is known
        overfits, overfits_from = _overfitting(runs[~runs["diverged"]])
        whole = replace(whole, causes={**whole.causes, "overfitting": overfits})
    lacking = seeds_to_judge(len(depths)) - complete if effect == "cannot_tell" else None
    return SweepDiagnosis(depths, effect, p_value, best, whole, rivals, overfits_from, lacking)


def _overfitting(runs: pd.DataFrame) -> tuple[Strength, int | None]:
    """Whether depth overfits, by the losses, which show it before the accuracy does: from the depth with the lowest
    validation loss, which is the second value, to the deepest."""
    if runs["depth"].nunique() < 2:
        return "cannot_tell", None
    found = overfitting_by_depth(runs)
    tiny = found.verdict == "yes" and abs(found.accuracy.mean) < NEGLIGIBLE
    return "tiny" if tiny else found.verdict, found.best


def steps(runs: pd.DataFrame, curves: pd.DataFrame, start: pd.DataFrame) -> list[Change]:
    """Each depth against the one before it, with intervals that hold together; arguments as for `diagnose`."""
    depths = sorted(int(depth) for depth in runs["depth"].unique())
    return [
        compare(runs, curves, start, before, after, len(depths) - 1) for before, after in itertools.pairwise(depths)
    ]


def any_two(runs: pd.DataFrame, curves: pd.DataFrame, start: pd.DataFrame, before: int, after: int) -> Change:
    """Two depths that somebody picked, perhaps after looking: the intervals hold for every pair at once."""
    depths = runs["depth"].nunique()
    return compare(runs, curves, start, before, after, max(1, depths * (depths - 1) // 2))


def _best_by_others(runs: pd.DataFrame, best: int, deepest: int) -> pd.DataFrame:
    """The deepest runs and, as depth `best`, each seed's runs at the depth that the other seeds call the best."""
    choice = chosen_by_others(runs[runs["split"] == "test"], "accuracy")
    chosen = runs[runs["depth"] == runs["seed"].map(choice)].assign(depth=best)
    return pd.concat([chosen, runs[runs["depth"] == deepest]])


def ends(metrics: pd.DataFrame) -> pd.DataFrame:
    """The last epoch of each run, from a family's metrics; a run that diverged has the accuracy of guessing.

    Args:
        metrics: depth, seed, epoch, split, loss, accuracy, diverged.
    """
    last = metrics.groupby(["depth", "seed"])["epoch"].transform("max")
    rows = metrics[metrics["epoch"] == last]
    return guessing_where_diverged(rows)


def compare(
    runs: pd.DataFrame, curves: pd.DataFrame, start: pd.DataFrame, before: int, after: int, comparisons: int
) -> Change:
    """What happens between two depths; intervals hold together for as many `comparisons` (Bonferroni)."""
    split = {name: runs[runs["split"] == name] for name in ("train", "test")}
    test = paired_difference(split["test"], "accuracy", before, after, comparisons)
    train = paired_difference(split["train"], "accuracy", before, after, comparisons)
    finite = {name: rows[~rows["diverged"]] for name, rows in split.items()}  # a diverged loss has no size
    train_loss = paired_difference(finite["train"], "loss", before, after, comparisons)
    test_loss = paired_difference(finite["test"], "loss", before, after, comparisons)
    there = split["test"][split["test"]["depth"] == after]
    diverged = float(there["diverged"].mean()) if len(there) else 0.0
    flow = shrinkage(start, after)
    deep = curves[curves["depth"] == after]
    spent = budget(deep) if len(deep) and "test" in set(deep["split"]) else None
    causes = _causes(
        test, train, train_loss, test_loss, diverged, _vanishing(flow, after), _exploding(flow, after), spent
    )
    undecided = test.verdict == "cannot_tell"
    return Change(
        before,
        after,
        test,
        train,
        train_loss,
        test_loss,
        diverged,
        flow,
        spent,
        causes,
        _kind(test.verdict, is_tiny(test.estimate), causes),
        further_seeds(test.estimate, comparisons) if undecided else None,
    )


def is_tiny(found: Estimate) -> bool:
    """The accuracy surely changes, but in the mean by less than anybody would notice."""
    return found.certain and (found.low > 0 or found.high < 0) and abs(found.mean) < NEGLIGIBLE


def _causes(
    test: Difference,
    train: Difference,
    train_loss: Difference,
    test_loss: Difference,
    diverged: float,
    vanishes: Presence,
    explodes: Presence,
    spent: Budget | None,
) -> dict[Kind, Strength]:
    """Which kinds of harm are at work between two depths.

    vanishing, exploding: δ shrinks or grows on its way back before training, by the rule of `analysis/gradients.py`;
    runs that diverge count as exploding. overfitting: the training loss falls and the held-out loss rises, or test
    accuracy falls while training accuracy surely does not; never where both fall. budget: the deeper networks still
    gained, in the last quarter of their budget, a good part of what they lack. degradation: training accuracy falls too
    (He et al. 2016, "Deep residual learning for image recognition", section 1). noise: the mean does not fall, so that
    a fall in one experiment is its seed's.
    """
    falls = _presence(test, "fall")
    train_falls = _presence(train, "fall")
    lack = -test.estimate.mean
    catching_up = (
        spent is not None
        and spent.gain.certain
        and spent.too_short == "yes"
        and spent.gain.mean >= thresholds.CATCHING_UP.limit * lack
    )
    budget_presence: Presence = (
        "cannot_tell" if spent is None or spent.too_short == "cannot_tell" else "yes" if catching_up else "no"
    )
    degradation = both(falls, train_falls)
    overfitting = either(
        both(_presence(train_loss, "fall"), _presence(test_loss, "rise")),
        both(falls, opposite(train_falls)),
    )
    return {
        "exploding": "yes" if diverged > thresholds.DIVERGED_SHARE.limit else explodes,
        "vanishing": vanishes,
        "overfitting": "no" if degradation == "yes" else overfitting,
        "budget": budget_presence,
        "degradation": degradation,
        "noise": NOISE[test.verdict],
    }


def _kind(verdict: Verdict, tiny: bool, causes: Mapping[Kind, Strength]) -> KindVerdict:
    """The kind of a fall: the strongest cause that goes with what the training accuracy does."""
    if tiny:
        return "tiny"
    if verdict != "fall":
        return WITHOUT_A_FALL[verdict]
    if causes["degradation"] == "yes":  # the training data suffer too: no kind of overfitting
        for kind in ("exploding", "vanishing", "budget"):
            if causes[kind] == "yes":
                return kind
        unknown = "cannot_tell" in {causes[kind] for kind in ("exploding", "vanishing", "budget")}
        return "degradation_open" if unknown else "degradation"
    return "overfitting" if causes["overfitting"] == "yes" else "cannot_tell"


def _presence(difference: Difference, wanted: Literal["rise", "fall"]) -> Presence:
    if difference.verdict == "cannot_tell":
        return "cannot_tell"
    return "yes" if difference.verdict == wanted else "no"


def _vanishing(flow: Shrinkage | None, depth: int) -> Presence:
    """Whether δ vanishes on its way back; below two hidden layers it has no way to go."""
    return vanishing(flow) if depth >= 2 else "no"


def _exploding(flow: Shrinkage | None, depth: int) -> Presence:
    """Whether δ grows on its way back by more in all than `EXPLODING_TOTAL`."""
    if depth < 2:
        return "no"
    if flow is None or not flow.total.certain:
        return "cannot_tell"
    if flow.total.low > thresholds.EXPLODING_TOTAL.limit:
        return "yes"
    return "no" if flow.total.high < thresholds.EXPLODING_TOTAL.limit else "cannot_tell"


def _effect(p_value: float, seeds: int, depths: int) -> Presence:
    """Whether depth matters; cannot tell where so few seeds could not show it if a single depth differed."""
    if not p_value > thresholds.OMNIBUS.limit:
        return "cannot_tell" if math.isnan(p_value) else "yes"
    return "cannot_tell" if smallest_p(seeds, depths) > thresholds.OMNIBUS.limit else "no"


def seeds_to_judge(depths: int) -> int:
    """How many seeds every depth needs, for the omnibus test to be able to find an effect at all."""
    return next(seeds for seeds in itertools.count(2) if smallest_p(seeds, depths) <= thresholds.OMNIBUS.limit)


def smallest_p(seeds: int, depths: int) -> float:
    """The smallest p-value of `permutation_test` where one depth differs and the others are alike: the chance that it
    stands in the same place in every seed. (Where all depths differ it can be smaller still.)"""
    return 1.0 / float(depths ** (seeds - 1))


def omnibus(frame: pd.DataFrame, value: str = "accuracy") -> float:
    """The p-value of "depth makes no difference", by `permutation_test`; over the seeds that were trained at every
    depth. Not a number with fewer than two of them.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    values = frame.pivot_table(index="seed", columns="depth", values=value).dropna().to_numpy(np.float64)
    return permutation_test(values) if min(values.shape) > 1 else math.nan


def permutation_test(values: NDArray[np.float64], permutations: int = PERMUTATIONS) -> float:
    """The p-value of "the columns do not differ", with the labels of the columns permuted within each row.

    If they do not, the values of one row could have changed places: so the test holds whatever the distribution
    (Pesarin & Salmaso 2010). Its statistic is the spread of the column means. With two columns it is the sign-flip test
    of the paired differences.

    Args:
        values: (rows, columns), here seeds and depths.
    """
    as_seen = _spread(values)
    by_chance = _spread(np.take_along_axis(values[None], _orders(permutations, *values.shape), axis=2))
    # What was seen is one of the permutations that there are; rounding must not tell equal ones apart.
    return float((1 + (by_chance >= as_seen * (1 - 1e-9)).sum()) / (1 + permutations))


@lru_cache(maxsize=16)
def _orders(permutations: int, rows: int, columns: int) -> NDArray[np.intp]:
    """Random orders of the columns, drawn for each row alone: (permutations, rows, columns)."""
    return np.random.default_rng(0).random((permutations, rows, columns)).argsort(axis=2)


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance over the columns of the means over the rows: (…, rows, columns) to (…)."""
    return np.asarray(values.mean(axis=-2).var(axis=-1))


def further_seeds(found: Estimate, comparisons: int = 1, small: float = NEGLIGIBLE) -> int | None:
    """How many more seeds would decide, with a chance of `POWER`, if mean and spread stay what they are now.

    Decided is: the interval excludes zero, or lies within ±`small`. None where `MOST_SEEDS` would not do.
    """
    if not found.certain or not np.isfinite(found.low):
        return None
    level = (1 + 1 - (1 - CONFIDENCE) / comparisons) / 2
    spread = (found.high - found.low) / 2 / stdtrit(found.seeds - 1, level) * np.sqrt(found.seeds)
    distance = max(abs(found.mean), small - abs(found.mean))
    seeds = np.arange(found.seeds + 1, MOST_SEEDS + 1)
    needed = (stdtrit(seeds - 1, level) + stdtrit(seeds - 1, POWER)) * spread / np.sqrt(seeds)
    enough = seeds[needed < distance]
    return int(enough[0]) - found.seeds if len(enough) else None
