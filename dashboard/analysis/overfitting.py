"""Overfitting: over the epochs of one network, and over depth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dashboard.analysis.differences import (
    NEGLIGIBLE,
    NEGLIGIBLE_LOSS,
    Presence,
    best_mean,
    paired_difference,
    verdict_of,
)
from dashboard.analysis.estimates import Estimate, estimate

# Training accuracy below twice what guessing among ten digits gives: nothing has been learned that could be overfitted.
HARDLY_LEARNED = 0.2
# Of training less test accuracy: so many in a hundred images are right only where the network was shown them.
WIDE_GAP = 0.08
FitReading = Literal["overfits", "wide", "unstable", "gap", "gap_open", "none", "training_open", "cannot_tell"]


@dataclass(frozen=True)
class Overfitting:
    """How the held-out loss went after its best epoch, and the gap in accuracy at the end; paired over seeds."""

    best_epoch: int  # by the mean validation loss
    last_epoch: int
    loss_rise: Estimate  # test loss at the last epoch less that at the best epoch, nats
    train_fall: Estimate  # training loss at the best epoch less that at the last epoch, nats
    accuracy_gap: Estimate  # training less test accuracy at the last epoch
    train_accuracy: Estimate  # at the last epoch
    accuracy_change: Estimate  # test accuracy at the last epoch less that at the best epoch
    reading: FitReading

    @property
    def hardly_learned(self) -> bool:
        return self.train_accuracy.mean < HARDLY_LEARNED

    @property
    def verdict(self) -> Presence:
        maybe_wide = self.reading == "gap_open" and self.accuracy_gap.high >= WIDE_GAP
        if maybe_wide or self.reading in ("cannot_tell", "training_open"):
            return "cannot_tell"
        return "yes" if self.reading in ("overfits", "wide") else "no"


def gap(frame: pd.DataFrame, value: str, held_out: str = "test") -> pd.DataFrame:
    """Training less held-out figure of each run (held-out less training for the loss), so that larger means a wider
    gap: the other columns, gap.

    Args:
        frame: split, `value` and columns that name a run and moment (depth, seed, epoch, …).
    """
    keys = [column for column in frame.columns if column not in ("split", "loss", "accuracy")]
    wide = frame.pivot_table(index=keys, columns="split", values=value).reset_index()
    sign = -1 if value == "loss" else 1
    return wide[keys].assign(gap=sign * (wide["train"] - wide[held_out]))


def best_epoch(curves: pd.DataFrame, split: str = "validation") -> int:
    """The epoch at which the mean loss of `split` over the seeds is lowest: where early stopping would stop.

    Only runs that came furthest count, so that the mean is over the same seeds at every epoch.
    """
    table = curves[curves["split"] == split].pivot_table(index="epoch", columns="seed", values="loss")
    complete = table.loc[:, table.notna().sum() == table.notna().sum().max()]
    means = complete.mean(axis=1)
    return int(means.index.to_numpy()[means.to_numpy().argmin()])


def overfitting(curves: pd.DataFrame) -> Overfitting:
    """Overfitting is when the training loss keeps falling while the held-out loss rises (Goodfellow et al. 2016,
    section 5.2); a gap alone is not, unless it is wide.

    The validation set chooses the best epoch, and the test set, which had no part in the choice, says whether the loss
    rises after it: on the set that chose, the chosen epoch looks best by chance alone. The training loss is Keras'
    running mean, which is over the same examples at every epoch; the evaluated one is not (sample, then all).

    Args:
        curves: seed, epoch, split (validation, test, train, train_running), loss, accuracy of one configuration.
    """
    best, last = best_epoch(curves), int(curves["epoch"].max())
    wide = curves.pivot_table(index="seed", columns=["split", "epoch"], values="loss")
    rise = _change(wide, "test", best, last)
    fall = _change(wide, "train_running", last, max(best, 1))  # there is no running mean before training
    accuracy = curves.pivot_table(index="seed", columns=["split", "epoch"], values="accuracy")
    end = gap(curves[curves["epoch"] == last], "accuracy")
    width = estimate(end["gap"].to_numpy())
    trained = estimate(curves.query("split == 'train' and epoch == @last")["accuracy"].to_numpy())
    later = _change(accuracy, "test", best, last)
    return Overfitting(best, last, rise, fall, width, trained, later, _reading(best, last, rise, fall, width))


def overfitting_of_each(metrics: pd.DataFrame) -> dict[int, Overfitting]:
    """`overfitting` at every depth that has all three splits.

    Args:
        metrics: depth and the columns of `curves`.
    """
    needed = {"train", "validation", "test"}
    return {
        depth: overfitting(rows)
        for depth in sorted(int(each) for each in metrics["depth"].unique())
        if needed <= set((rows := metrics[metrics["depth"] == depth])["split"])
    }


def _change(wide: pd.DataFrame, split: str, before: int, after: int) -> Estimate:
    if not {(split, before), (split, after)} <= set(wide.columns):
        return estimate(np.array([]))
    return estimate((wide[split, after] - wide[split, before]).to_numpy())


def _reading(best: int, last: int, rise: Estimate, fall: Estimate, width: Estimate) -> FitReading:
    """The named rule, in this order.

    cannot_tell: a single seed. wide, gap, none or gap_open: the held-out loss does not rise after its best epoch by an
    amount that matters, and the gap is surely wide, or surely above zero and maybe large enough to matter, or surely
    not, or cannot be told. overfits: the held-out loss rises, while the training loss falls. unstable: it rises, and
    the training loss does not fall by an amount that matters. training_open: it rises, and what the training loss does
    cannot be told. cannot_tell: anything else.
    """
    if not rise.certain:
        return "cannot_tell"
    if best == last or rise.high < NEGLIGIBLE_LOSS:
        if width.low >= WIDE_GAP:
            return "wide"
        if verdict_of(width) == "rise":
            return "gap"
        return "none" if width.high < NEGLIGIBLE else "gap_open"
    if rise.low > 0:
        return "overfits" if fall.low > 0 else "unstable" if fall.high < NEGLIGIBLE_LOSS else "training_open"
    return "cannot_tell"


@dataclass(frozen=True)
class DepthOverfitting:
    """What more layers do to the training and the held-out loss at the last epoch, paired over seeds."""

    best: int  # the depth with the lowest mean validation loss
    deepest: int
    train: Estimate  # training loss at the deepest less that at the best depth, nats
    held_out: Estimate  # the same of the test loss
    accuracy: Estimate  # the same of the test accuracy
    verdict: Presence

    @property
    def slight(self) -> bool:
        """Overfitting that is sure, but not sure to matter."""
        return self.verdict == "yes" and self.held_out.low < NEGLIGIBLE_LOSS

    @property
    def underfits(self) -> bool:
        """The deepest networks are worse on held-out data, and on the training data too: the opposite."""
        return self.held_out.low > 0 and self.train.low > 0 and self.held_out.high >= NEGLIGIBLE_LOSS


def overfitting_by_depth(frame: pd.DataFrame) -> DepthOverfitting:
    """Whether the deepest networks fit the training data better than the best depth, and held-out data worse.

    As in `overfitting`, validation chooses and the test set judges.

    Args:
        frame: depth, seed, split, loss, accuracy at the last epoch.
    """
    loss = {split: frame[frame["split"] == split] for split in ("train", "validation", "test")}
    best, deepest = best_mean(loss["validation"], "loss"), int(frame["depth"].max())
    train, test = (paired_difference(loss[split], "loss", best, deepest) for split in ("train", "test"))
    verdict: Presence = "cannot_tell"
    if best == deepest or test.estimate.high < NEGLIGIBLE_LOSS:
        verdict = "no"
    elif test.estimate.low > 0:
        trained = verdict_of(train.estimate, NEGLIGIBLE_LOSS)
        falls = train.estimate.high < 0  # also by less than matters
        verdict = "yes" if falls else "cannot_tell" if trained == "cannot_tell" else "no"
    tests = frame[frame["split"] == "test"]
    accuracy = paired_difference(tests, "accuracy", best, deepest)
    return DepthOverfitting(best, deepest, train.estimate, test.estimate, accuracy.estimate, verdict)
