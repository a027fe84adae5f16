"""From measurements to numbers and verdicts: pure functions of DataFrames."""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Verdict = Literal["rise", "fall", "flat", "cannot_tell"]

# A difference in accuracy below this is of no practical interest on MNIST: 0.2 percentage points, 20 test images.
NEGLIGIBLE = 0.002
# The same for a loss, in nats: the (geometric mean) probability given to the right digit changes by half a per cent.
NEGLIGIBLE_LOSS = 0.005
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval (Student's t); without one where there is a single seed."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def certain(self) -> bool:
        return self.seeds > 1


def estimate(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    n = len(finite)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(finite.mean())
    if n == 1:
        return Estimate(mean, -np.inf, np.inf, 1)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * finite.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def bands(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Mean and 95 % interval of `value` over the seeds, for each combination of `by`: by…, mean, low, high, seeds."""
    groups = frame.groupby(by, observed=True, sort=True)[value]
    table = groups.agg(mean="mean", spread="std", seeds="count").reset_index()
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(table["seeds"] - 1, 1))
    half = np.where(table["seeds"] > 1, quantile * table["spread"] / np.sqrt(table["seeds"]), np.nan)
    return table.assign(low=table["mean"] - half, high=table["mean"] + half)


@dataclass(frozen=True)
class Difference:
    """Accuracy (or another figure) at depth `after` less that at depth `before`, paired over seeds."""

    before: int
    after: int
    estimate: Estimate
    verdict: Verdict


def negligible(value: str) -> float:
    """The size below which a difference in `value` (accuracy or loss) is of no practical interest."""
    return NEGLIGIBLE_LOSS if value == "loss" else NEGLIGIBLE


def paired_difference(frame: pd.DataFrame, value: str, before: int, after: int, comparisons: int = 1) -> Difference:
    """Compares two depths by the difference within each seed.

    Runs with the same seed saw the same batches, so that the difference within a seed is much sharper than that of two
    means. With several comparisons the interval is widened (Bonferroni), so that all of them hold together at 95 %.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    table = frame.pivot_table(index="seed", columns="depth", values=value)
    if before not in table or after not in table:
        return Difference(before, after, Estimate(np.nan, np.nan, np.nan, 0), "cannot_tell")
    values = (table[after] - table[before]).dropna().to_numpy()
    result = estimate(values, 1 - (1 - CONFIDENCE) / comparisons)
    return Difference(before, after, result, verdict_of(result, negligible(value)))


def neighbouring_differences(frame: pd.DataFrame, value: str) -> list[Difference]:
    """Each depth against the next smaller one, with intervals that hold together."""
    depths = sorted(frame["depth"].unique())
    pairs = list(itertools.pairwise(depths))
    return [paired_difference(frame, value, int(before), int(after), len(pairs)) for before, after in pairs]


def verdict_of(difference: Estimate, small: float = NEGLIGIBLE) -> Verdict:
    """rise or fall where the interval excludes zero; flat where it lies within ±small; else it cannot be told."""
    if not difference.certain:
        return "cannot_tell"
    if -small < difference.low and difference.high < small:
        return "flat"
    if difference.low > 0:
        return "rise"
    if difference.high < 0:
        return "fall"
    return "cannot_tell"


def one_seed_illusion(frame: pd.DataFrame, value: str, depths: list[int], early: list[int], then: int) -> float:
    """The share of one-seed experiments that show their best depth early, and a fall right after.

    An experiment draws one run for each of `depths`, independently, as someone does who trains each network once.
    Counted are those whose best figure lies strictly among `early`, and whose figure at `then` is below the one at the
    last of `early`. Exact over all combinations of the stored runs, not sampled.

    Returns:
        A share between 0 and 1; not a number where a depth has no run.
    """
    samples = {depth: np.sort(frame.loc[frame["depth"] == depth, value].to_numpy()) for depth in depths}
    if any(len(values) == 0 for values in samples.values()):
        return float("nan")
    corners = np.stack(np.meshgrid(*(samples[depth] for depth in early), indexing="ij"), axis=-1)
    corners = corners.reshape(-1, len(early))
    best, last = corners.max(axis=1), corners[:, -1]
    chance = _share_below(samples[then], np.minimum(best, last))
    for depth in depths:
        if depth not in early and depth != then:
            chance = chance * _share_below(samples[depth], best)
    return float(chance.mean())


def _share_below(sorted_values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.searchsorted(sorted_values, limits, side="left") / len(sorted_values)


@dataclass(frozen=True)
class Shrinkage:
    """What happens to the error δ on its way from the last hidden layer back to the first, as factors a layer.

    `per_layer` = `weights` · `slope`, geometric means over the layers passed; `total` is their product over all of
    them, so that 1 means that nothing is lost and 0.01 that a hundredth arrives. Intervals are over seeds.
    """

    per_layer: Estimate
    weights: Estimate
    slope: Estimate
    total: Estimate

    @property
    def slope_share(self) -> float:
        """How much of the logarithm of the shrinkage is the slope's: 1 is all of it, 0 none, above 1 if the weights
        work against it."""
        logarithm = np.log(self.per_layer.mean)
        return float(np.log(self.slope.mean) / logarithm) if logarithm else float("nan")


def shrinkage(statistics: pd.DataFrame, depth: int) -> Shrinkage | None:
    """The shrinkage at one depth, from the layer statistics of one activation and epoch; None below two hidden layers.

    Args:
        statistics: depth, seed, layer, delta_rms, weight_gain, slope_gain.
    """
    rows = statistics[(statistics["depth"] == depth) & (statistics["layer"] < depth)]
    if depth < 2 or rows.empty:
        return None
    with np.errstate(divide="ignore"):
        logs = rows[["weight_gain", "slope_gain"]].astype(np.float64).transform(np.log)
    logs = logs.replace(-np.inf, np.nan).assign(seed=rows["seed"])
    means = logs.groupby("seed")[["weight_gain", "slope_gain"]].mean()
    together = means.sum(axis=1, min_count=2)
    return Shrinkage(
        per_layer=_exponential(estimate(together.to_numpy())),
        weights=_exponential(estimate(means["weight_gain"].to_numpy())),
        slope=_exponential(estimate(means["slope_gain"].to_numpy())),
        total=_exponential(estimate((depth - 1) * together.to_numpy())),
    )


def _exponential(logarithm: Estimate) -> Estimate:
    return Estimate(
        float(np.exp(logarithm.mean)), float(np.exp(logarithm.low)), float(np.exp(logarithm.high)), logarithm.seeds
    )


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


Presence = Literal["yes", "no", "cannot_tell"]

# A gradient vanishes with depth where less than half of δ survives each layer: of ten layers' error, a thousandth
# arrives. It does not where more than half survives; between, the interval decides, or nothing can be told.
VANISHING_FACTOR = 0.5
# The last quarter of the budget still buys this much test accuracy: then it was too short.
UNDERTRAINED_GAIN = NEGLIGIBLE


def vanishing(found: Shrinkage | None) -> Presence:
    """Whether δ vanishes on its way back, by the interval of its factor a layer, which depth alone cannot fool."""
    if found is None or not found.per_layer.certain:
        return "cannot_tell"
    if found.per_layer.high < VANISHING_FACTOR:
        return "yes"
    return "no" if found.per_layer.low > VANISHING_FACTOR else "cannot_tell"


# Training accuracy below twice what guessing among ten digits gives: nothing has been learned that could be overfitted.
HARDLY_LEARNED = 0.2
FitReading = Literal["overfits", "unstable", "gap", "none", "cannot_tell"]


@dataclass(frozen=True)
class Overfitting:
    """How the held-out loss went after its best epoch, and the gap in accuracy at the end; paired over seeds."""

    best_epoch: int  # by the mean validation loss
    last_epoch: int
    loss_rise: Estimate  # test loss at the last epoch less that at the best epoch, nats
    train_fall: Estimate  # training loss at the best epoch less that at the last epoch, nats
    accuracy_gap: Estimate  # training less test accuracy at the last epoch
    train_accuracy: Estimate  # at the last epoch
    reading: FitReading

    @property
    def hardly_learned(self) -> bool:
        return self.train_accuracy.mean < HARDLY_LEARNED

    @property
    def verdict(self) -> Presence:
        if self.reading == "cannot_tell":
            return "cannot_tell"
        return "yes" if self.reading == "overfits" else "no"


def overfitting(curves: pd.DataFrame) -> Overfitting:
    """Overfitting is when the training loss keeps falling while the held-out loss rises (Goodfellow et al. 2016,
    section 5.2); a gap alone is not.

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
    end = gap(curves[curves["epoch"] == last], "accuracy")
    width = estimate(end["gap"].to_numpy())
    trained = estimate(curves.query("split == 'train' and epoch == @last")["accuracy"].to_numpy())
    return Overfitting(best, last, rise, fall, width, trained, _reading(best, last, rise, fall, width))


def _change(wide: pd.DataFrame, split: str, before: int, after: int) -> Estimate:
    if not {(split, before), (split, after)} <= set(wide.columns):
        return estimate(np.array([]))
    return estimate((wide[split, after] - wide[split, before]).to_numpy())


def _reading(best: int, last: int, rise: Estimate, fall: Estimate, width: Estimate) -> FitReading:
    """The named rule, in this order.

    cannot_tell: a single seed. gap or none, by whether the gap is surely above zero and may be large enough to matter:
    the held-out loss does not rise after its best epoch by an amount that matters. overfits: it rises, while the
    training loss falls. unstable: it rises, and the training loss does not fall. cannot_tell: anything else.
    """
    if not rise.certain:
        return "cannot_tell"
    if best == last or rise.high < NEGLIGIBLE_LOSS:
        return "gap" if verdict_of(width) == "rise" else "none"
    if rise.low > 0:
        return "overfits" if fall.low > 0 else "unstable"
    return "cannot_tell"


@dataclass(frozen=True)
class Budget:
    """What the last epochs still gained in test accuracy, paired over seeds."""

    since: int
    last: int
    gain: Estimate
    too_short: Presence


def budget(curves: pd.DataFrame) -> Budget:
    """Whether training ended too soon: did the last quarter of the epochs still gain more than is negligible?"""
    last = int(curves["epoch"].max())
    since = last - max(1, last // 4)
    wide = curves[curves["split"] == "test"].pivot_table(index="seed", columns="epoch", values="accuracy")
    gain = estimate((wide[last] - wide[since]).to_numpy())
    if not gain.certain:
        return Budget(since, last, gain, "cannot_tell")
    if gain.low > UNDERTRAINED_GAIN:
        return Budget(since, last, gain, "yes")
    return Budget(since, last, gain, "no" if gain.high < UNDERTRAINED_GAIN else "cannot_tell")


def draw_one_seed(frame: pd.DataFrame, value: str, draw: int) -> pd.DataFrame:
    """One run per depth, drawn independently, as by someone who trains each network once: depth, `value`.

    The same `draw` always gives the same runs, so that a link shows them again.
    """
    generator = np.random.default_rng(draw)
    picked = [
        (int(depth), float(generator.choice(frame[frame["depth"] == depth].sort_values("seed")[value].to_numpy())))
        for depth in sorted(frame["depth"].unique())
    ]
    return pd.DataFrame(picked, columns=["depth", value])


@dataclass(frozen=True)
class BestDepth:
    """The depth with the best mean, and those that cannot be shown to be worse by an amount that matters."""

    depth: int
    rivals: list[int]


def best_depth(frame: pd.DataFrame, value: str) -> BestDepth:
    """The highest mean accuracy or the lowest mean loss over the seeds, with its rivals.

    Args:
        frame: depth, seed and `value`; one row a run.
    """
    means = frame.groupby("depth")[value].mean() * _direction(value)
    best = int(means.index.to_numpy()[means.argmax()])
    worse = "rise" if value == "loss" else "fall"
    others = [int(depth) for depth in means.index if depth != best]
    return BestDepth(best, [depth for depth in others if difference_of_any(frame, value, best, depth).verdict != worse])


def difference_of_any(frame: pd.DataFrame, value: str, before: int, after: int) -> Difference:
    """A paired difference whose interval holds whichever two depths were picked, also after looking at the data."""
    depths = frame["depth"].nunique()
    return paired_difference(frame, value, before, after, max(1, depths * (depths - 1) // 2))


def largest_step(differences: list[Difference]) -> Difference | None:
    """The difference with the largest mean in either direction; None where no seed can be compared."""
    known = [difference for difference in differences if difference.estimate.seeds]
    return max(known, key=lambda difference: abs(difference.estimate.mean), default=None)


def worst_step(differences: list[Difference], value: str) -> Difference | None:
    """The difference that harms most (accuracy falls, loss rises); None where each one is for the better."""
    sign = _direction(value)
    harmful = [difference for difference in differences if difference.estimate.mean * sign < 0]
    return min(harmful, key=lambda difference: difference.estimate.mean * sign, default=None)


def improves(difference: Estimate, value: str) -> bool:
    """Whether a difference in accuracy or loss is surely for the better."""
    return difference.certain and (difference.high < 0 if value == "loss" else difference.low > 0)


def _direction(value: str) -> int:
    return -1 if value == "loss" else 1


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
    best, deepest = best_depth(loss["validation"], "loss").depth, int(frame["depth"].max())
    train, test = (paired_difference(loss[split], "loss", best, deepest) for split in ("train", "test"))
    verdict: Presence = "cannot_tell"
    if best == deepest or test.estimate.high < NEGLIGIBLE_LOSS:
        verdict = "no"
    elif test.estimate.low > 0:
        verdict = "yes" if train.estimate.high < 0 else "no"
    tests = frame[frame["split"] == "test"]
    accuracy = paired_difference(tests, "accuracy", best, deepest)
    return DepthOverfitting(best, deepest, train.estimate, test.estimate, accuracy.estimate, verdict)


Flow = Literal["vanishing", "fading", "kept", "growing", "exploding", "cannot_tell"]
LargerPart = Literal["slope", "weights", "cannot_tell"]

# A factor a layer within 10 % of 1 loses nothing that matters: after ten layers, more than a third is still there.
NEGLIGIBLE_SHRINKAGE = 0.9


def flow_of(per_layer: Estimate) -> Flow:
    """What becomes of δ on its way back: `vanishing` in finer grades, by the interval of the factor a layer.

    vanishing: below VANISHING_FACTOR; exploding: above its inverse. Between the two, fading and growing, where the
    interval excludes 1 and reaches beyond NEGLIGIBLE_SHRINKAGE; kept where it does not.
    """
    if not per_layer.certain or per_layer.low <= VANISHING_FACTOR <= per_layer.high:
        return "cannot_tell"
    if per_layer.high < VANISHING_FACTOR:
        return "vanishing"
    if per_layer.low > 1 / VANISHING_FACTOR:
        return "exploding"
    if per_layer.low < NEGLIGIBLE_SHRINKAGE and per_layer.high < 1:
        return "fading"
    if per_layer.high > 1 / NEGLIGIBLE_SHRINKAGE and per_layer.low > 1:
        return "growing"
    return "kept"


def larger_part(split: Shrinkage) -> LargerPart:
    """Which of the two shrinks δ more, the slope of the activation or the weights, where their intervals are apart."""
    if not (split.slope.certain and split.weights.certain):
        return "cannot_tell"
    if split.slope.high < split.weights.low:
        return "slope"
    if split.weights.high < split.slope.low:
        return "weights"
    return "cannot_tell"


def geometric_bands(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Like `bands`, of the logarithms: geometric mean and its interval, never negative. Zeros are left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = frame[value].astype(np.float64).transform(np.log).replace([np.inf, -np.inf], np.nan)
    table = bands(frame[by].assign(logarithm=logs), by, "logarithm").dropna(subset="mean")
    return table.assign(**{column: np.exp(table[column]) for column in ("mean", "low", "high")})


@dataclass(frozen=True)
class Movement:
    """By how much of its own size a layer's kernel changes in one step: the first and the last hidden layer."""

    first: Estimate
    last: Estimate
    ratio: Estimate


def movement(statistics: pd.DataFrame, depth: int) -> Movement | None:
    """How much the first hidden layer still moves, against the last; None below two hidden layers or without updates.

    Args:
        statistics: depth, seed, layer, update_ratio.
    """
    rows = statistics[(statistics["depth"] == depth) & (statistics["update_ratio"] > 0)]
    table = rows.pivot_table(index="seed", columns="layer", values="update_ratio")
    if depth < 2 or 1 not in table or depth not in table:
        return None
    first = np.log(table[1].to_numpy(np.float64))
    last = np.log(table[depth].to_numpy(np.float64))
    if not np.isfinite(first - last).any():
        return None
    return Movement(*(_exponential(estimate(logs)) for logs in (first, last, first - last)))


def pooled_density(
    edges: list[NDArray[np.float64]], counts: list[NDArray[np.int64]], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Histograms with bins of their own, brought onto a common grid and averaged, each with the same weight.

    Args:
        edges: (bins + 1,) per histogram.
        counts: (bins,) per histogram.
        grid: ascending edges of the common bins.

    Returns:
        (len(grid) - 1,) shares of the values per unit of the quantity; zeros where there is no value at all.
    """
    shares = [
        np.diff(np.interp(grid, own, np.concatenate([[0.0], np.cumsum(number) / np.sum(number)]), left=0.0, right=1.0))
        for own, number in zip(edges, counts, strict=True)
        if np.sum(number) > 0
    ]
    return np.mean(shares, axis=0) / np.diff(grid) if shares else np.zeros(len(grid) - 1)


def quantile_range(
    edges: list[NDArray[np.float64]], counts: list[NDArray[np.int64]], coverage: float
) -> tuple[float, float]:
    """The narrowest range that holds the middle `coverage` of every histogram; (0, 0) where there is no value."""
    tails = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    ends = [
        np.interp(tails, np.concatenate([[0.0], np.cumsum(number) / np.sum(number)]), own)
        for own, number in zip(edges, counts, strict=True)
        if np.sum(number) > 0
    ]
    if not ends:
        return 0.0, 0.0
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))
