"""Means over seeds and their intervals, on data small enough to know the right answer."""

import math

import numpy as np
import pytest
from frames import runs
from scipy import stats

from dashboard.analysis.estimates import Estimate, bands, estimate


def test_an_interval_is_student_t() -> None:
    values = np.array([0.90, 0.92, 0.91, 0.95, 0.93])
    found = estimate(values)
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.mean == pytest.approx(values.mean())
    assert found.seeds == 5


def test_one_seed_gives_a_mean_without_an_interval() -> None:
    found = estimate(np.array([0.9]))
    assert found == Estimate(0.9, -np.inf, np.inf, 1)
    assert not found.certain


def test_nothing_gives_no_estimate_and_unfinished_runs_do_not_count() -> None:
    assert estimate(np.array([])).seeds == 0
    assert estimate(np.array([1.0, np.nan, np.inf, 3.0])).mean == 2.0


def test_equal_values_give_an_interval_of_no_width() -> None:
    assert estimate(np.array([0.5, 0.5, 0.5])) == Estimate(0.5, 0.5, 0.5, 3)


def test_bands_are_the_estimates_of_each_group() -> None:
    frame = runs({1: [0.90, 0.92, 0.97], 2: [0.5]})
    table = bands(frame, ["depth"], "accuracy")
    first = estimate(np.array([0.90, 0.92, 0.97]))
    assert tuple(table.loc[0, ["mean", "low", "high"]]) == pytest.approx((first.mean, first.low, first.high))
    assert table.loc[1, "mean"] == 0.5
    assert math.isnan(table.loc[1, "low"])
    assert list(table["seeds"]) == [3, 1]
