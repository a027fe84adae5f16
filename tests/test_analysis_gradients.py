"""The shrinkage of the error, on gains that are known."""

import numpy as np
import pandas as pd
import pytest

from dashboard.analysis.estimates import Estimate
from dashboard.analysis.gradients import flow_of, shrinkage, vanishing


def layers(weight: float, slope: float, depth: int = 4, seeds: int = 3) -> pd.DataFrame:
    """Layer statistics with the same gains in every hidden layer; the output layer has none."""
    rows = [
        (depth, seed, layer, 1.0, weight if layer <= depth else np.nan, slope if layer <= depth else np.nan)
        for seed in range(seeds)
        for layer in range(1, depth + 2)
    ]
    return pd.DataFrame(rows, columns=["depth", "seed", "layer", "delta_rms", "weight_gain", "slope_gain"])


def test_shrinkage_splits_into_weights_and_slope() -> None:
    found = shrinkage(layers(0.8, 0.25), 4)
    assert found is not None
    assert found.per_layer.mean == pytest.approx(0.2)
    assert found.weights.mean == pytest.approx(0.8)
    assert found.slope.mean == pytest.approx(0.25)
    assert found.total.mean == pytest.approx(0.2**3)  # three steps, from the fourth hidden layer to the first


def test_a_linear_network_owes_nothing_to_the_slope() -> None:
    found = shrinkage(layers(0.8, 1.0), 4)
    assert found is not None
    assert found.slope == Estimate(1.0, 1.0, 1.0, found.slope.seeds)


def test_a_layer_that_lets_nothing_through_leaves_nothing() -> None:
    blocked = layers(0.8, 1.0)
    blocked.loc[blocked["layer"] == 2, "slope_gain"] = 0.0
    found = shrinkage(blocked, 4)
    assert found is not None
    assert found.total.high < 1e-100
    assert vanishing(found) == "yes"


def test_one_hidden_layer_has_nowhere_to_shrink() -> None:
    assert shrinkage(layers(0.8, 1.0, depth=1), 1) is None
    assert shrinkage(layers(0.8, 1.0), 7) is None


def test_what_a_shortcut_adds_is_part_of_what_arrives() -> None:
    found = shrinkage(layers(0.8, 0.25).assign(normalization_gain=0.5, shortcut_gain=8.0), 4)
    assert found is not None
    assert found.per_layer.mean == pytest.approx(0.8 * 0.25 * 0.5 * 8.0)
    assert found.slope.mean == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("factor", "depth", "flow"),
    [(0.95, 5, "kept"), (0.92, 50, "fading"), (1.05, 5, "kept"), (1.08, 20, "growing"), (0.8, 5, "fading")],
)
def test_small_losses_and_gains_that_add_up_are_no_longer_none(factor: float, depth: int, flow: str) -> None:
    found = shrinkage(layers(factor, 1.0, depth), depth)
    assert found is not None
    assert flow_of(found) == flow
