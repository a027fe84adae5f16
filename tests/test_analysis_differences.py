"""Paired differences, their verdicts, and the best depth, on data small enough to know the right answer."""

import numpy as np
import pandas as pd
import pytest
from frames import runs
from scipy import stats

from dashboard.analysis.differences import (
    BestDepth,
    Difference,
    best_depth,
    chosen_by_others,
    deepest_against_best,
    difference_of_any,
    improves,
    largest_step,
    neighbouring_differences,
    paired_difference,
    verdict_of,
    worst_step,
)
from dashboard.analysis.estimates import Estimate


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
    assert verdict_of(Estimate((low + high) / 2, low, high, 8)) == verdict


@pytest.mark.parametrize("seeds", [0, 1])
def test_without_an_interval_there_is_no_verdict(seeds: int) -> None:
    assert verdict_of(Estimate(0.5, 0.4, 0.6, seeds)) == "cannot_tell"


def test_a_loss_has_its_own_negligible_difference() -> None:
    values = {1: [0.300, 0.301, 0.302], 2: [0.304, 0.305, 0.306]}
    assert paired_difference(runs(values), "accuracy", 1, 2).verdict == "rise"
    assert paired_difference(runs(values, "loss"), "loss", 1, 2).verdict == "flat"


def test_pairing_finds_a_small_difference_under_a_large_spread_of_seeds() -> None:
    base = [0.80, 0.85, 0.90, 0.95]
    frame = runs({1: base, 2: [value + 0.01 + shift for value, shift in zip(base, (-1e-4, 0, 0, 1e-4), strict=True)]})
    found = paired_difference(frame, "accuracy", 1, 2)
    assert found.verdict == "rise"
    assert found.estimate.mean == pytest.approx(0.01)
    assert found.estimate.high - found.estimate.low < 0.001


def test_only_seeds_that_both_depths_have_are_paired() -> None:
    frame = pd.concat([runs({1: [0.1, 0.2, 0.3]}), runs({2: [0.2, 0.3]})])
    assert paired_difference(frame, "accuracy", 1, 2).estimate.seeds == 2


def test_a_depth_that_is_not_stored_cannot_be_compared() -> None:
    found = paired_difference(runs({1: [0.1, 0.2]}), "accuracy", 1, 7)
    assert found.verdict == "cannot_tell"
    assert found.estimate.seeds == 0


def test_several_comparisons_widen_the_interval_as_bonferroni_asks() -> None:
    frame = runs({1: [0.90, 0.91, 0.92, 0.90], 2: [0.92, 0.91, 0.93, 0.93]})
    found = paired_difference(frame, "accuracy", 1, 2, comparisons=10).estimate
    differences = np.array([0.02, 0.00, 0.01, 0.03])
    expected = stats.t.interval(1 - 0.05 / 10, 3, differences.mean(), stats.sem(differences))
    assert (found.low, found.high) == pytest.approx(expected)


def test_neighbours_are_the_depths_stored_in_order_and_share_the_confidence() -> None:
    frame = runs({5: [0.90, 0.92], 1: [0.80, 0.81], 3: [0.85, 0.88]})
    found = neighbouring_differences(frame, "accuracy")
    assert [(step.before, step.after) for step in found] == [(1, 3), (3, 5)]
    assert found[0] == paired_difference(frame, "accuracy", 1, 3, comparisons=2)


def test_one_depth_has_no_neighbours() -> None:
    assert neighbouring_differences(runs({3: [0.9, 0.8]}), "accuracy") == []


def test_an_interval_for_any_pair_allows_for_all_pairs() -> None:
    frame = runs({depth: [0.9 + 0.001 * depth, 0.91, 0.92 - 0.001 * depth] for depth in range(5)})
    assert difference_of_any(frame, "accuracy", 0, 4) == paired_difference(frame, "accuracy", 0, 4, comparisons=10)


def test_a_clear_winner_has_no_rivals() -> None:
    frame = runs({1: [0.80, 0.801, 0.802], 2: [0.90, 0.901, 0.902], 3: [0.70, 0.701, 0.702]})
    assert best_depth(frame, "accuracy") == BestDepth(2, [])
    assert best_depth(frame.rename(columns={"accuracy": "loss"}), "loss") == BestDepth(3, [])


def test_a_depth_that_is_not_clearly_worse_is_a_rival() -> None:
    frame = runs({1: [0.60, 0.601, 0.602], 2: [0.90, 0.91, 0.92], 3: [0.91, 0.90, 0.9205]})
    assert best_depth(frame, "accuracy") == BestDepth(3, [2])


def test_with_one_seed_every_depth_is_a_rival() -> None:
    assert best_depth(runs({1: [0.1], 2: [0.9]}), "accuracy") == BestDepth(2, [1])


def step(before: int, mean: float, seeds: int = 8) -> Difference:
    found = Estimate(mean, mean - 0.001, mean + 0.001, seeds)
    return Difference(before, before + 1, found, verdict_of(found))


def test_the_largest_step_is_the_largest_in_either_direction() -> None:
    steps = [step(0, 0.01), step(1, -0.03), step(2, 0.02)]
    assert largest_step(steps) is steps[1]
    assert largest_step([]) is None


@pytest.mark.parametrize(("value", "place"), [("accuracy", 1), ("loss", 2)])
def test_the_worst_step_lowers_accuracy_or_raises_loss(value: str, place: int) -> None:
    steps = [step(0, 0.01), step(1, -0.03), step(2, 0.02)]
    assert worst_step(steps, value) is steps[place]


def test_where_every_step_is_for_the_better_there_is_no_worst() -> None:
    assert worst_step([step(0, 0.01), step(1, 0.02)], "accuracy") is None


def test_a_step_that_cannot_be_compared_is_never_the_largest_or_the_worst() -> None:
    unknown = Difference(3, 4, Estimate(np.nan, np.nan, np.nan, 0), "cannot_tell")
    known = step(0, -0.01)
    assert largest_step([unknown, known]) is known
    assert worst_step([unknown, known], "accuracy") is known


@pytest.mark.parametrize(("low", "high", "accuracy", "loss"), [(0.1, 0.2, True, False), (-0.2, -0.1, False, True)])
def test_more_accuracy_and_less_loss_are_for_the_better(low: float, high: float, accuracy: bool, loss: bool) -> None:
    found = Estimate((low + high) / 2, low, high, 4)
    assert improves(found, "accuracy") is accuracy
    assert improves(found, "loss") is loss
    assert not improves(Estimate(0.0, -1.0, 1.0, 4), "loss")


# ---- the deepest against the best ---------------------------------------------------------------------------------


def test_no_seed_judges_a_choice_that_it_took_part_in() -> None:
    frame = runs({1: [0.90, 0.91, 0.99], 2: [0.93, 0.92, 0.91], 3: [0.5, 0.5, 0.5]})
    # The third seed alone makes depth 1 the best for the others; without it, depth 2 is.
    assert list(chosen_by_others(frame, "accuracy")) == [1, 1, 2]


def test_the_best_of_equals_is_not_found_better_than_the_deepest_by_its_luck() -> None:
    generator = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        frame = runs({depth: list(generator.normal(0.9, 0.01, 6)) for depth in range(8)})
        found = deepest_against_best(frame, "accuracy")
        false += found.estimate.certain and found.estimate.high < 0
    assert false <= 200 * 0.05 * 1.6  # the interval leaves at most 2.5 % on this side, and chance some more


def test_the_deepest_is_compared_with_the_best_of_a_loss_too() -> None:
    frame = runs({1: [0.30, 0.31, 0.32], 2: [0.20, 0.21, 0.22], 3: [0.40, 0.42, 0.41]}, "loss")
    found = deepest_against_best(frame, "loss")
    assert (found.before, found.after, found.verdict) == (2, 3, "rise")


def test_where_the_deepest_is_the_best_there_is_nothing_to_compare() -> None:
    assert deepest_against_best(runs({1: [0.1, 0.2], 2: [0.8, 0.9]}), "accuracy").estimate.seeds == 0
