"""The rules for a sweep over depth: on sweeps made to show one kind of change each, and on the shipped runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stores import cut_store

from dashboard import queries
from dashboard.analysis.estimates import Estimate, estimate
from dashboard.analysis.gradients import larger_part
from dashboard.diagnosis import sweep, thresholds
from dashboard.diagnosis.sweep import SweepDiagnosis

SEEDS = 6
DEPTHS = (1, 2, 4, 8)
EPOCHS = (0, 1, 2, 3, 4)
Family = tuple[pd.DataFrame, pd.DataFrame]


def family(
    train: list[float],
    test: list[float],
    factor: float = 1.0,
    still_gaining: float = 0.0,
    noise: float = 0.001,
    diverged: int = 0,
) -> Family:
    """Metrics and starting statistics of a family: accuracies by depth at the last epoch, with a noise of each seed and
    run; the loss is one less the accuracy. δ changes by `factor` a layer, all of it by the slope. The deepest networks
    gain `still_gaining` in the last epoch, and so many of their seeds diverge."""
    generator = np.random.default_rng(0)
    metrics, start = [], []
    for place, depth in enumerate(DEPTHS):
        for seed in range(SEEDS):
            broken = depth == DEPTHS[-1] and seed < diverged
            for split, level in (("train", train[place]), ("validation", test[place]), ("test", test[place])):
                own = level + generator.normal(0, noise)
                for epoch in EPOCHS[:1] if broken else EPOCHS:
                    late = still_gaining if depth == DEPTHS[-1] and epoch < EPOCHS[-1] else 0.0
                    accuracy = 0.1 if epoch == 0 else own - late
                    metrics.append((depth, seed, epoch, split, 1 - accuracy, accuracy, broken))
            for layer in range(1, depth + 1):
                start.append((depth, seed, layer, 0.1 * factor ** (depth - layer), 1.0, factor * (1 + seed * 1e-4)))
    return (
        pd.DataFrame(metrics, columns=["depth", "seed", "epoch", "split", "loss", "accuracy", "diverged"]),
        pd.DataFrame(start, columns=["depth", "seed", "layer", "delta_rms", "weight_gain", "slope_gain"]),
    )


def diagnosed(measured: Family) -> SweepDiagnosis:
    metrics, start = measured
    found = sweep.diagnose(sweep.ends(metrics), metrics, start)
    assert found is not None
    return found


# ---- the kinds of a fall ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "kind"),
    [
        (family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60], factor=0.25), "vanishing"),
        (family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60], factor=2.5), "exploding"),
        (family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60], diverged=4), "exploding"),
        (family([0.90, 0.95, 0.97, 0.99], [0.90, 0.94, 0.93, 0.91]), "overfitting"),
        (family([0.90, 0.95, 0.92, 0.88], [0.90, 0.94, 0.92, 0.88], still_gaining=0.05), "budget"),
        (family([0.90, 0.95, 0.92, 0.88], [0.90, 0.94, 0.92, 0.88]), "degradation"),
    ],
)
def test_a_fall_has_its_kind(measured: Family, kind: str) -> None:
    found = diagnosed(measured)
    assert (found.effect, found.verdict, found.whole.kind) == ("yes", "fall", kind)
    assert found.whole.causes[kind] == "yes"  # type: ignore[index]
    assert (found.whole.before, found.whole.after) == (2, 8)


def test_where_training_accuracy_falls_it_is_never_overfitting() -> None:
    for factor in (0.25, 1.0):
        found = diagnosed(family([0.90, 0.95, 0.92, 0.85], [0.90, 0.94, 0.90, 0.82], factor=factor))
        assert found.whole.kind != "overfitting"
        assert found.whole.causes["overfitting"] == "no"


def test_where_training_accuracy_falls_too_overfitting_is_ruled_out() -> None:
    """Also where the losses would leave it open."""
    metrics, start = family([0.90, 0.95, 0.92, 0.88], [0.90, 0.94, 0.92, 0.88])
    generator = np.random.default_rng(1)
    found = diagnosed((metrics.assign(loss=generator.normal(1.0, 0.5, len(metrics))), start))
    assert found.whole.causes["degradation"] == "yes"
    assert found.whole.causes["overfitting"] == "no"


def test_where_the_training_data_are_known_by_heart_at_every_depth_a_fall_is_overfitting() -> None:
    found = diagnosed(family([1.0, 1.0, 1.0, 1.0], [0.70, 0.75, 0.70, 0.60], noise=0.0005))
    assert found.whole.kind == "overfitting"
    assert found.whole.causes["overfitting"] == "yes"


def test_a_long_run_that_is_not_measured_after_every_epoch_is_diagnosed_too() -> None:
    metrics, start = family([0.90, 0.95, 0.92, 0.88], [0.90, 0.94, 0.92, 0.88])
    spread = metrics.assign(epoch=metrics["epoch"].map({0: 0, 1: 1, 2: 10, 3: 100, 4: 1000}))
    found = diagnosed((spread, start))
    assert found.whole.budget is not None
    assert (found.whole.budget.since, found.whole.budget.last) == (100, 1000)


def test_where_nothing_is_known_of_the_gradients_degradation_leaves_open_what_explains_it() -> None:
    metrics, start = family([0.90, 0.95, 0.92, 0.88], [0.90, 0.94, 0.92, 0.88])
    assert diagnosed((metrics, start.iloc[:0])).whole.kind == "degradation_open"


def test_too_few_seeds_are_told_how_many_they_lack() -> None:
    metrics, start = family([0.90, 0.95, 0.92, 0.45], [0.90, 0.94, 0.92, 0.45])
    found = diagnosed((metrics[metrics["seed"] < 2], start[start["seed"] < 2]))
    assert found.effect == "cannot_tell"
    assert found.lacking == sweep.seeds_to_judge(len(DEPTHS)) - 2 > 0


@pytest.mark.parametrize(("depths", "seeds"), [(2, 8), (3, 6), (4, 5)])
def test_as_many_seeds_as_are_asked_for_can_show_an_effect(depths: int, seeds: int) -> None:
    assert sweep.seeds_to_judge(depths) == seeds
    assert sweep.smallest_p(seeds, depths) <= 0.01 < sweep.smallest_p(seeds - 1, depths)


def test_too_few_seeds_do_not_deny_that_one_depth_collapses() -> None:
    metrics, start = family([0.90, 0.90, 0.90, 0.50], [0.90, 0.90, 0.90, 0.50], noise=0.0)
    few = metrics[(metrics["seed"] < 4) & (metrics["depth"] != DEPTHS[1])]
    found = diagnosed((few, start))
    assert (found.effect, found.lacking) == ("cannot_tell", 2)
    assert diagnosed((metrics[(metrics["seed"] < 6) & (metrics["depth"] != DEPTHS[1])], start)).effect == "yes"


def test_what_each_seed_is_compared_with_is_kept() -> None:
    """Without the first seed, depth 2 is the best; with it, depth 4."""
    metrics, start = family([0.90, 0.95, 0.95, 0.60], [0.90, 0.943, 0.94, 0.60], noise=0.0)
    metrics.loc[(metrics["depth"] == 4) & (metrics["seed"] == 0) & (metrics["epoch"] == EPOCHS[-1]), "accuracy"] += 0.04
    found = diagnosed((metrics, start))
    assert found.rivals == (2, 4)
    assert found.best in found.rivals


def test_a_rise_has_no_kind() -> None:
    found = diagnosed(family([0.90, 0.92, 0.94, 0.96], [0.90, 0.92, 0.94, 0.96]))
    assert (found.verdict, found.whole.kind) == ("rise", "none")
    assert (found.whole.before, found.whole.after) == (1, 8)


def test_a_small_fall_that_is_sure_is_tiny() -> None:
    found = diagnosed(family([0.90, 0.95, 0.95, 0.95], [0.90, 0.94, 0.9395, 0.9385], noise=0.0002))
    assert found.whole.tiny
    assert found.whole.kind == "tiny"


def test_without_any_effect_nothing_is_named() -> None:
    found = diagnosed(family([0.95] * 4, [0.94] * 4, noise=0.01))
    assert found.effect == "no"
    assert found.verdict in ("flat", "cannot_tell")


def test_each_step_has_its_own_verdict() -> None:
    metrics, start = family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60], factor=0.25)
    steps = sweep.steps(sweep.ends(metrics), metrics, start)
    assert [(step.before, step.after, step.verdict) for step in steps] == [
        (1, 2, "rise"),
        (2, 4, "fall"),
        (4, 8, "fall"),
    ]


def test_gradients_that_were_not_stored_cannot_be_told() -> None:
    metrics, start = family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60])
    found = sweep.diagnose(sweep.ends(metrics), metrics, start.iloc[:0])
    assert found is not None
    assert found.whole.causes["vanishing"] == found.whole.causes["exploding"] == "cannot_tell"


def test_too_few_seeds_for_any_p_value_below_the_limit_cannot_tell() -> None:
    """Where one of three depths differs, the chance that it stands in the same place in three seeds is one in nine."""
    metrics, start = family([0.9, 0.7, 0.5, 0.1], [0.9, 0.7, 0.5, 0.1])
    few = metrics[(metrics["seed"] < 3) & (metrics["depth"] != DEPTHS[1])]
    assert sweep.smallest_p(3, 3) == pytest.approx(1 / 9)
    assert diagnosed((few, start)).effect == "cannot_tell"
    assert diagnosed((metrics[metrics["depth"] != DEPTHS[1]], start)).effect == "yes"


def test_one_seed_cannot_tell() -> None:
    metrics, start = family([0.90, 0.95, 0.90, 0.60], [0.90, 0.94, 0.90, 0.60])
    found = diagnosed((metrics[metrics["seed"] == 0], start[start["seed"] == 0]))
    assert (found.effect, found.verdict, found.whole.further_seeds) == ("cannot_tell", "cannot_tell", None)


def test_one_depth_is_no_sweep() -> None:
    metrics, start = family([0.9] * 4, [0.9] * 4)
    one = metrics[metrics["depth"] == 2]
    assert sweep.diagnose(sweep.ends(one), one, start) is None


@pytest.mark.parametrize(("classes", "guessing"), [(2, 0.5), (100, 0.01), (None, None)])
def test_guessing_among_other_classes_is_as_good_as_there_are_classes(
    classes: int | None, guessing: float | None
) -> None:
    metrics, _ = family([0.9] * 4, [0.9] * 4, diverged=1)
    ended = sweep.ends(metrics.assign(classes=pd.Series(classes, metrics.index, dtype="Int64")))
    accuracies = ended.loc[ended["diverged"], "accuracy"]
    assert len(accuracies)
    assert accuracies.isna().all() if guessing is None else (accuracies == guessing).all()


def test_a_run_that_diverged_has_the_accuracy_of_guessing() -> None:
    metrics, _ = family([0.9] * 4, [0.9] * 4, diverged=1)
    broken = sweep.ends(metrics).query("diverged")
    assert set(broken["accuracy"]) == {0.1}
    assert set(broken["epoch"]) == {0}


# ---- how many seeds would decide ----------------------------------------------------------------------------------


def test_the_seeds_that_are_said_to_decide_do_so_as_often_as_said() -> None:
    generator = np.random.default_rng(1)
    mean, spread = -0.004, 0.01
    first = generator.normal(0, 1, 5)
    first = mean + spread * (first - first.mean()) / first.std(ddof=1)  # five seeds with just this mean and spread
    further = sweep.further_seeds(estimate(first))
    assert further is not None
    decided = np.mean([estimate(generator.normal(mean, spread, 5 + further)).high < 0 for _ in range(2_000)])
    assert decided == pytest.approx(sweep.POWER, abs=0.04)


def test_a_difference_between_all_answers_needs_more_seeds_than_anybody_trains() -> None:
    assert sweep.further_seeds(Estimate(0.001, -0.5, 0.502, 4)) is None


# ---- whether depth matters at all ---------------------------------------------------------------------------------


def test_the_omnibus_test_keeps_its_level_whatever_the_distribution() -> None:
    generator = np.random.default_rng(2)
    heavy = generator.standard_t(2, (400, 5, 4)) ** 3
    p_values = [sweep.permutation_test(values, permutations=99) for values in heavy]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.08


# ---- the shipped runs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_store(tmp_path_factory.mktemp("sweeps"), "activation IN ('linear', 'sigmoid')")


def shipped_family(snapshot: Path, activation: str) -> Family:
    metrics = queries.family_metrics(snapshot, activation=activation)
    return metrics, queries.family_start(snapshot, activation=activation)


def test_the_question_is_noise_or_a_tiny_effect_and_no_vanishing_gradient(shipped: Path) -> None:
    found = diagnosed(shipped_family(shipped, "linear"))
    assert found.whole.kind in ("noise", "tiny")
    assert found.whole.causes["vanishing"] == "no"
    assert found.whole.after == 10


def test_from_three_layers_on_the_sigmoid_vanishes_and_mainly_by_its_slope(shipped: Path) -> None:
    metrics, start = shipped_family(shipped, "sigmoid")
    runs = sweep.ends(metrics)
    for depth in sorted(runs["depth"].unique()):
        if depth >= 3:
            change = sweep.any_two(runs, metrics, start, 1, int(depth))
            assert (change.verdict, change.kind) == ("fall", "vanishing")
            assert change.flow is not None
            assert larger_part(change.flow) == "slope"


def test_depth_labels_that_are_permuted_have_no_effect(shipped: Path) -> None:
    metrics, _ = shipped_family(shipped, "linear")
    runs = sweep.ends(metrics).query("split == 'test'")
    assert sweep.omnibus(runs) <= thresholds.OMNIBUS.limit  # as they are, they have one
    values = runs.pivot_table(index="seed", columns="depth", values="accuracy").to_numpy()
    generator = np.random.default_rng(3)
    p_values = [sweep.permutation_test(generator.permuted(values, axis=1), permutations=299) for _ in range(1_000)]
    assert (np.array(p_values) > thresholds.OMNIBUS.limit).mean() >= 0.95
