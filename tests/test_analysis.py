"""Numbers and verdicts, on data small enough to know the right answer."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dashboard import analysis
from dashboard.analysis import Difference, Estimate


def runs(values: dict[int, list[float]], name: str = "accuracy") -> pd.DataFrame:
    """One row a run: depth, seed, value."""
    return pd.DataFrame(
        [(depth, seed, value) for depth, group in values.items() for seed, value in enumerate(group)],
        columns=["depth", "seed", name],
    )


def curves(**splits: list[list[float]]) -> pd.DataFrame:
    """Losses by split, seed and epoch; the accuracy is one less the loss, and the running mean starts at epoch 1."""
    rows = [
        (seed, epoch, split, loss, 1 - loss)
        for split, seeds in splits.items()
        for seed, losses in enumerate(seeds)
        for epoch, loss in enumerate(losses)
        if not (split == "train_running" and epoch == 0)
    ]
    return pd.DataFrame(rows, columns=["seed", "epoch", "split", "loss", "accuracy"])


def alike(losses: list[float], seeds: int = 4, noise: float = 1e-4) -> list[list[float]]:
    """The same curve for several seeds, each with a small step of its own at the last epoch."""
    return [[*losses[:-1], losses[-1] + noise * (seed - (seeds - 1) / 2)] for seed in range(seeds)]


# ---- estimates and bands ------------------------------------------------------------------------------------------


def test_an_interval_is_student_t() -> None:
    values = np.array([0.90, 0.92, 0.91, 0.95, 0.93])
    found = analysis.estimate(values)
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.mean == pytest.approx(values.mean())
    assert found.seeds == 5


def test_one_seed_gives_a_mean_without_an_interval() -> None:
    found = analysis.estimate(np.array([0.9]))
    assert found == Estimate(0.9, -np.inf, np.inf, 1)
    assert not found.certain


def test_nothing_gives_no_estimate_and_unfinished_runs_do_not_count() -> None:
    assert analysis.estimate(np.array([])).seeds == 0
    assert analysis.estimate(np.array([1.0, np.nan, np.inf, 3.0])).mean == 2.0


def test_equal_values_give_an_interval_of_no_width() -> None:
    assert analysis.estimate(np.array([0.5, 0.5, 0.5])) == Estimate(0.5, 0.5, 0.5, 3)


def test_bands_are_the_estimates_of_each_group() -> None:
    frame = runs({1: [0.90, 0.92, 0.97], 2: [0.5]})
    table = analysis.bands(frame, ["depth"], "accuracy")
    first = analysis.estimate(np.array([0.90, 0.92, 0.97]))
    assert tuple(table.loc[0, ["mean", "low", "high"]]) == pytest.approx((first.mean, first.low, first.high))
    assert table.loc[1, "mean"] == 0.5
    assert math.isnan(table.loc[1, "low"])
    assert list(table["seeds"]) == [3, 1]


# ---- verdicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.004, 0.006, "rise"),
        (-0.006, -0.004, "fall"),
        (-0.001, 0.001, "flat"),
        (0.0005, 0.0015, "flat"),  # surely not zero, but nobody would notice
        (0.001, 0.006, "rise"),
        (-0.001, 0.006, "cannot_tell"),
        (-0.006, 0.001, "cannot_tell"),
    ],
)
def test_a_verdict_follows_from_the_interval(low: float, high: float, verdict: str) -> None:
    assert analysis.verdict_of(Estimate((low + high) / 2, low, high, 8)) == verdict


@pytest.mark.parametrize("seeds", [0, 1])
def test_without_an_interval_there_is_no_verdict(seeds: int) -> None:
    assert analysis.verdict_of(Estimate(0.5, 0.4, 0.6, seeds)) == "cannot_tell"


def test_a_loss_has_its_own_negligible_difference() -> None:
    values = {1: [0.300, 0.301, 0.302], 2: [0.304, 0.305, 0.306]}
    assert analysis.paired_difference(runs(values), "accuracy", 1, 2).verdict == "rise"
    assert analysis.paired_difference(runs(values, "loss"), "loss", 1, 2).verdict == "flat"


# ---- paired differences -------------------------------------------------------------------------------------------


def test_pairing_finds_a_small_difference_under_a_large_spread_of_seeds() -> None:
    base = [0.80, 0.85, 0.90, 0.95]
    frame = runs({1: base, 2: [value + 0.01 + shift for value, shift in zip(base, (-1e-4, 0, 0, 1e-4), strict=True)]})
    found = analysis.paired_difference(frame, "accuracy", 1, 2)
    assert found.verdict == "rise"
    assert found.estimate.mean == pytest.approx(0.01)
    assert found.estimate.high - found.estimate.low < 0.001


def test_only_seeds_that_both_depths_have_are_paired() -> None:
    frame = pd.concat([runs({1: [0.1, 0.2, 0.3]}), runs({2: [0.2, 0.3]})])
    assert analysis.paired_difference(frame, "accuracy", 1, 2).estimate.seeds == 2


def test_a_depth_that_is_not_stored_cannot_be_compared() -> None:
    found = analysis.paired_difference(runs({1: [0.1, 0.2]}), "accuracy", 1, 7)
    assert found.verdict == "cannot_tell"
    assert found.estimate.seeds == 0


def test_several_comparisons_widen_the_interval_as_bonferroni_asks() -> None:
    frame = runs({1: [0.90, 0.91, 0.92, 0.90], 2: [0.92, 0.91, 0.93, 0.93]})
    found = analysis.paired_difference(frame, "accuracy", 1, 2, comparisons=10).estimate
    differences = np.array([0.02, 0.00, 0.01, 0.03])
    expected = stats.t.interval(1 - 0.05 / 10, 3, differences.mean(), stats.sem(differences))
    assert (found.low, found.high) == pytest.approx(expected)


def test_neighbours_are_the_depths_stored_in_order_and_share_the_confidence() -> None:
    frame = runs({5: [0.90, 0.92], 1: [0.80, 0.81], 3: [0.85, 0.88]})
    found = analysis.neighbouring_differences(frame, "accuracy")
    assert [(step.before, step.after) for step in found] == [(1, 3), (3, 5)]
    assert found[0] == analysis.paired_difference(frame, "accuracy", 1, 3, comparisons=2)


def test_one_depth_has_no_neighbours() -> None:
    assert analysis.neighbouring_differences(runs({3: [0.9, 0.8]}), "accuracy") == []


def test_an_interval_for_any_pair_allows_for_all_pairs() -> None:
    frame = runs({depth: [0.9 + 0.001 * depth, 0.91, 0.92 - 0.001 * depth] for depth in range(5)})
    assert analysis.difference_of_any(frame, "accuracy", 0, 4) == analysis.paired_difference(
        frame, "accuracy", 0, 4, comparisons=10
    )


# ---- the best depth, the largest and the worst step ---------------------------------------------------------------


def test_a_clear_winner_has_no_rivals() -> None:
    frame = runs({1: [0.80, 0.801, 0.802], 2: [0.90, 0.901, 0.902], 3: [0.70, 0.701, 0.702]})
    assert analysis.best_depth(frame, "accuracy") == analysis.BestDepth(2, [])
    assert analysis.best_depth(frame.rename(columns={"accuracy": "loss"}), "loss") == analysis.BestDepth(3, [])


def test_a_depth_that_is_not_clearly_worse_is_a_rival() -> None:
    frame = runs({1: [0.60, 0.601, 0.602], 2: [0.90, 0.91, 0.92], 3: [0.91, 0.90, 0.9205]})
    assert analysis.best_depth(frame, "accuracy") == analysis.BestDepth(3, [2])


def test_with_one_seed_every_depth_is_a_rival() -> None:
    assert analysis.best_depth(runs({1: [0.1], 2: [0.9]}), "accuracy") == analysis.BestDepth(2, [1])


def step(before: int, mean: float, seeds: int = 8) -> Difference:
    found = Estimate(mean, mean - 0.001, mean + 0.001, seeds)
    return Difference(before, before + 1, found, analysis.verdict_of(found))


def test_the_largest_step_is_the_largest_in_either_direction() -> None:
    steps = [step(0, 0.01), step(1, -0.03), step(2, 0.02)]
    assert analysis.largest_step(steps) is steps[1]
    assert analysis.largest_step([]) is None


@pytest.mark.parametrize(("value", "place"), [("accuracy", 1), ("loss", 2)])
def test_the_worst_step_lowers_accuracy_or_raises_loss(value: str, place: int) -> None:
    steps = [step(0, 0.01), step(1, -0.03), step(2, 0.02)]
    assert analysis.worst_step(steps, value) is steps[place]


def test_where_every_step_is_for_the_better_there_is_no_worst() -> None:
    assert analysis.worst_step([step(0, 0.01), step(1, 0.02)], "accuracy") is None


def test_a_step_that_cannot_be_compared_is_never_the_largest_or_the_worst() -> None:
    unknown = Difference(3, 4, Estimate(np.nan, np.nan, np.nan, 0), "cannot_tell")
    known = step(0, -0.01)
    assert analysis.largest_step([unknown, known]) is known
    assert analysis.worst_step([unknown, known], "accuracy") is known


# ---- the one-seed illusion ----------------------------------------------------------------------------------------


def illusion_by_brute_force(values: dict[int, list[float]], early: list[int], then: int) -> float:
    """Tries every experiment."""
    depths = list(values)
    hits = []
    for experiment in itertools.product(*values.values()):
        seen = dict(zip(depths, experiment, strict=True))
        best = max(seen[depth] for depth in early)
        later = [seen[depth] for depth in depths if depth not in early]
        hits.append(all(value < best for value in later) and seen[then] < seen[early[-1]])
    return float(np.mean(hits))


@pytest.mark.parametrize("seed", range(5))
def test_the_illusion_is_the_share_of_all_experiments(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Rounded, so that ties occur; the groups differ in size, as in a store that is still growing.
    values = {depth: list(generator.normal(0.9, 0.01, 2 + depth % 3).round(2)) for depth in range(2, 8)}
    early, then = [2, 3, 4], 5
    found = analysis.one_seed_illusion(runs(values), "accuracy", list(values), early, then)
    assert found == pytest.approx(illusion_by_brute_force(values, early, then))


def test_the_illusion_cannot_be_counted_where_a_depth_is_missing() -> None:
    assert math.isnan(analysis.one_seed_illusion(runs({2: [0.9], 3: [0.8]}), "accuracy", [2, 3, 4], [2, 3], 4))


# ---- gaps and overfitting -----------------------------------------------------------------------------------------


def test_a_gap_is_larger_where_training_is_better_for_either_figure() -> None:
    frame = pd.DataFrame(
        {"depth": 1, "seed": [0, 0, 1, 1], "split": ["train", "test"] * 2}
        | {"loss": [0.1, 0.3, 0.4, 0.2], "accuracy": [0.9, 0.7, 0.6, 0.8]}
    )
    assert list(analysis.gap(frame, "accuracy")["gap"]) == pytest.approx([0.2, -0.2])
    assert list(analysis.gap(frame, "loss")["gap"]) == pytest.approx([0.2, -0.2])
    assert list(analysis.gap(frame, "loss").columns) == ["depth", "seed", "gap"]


def test_the_best_epoch_is_that_of_the_mean_not_of_a_single_seed() -> None:
    frame = curves(validation=[[3.0, 1.0, 1.5, 2.0], [3.0, 2.0, 1.4, 2.0]])
    assert analysis.best_epoch(frame) == 2


def test_a_run_that_diverged_does_not_move_the_best_epoch() -> None:
    frame = curves(validation=[[3.0, 2.0, 1.0, 1.5], [3.0, 0.1]])
    assert analysis.best_epoch(frame) == 2


FALLING = alike([2.0, 0.5, 0.3, 0.2, 0.1])


@pytest.mark.parametrize(
    ("held_out", "training", "reading"),
    [
        ([2.1, 0.6, 0.4, 0.5, 0.6], [2.0, 0.5, 0.3, 0.2, 0.1], "overfits"),
        ([2.1, 0.6, 0.4, 0.5, 0.6], [2.0, 0.5, 0.3, 0.35, 0.4], "unstable"),
        ([2.1, 0.6, 0.5, 0.4, 0.3], [2.0, 0.5, 0.3, 0.2, 0.1], "gap"),
        ([2.1, 0.6, 0.4, 0.4005, 0.401], [2.0, 0.5, 0.3, 0.2, 0.1], "gap"),  # less than matters
        ([1.9, 0.4, 0.2, 0.1, 0.05], [2.0, 0.5, 0.3, 0.2, 0.1], "none"),
    ],
)
def test_the_rule_of_overfitting(held_out: list[float], training: list[float], reading: str) -> None:
    learned = alike(training)
    frame = curves(validation=alike(held_out), test=alike(held_out), train=learned, train_running=learned)
    found = analysis.overfitting(frame)
    assert found.reading == reading
    assert found.verdict == ("yes" if reading == "overfits" else "no")


def test_the_test_set_judges_what_validation_chose() -> None:
    validation, test = alike([2.1, 0.6, 0.4, 0.5, 0.6]), alike([2.1, 0.6, 0.4, 0.35, 0.3])
    found = analysis.overfitting(curves(validation=validation, test=test, train=FALLING, train_running=FALLING))
    assert found.best_epoch == 2
    assert found.loss_rise.mean == pytest.approx(-0.1)
    assert found.reading == "gap"


def test_training_that_is_evaluated_on_other_examples_at_the_end_does_not_hide_overfitting() -> None:
    held_out, evaluated = alike([2.1, 0.6, 0.4, 0.5, 0.6]), alike([2.0, 0.5, 0.3, 0.2, 0.35])
    found = analysis.overfitting(curves(validation=held_out, test=held_out, train=evaluated, train_running=FALLING))
    assert found.reading == "overfits"
    assert found.train_fall.mean == pytest.approx(0.2)


def test_a_rise_that_may_be_noise_cannot_be_told() -> None:
    noisy = alike([2.1, 0.6, 0.4, 0.45, 0.45], noise=0.2)
    found = analysis.overfitting(curves(validation=noisy, test=noisy, train=FALLING, train_running=FALLING))
    assert found.reading == found.verdict == "cannot_tell"


def test_one_seed_cannot_tell_overfitting() -> None:
    held_out = [[2.1, 0.6, 0.4, 0.5, 0.6]]
    found = analysis.overfitting(
        curves(validation=held_out, test=held_out, train=FALLING[:1], train_running=FALLING[:1])
    )
    assert found.reading == "cannot_tell"


def test_a_network_that_was_never_better_than_at_the_start_is_still_read() -> None:
    worse = alike([0.1, 0.6, 0.7, 0.8, 0.9])
    found = analysis.overfitting(curves(validation=worse, test=worse, train=worse, train_running=worse))
    assert (found.best_epoch, found.reading) == (0, "unstable")


def test_runs_that_all_diverged_at_once_are_read_as_far_as_they_came() -> None:
    start = [[2.3], [2.4]]
    found = analysis.overfitting(curves(validation=start, test=start, train=start, train_running=start))
    assert (found.best_epoch, found.last_epoch, found.train_fall.seeds) == (0, 0, 0)


@pytest.mark.parametrize(("accuracy", "hardly"), [(0.11, True), (0.5, False)])
def test_a_network_at_chance_has_hardly_learned(accuracy: float, hardly: bool) -> None:
    flat = alike([1 - accuracy] * 3)
    assert (
        analysis.overfitting(curves(validation=flat, test=flat, train=flat, train_running=flat)).hardly_learned
        is hardly
    )


@pytest.mark.parametrize(("low", "high", "accuracy", "loss"), [(0.1, 0.2, True, False), (-0.2, -0.1, False, True)])
def test_more_accuracy_and_less_loss_are_for_the_better(low: float, high: float, accuracy: bool, loss: bool) -> None:
    found = Estimate((low + high) / 2, low, high, 4)
    assert analysis.improves(found, "accuracy") is accuracy
    assert analysis.improves(found, "loss") is loss
    assert not analysis.improves(Estimate(0.0, -1.0, 1.0, 4), "loss")


def depths_at_end(**losses: list[float]) -> pd.DataFrame:
    """Losses of three depths by split, four seeds."""
    return pd.concat(
        runs(
            {depth: [loss + 1e-4 * (-1) ** (seed + depth) for seed in range(4)] for depth, loss in enumerate(values)},
            "loss",
        )
        .assign(split=split)
        .assign(accuracy=lambda frame: 1 - frame["loss"])
        for split, values in losses.items()
    )


@pytest.mark.parametrize(
    ("train", "held_out", "verdict"),
    [
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.35], "yes"),
        ([0.3, 0.2, 0.25], [0.4, 0.3, 0.35], "no"),  # training got worse too
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.301], "no"),  # less than matters
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.2], "no"),  # the deepest is the best
    ],
)
def test_depth_overfits_where_training_gets_better_and_the_test_worse(
    train: list[float], held_out: list[float], verdict: str
) -> None:
    found = analysis.overfitting_by_depth(depths_at_end(train=train, validation=held_out, test=held_out))
    assert found.verdict == verdict
    assert found.deepest == 2


def test_a_gap_that_nobody_would_notice_is_none() -> None:
    held_out = alike([2.1, 0.6, 0.4, 0.3, 0.201], noise=1e-5)
    learned = alike([2.1, 0.6, 0.4, 0.3, 0.2], noise=1e-5)
    found = analysis.overfitting(curves(validation=held_out, test=held_out, train=learned, train_running=learned))
    assert found.accuracy_gap.low > -1e-9
    assert found.reading == "none"


def test_overfitting_by_depth_that_may_be_too_small_to_matter_is_slight() -> None:
    train = [0.3, 0.2, 0.1]
    slight, plain = (
        analysis.overfitting_by_depth(depths_at_end(train=train, validation=held_out, test=held_out))
        for held_out in ([0.4, 0.30, 0.3051], [0.4, 0.30, 0.35])
    )
    assert (slight.verdict, slight.slight) == ("yes", True)
    assert (plain.verdict, plain.slight) == ("yes", False)


def test_deeper_networks_that_learn_less_underfit() -> None:
    found = analysis.overfitting_by_depth(
        depths_at_end(train=[0.1, 0.2, 2.3], validation=[0.1, 0.2, 2.3], test=[0.1, 0.2, 2.3])
    )
    assert found.underfits
    assert found.verdict == "no"


# ---- shrinkage of the error ---------------------------------------------------------------------------------------


def layers(weight: float, slope: float, depth: int = 4, seeds: int = 3) -> pd.DataFrame:
    """Layer statistics with the same gains in every hidden layer; the output layer has none."""
    rows = [
        (depth, seed, layer, 1.0, weight if layer <= depth else np.nan, slope if layer <= depth else np.nan)
        for seed in range(seeds)
        for layer in range(1, depth + 2)
    ]
    return pd.DataFrame(rows, columns=["depth", "seed", "layer", "delta_rms", "weight_gain", "slope_gain"])


def test_shrinkage_splits_into_weights_and_slope() -> None:
    found = analysis.shrinkage(layers(0.8, 0.25), 4)
    assert found is not None
    assert found.per_layer.mean == pytest.approx(0.2)
    assert found.weights.mean == pytest.approx(0.8)
    assert found.slope.mean == pytest.approx(0.25)
    assert found.total.mean == pytest.approx(0.2**3)  # three steps, from the fourth hidden layer to the first
    assert found.slope_share == pytest.approx(math.log(0.25) / math.log(0.2))


def test_a_linear_network_owes_nothing_to_the_slope() -> None:
    found = analysis.shrinkage(layers(0.8, 1.0), 4)
    assert found is not None
    assert found.slope_share == 0


def test_one_hidden_layer_has_nowhere_to_shrink() -> None:
    assert analysis.shrinkage(layers(0.8, 1.0, depth=1), 1) is None
    assert analysis.shrinkage(layers(0.8, 1.0), 7) is None
