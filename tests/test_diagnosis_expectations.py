"""Theory beside the shipped measurements."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stores import cut_store

from dashboard import queries
from dashboard.diagnosis import expectations


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_store(tmp_path_factory.mktemp("theory"), "activation IN ('linear', 'sigmoid') AND depth <= 8")


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_the_error_arrives_as_mean_field_theory_expects(snapshot: Path, activation: str) -> None:
    found = expectations.arrival(queries.starting_flow(snapshot), activation)
    assert found is not None
    together = found.measured.merge(found.expected, on="depth")
    assert len(together) >= 4
    assert together["mean"].to_numpy() == pytest.approx(together["value"].to_numpy(), rel=0.05)


def test_a_start_that_is_not_stored_has_no_points(snapshot: Path) -> None:
    assert expectations.arrival(queries.starting_flow(snapshot), "sigmoid", "he_normal") is None


def test_the_map_of_a_linear_network_shrinks_as_random_products_do(snapshot: Path) -> None:
    found = expectations.isometry(queries.map_logarithms(snapshot))
    assert found is not None
    assert found.measured["mean"].to_numpy() == pytest.approx(found.expected["value"].to_numpy(), rel=0.05)


def test_deeper_linear_networks_learn_faster_from_this_start_as_theory_says(snapshot: Path) -> None:
    found = expectations.learning_time(queries.family_metrics(snapshot), queries.map_logarithms(snapshot))
    assert found is not None
    for values in (found.measured["mean"].to_numpy()[:5], found.expected["value"].to_numpy()[:5]):
        assert (np.diff(values) < 0).all()


def test_the_time_to_learn_is_read_between_the_epochs() -> None:
    level = expectations.LEARNED
    metrics = pd.DataFrame(
        [
            (depth, seed, epoch, "train", loss)
            for depth in (1, 2)
            for seed in (0, 1)
            for epoch, loss in enumerate([level * 4, level * 2, level / 2])
        ],
        columns=["depth", "seed", "epoch", "split", "loss"],
    )
    maps = pd.DataFrame(
        [(depth, 0, epoch, value) for depth in (1, 2) for epoch, value in ((0, 0.5), (20, 1.5))],
        columns=["depth", "seed", "epoch", "logarithm"],
    )
    found = expectations.learning_time(metrics, maps)
    assert found is not None
    assert found.measured["mean"].to_numpy() == pytest.approx([1.5, 1.5])  # half-way on the logarithmic scale


def test_every_start_and_activation_has_its_factor(snapshot: Path) -> None:
    table = expectations.factors(queries.starting_flow(snapshot)).set_index(["initializer", "activation"])
    assert len(table) == 24
    assert table.loc[("glorot_uniform", "sigmoid"), "measured"] == pytest.approx(
        table.loc[("glorot_uniform", "sigmoid"), "expected"], rel=0.02
    )
    assert np.isinf(table.loc[("he_normal", "relu"), "scale"])
    assert table.loc[("he_normal", "linear"), "chi"] == pytest.approx(2.0)
    assert np.isinf(table.loc[("glorot_uniform", "tanh"), "scale"])  # the edge of chaos
