"""What others have published of depth, looked up in the shipped store."""

import shutil
from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest
from stores import shipped_snapshot

from dashboard.analysis.estimates import Estimate, estimate
from dashboard.analysis.pairs import paired_values
from dashboard.queries.plain import PLAIN
from trainer import cohort, provenance
from trainer.configuration import RunConfiguration


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    # A copy: the dashboard may have the file itself open in this process, and with other settings.
    copy = shutil.copy(shipped_snapshot(), tmp_path_factory.mktemp("shipped"))
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute(
            "CREATE TEMP VIEW ends AS SELECT run.*, split, accuracy, loss "
            "FROM run JOIN epoch_metric ON epoch_metric.run_id = run.run_id AND epoch = epochs"
        )
        yield connection


def ends(store: duckdb.DuckDBPyConnection, split: str, **settings: object) -> pd.DataFrame:
    """Finished runs with these settings, and what they reached: the columns of `run`, accuracy, loss."""
    chosen = " AND ".join(f"{name} = ${name}" for name in settings)
    query = f"SELECT * FROM ends WHERE split = $split AND status = 'finished' AND {chosen} ORDER BY depth, seed"
    return store.execute(query, {"split": split, **settings}).df()


# --- Linear networks are softmax regression, however deep ------------------------------------------------------------


def test_no_linear_network_beats_softmax_regression_by_more_than_its_seeds_differ(
    store: duckdb.DuckDBPyConnection,
) -> None:
    """Softmax regression itself is trained here, faster than the question does: the best that it shows at any epoch."""
    runs = [
        RunConfiguration(depth=0, optimizer="adam", learning_rate=rate, epochs=12, seed=0) for rate in (0.001, 0.003)
    ]
    metrics = cohort.train_cohort(runs, provenance.gather())["epoch_metric"].to_pandas()
    best = metrics[metrics["split"] == "test"]["accuracy"].max()

    linear = ends(store, "test", activation="linear", dataset="mnist", shortcut=False, normalization="none")
    settings = [name for name in (*PLAIN, "depth") if linear[name].nunique() > 1]
    reached = linear.groupby(settings)["accuracy"].agg(["mean", "std", "max"])
    assert len(reached) > 50
    assert (reached["mean"] <= best + 2 * reached["std"]).all(), reached[reached["mean"] > best + 2 * reached["std"]]


# --- Nielsen, "Neural Networks and Deep Learning", chapter 5 ---------------------------------------------------------

NIELSEN = {"output": "sigmoid", "initializer": "fan_in_normal", "bias_initializer": "standard_normal", "width": 30}
HIS_ACCURACIES = {1: 0.9648, 2: 0.9690, 3: 0.9657, 4: 0.9653}
HIS_SPEEDS = (0.07, 0.31)  # of the two hidden layers of [784, 30, 30, 10], before training


@pytest.mark.parametrize(("depth", "accuracy"), HIS_ACCURACIES.items())
def test_nielsens_validation_accuracies_lie_where_our_seeds_do(
    store: duckdb.DuckDBPyConnection, depth: int, accuracy: float
) -> None:
    found = ends(store, "validation", depth=depth, train_size=50_000, **NIELSEN)["accuracy"]
    assert len(found) == 8
    assert found.min() - 0.003 <= accuracy <= found.max() + 0.003


def speeds(store: duckdb.DuckDBPyConnection, depth: int) -> np.ndarray:
    """Of each hidden layer before training, as Nielsen measures it: the norm of the gradient of its biases. (seeds,
    depth)"""
    found = store.execute(
        "SELECT seed, train_size, layer, bias_gradient_norm FROM run JOIN layer_stat USING (run_id) "
        "WHERE output = 'sigmoid' AND initializer = 'fan_in_normal' AND width = 30 AND depth = $depth AND epoch = 0 "
        "AND layer <= depth",
        {"depth": depth},
    ).df()
    return found.pivot_table(index=["train_size", "seed"], columns="layer", values="bias_gradient_norm").to_numpy()


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_nielsens_later_hidden_layers_start_to_learn_faster_in_each_of_his_networks(
    store: duckdb.DuckDBPyConnection, depth: int
) -> None:
    found = speeds(store, depth)
    assert found.shape == (16, depth)
    assert (np.diff(found, axis=1) > 0).all()


def test_his_two_hidden_layers_learn_at_the_speeds_that_he_found(store: duckdb.DuckDBPyConnection) -> None:
    found = speeds(store, 2)
    for layer, speed in enumerate(HIS_SPEEDS):
        assert found[:, layer].min() <= speed <= found[:, layer].max()


# --- He et al. 2015, "Deep Residual Learning", figure 1 --------------------------------------------------------------


def training_accuracy_from_5_to_50_layers(
    store: duckdb.DuckDBPyConnection, shortcut: bool, normalization: str
) -> Estimate:
    """How it changes, paired over seeds."""
    settings = {"activation": "relu", "initializer": "he_normal", "width": 128, "epochs": 20, "train_size": 48_000}
    found = ends(store, "train", shortcut=shortcut, normalization=normalization, **settings)
    shallow, deep = (found[found["depth"] == depth] for depth in (5, 50))
    return estimate(paired_values(shallow, deep, "accuracy"))


def test_plain_relu_networks_of_fifty_layers_have_the_higher_training_error(store: duckdb.DuckDBPyConnection) -> None:
    change = training_accuracy_from_5_to_50_layers(store, shortcut=False, normalization="none")
    assert change.seeds == 8
    assert change.high < 0


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_with_shortcuts_and_normalisation_fifty_layers_do_not(
    store: duckdb.DuckDBPyConnection, normalization: str
) -> None:
    change = training_accuracy_from_5_to_50_layers(store, shortcut=True, normalization=normalization)
    assert change.seeds >= 3
    assert change.low > 0  # their training error is the lower one


# --- Saxe et al. 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks" --------


def linear_start(store: duckdb.DuckDBPyConnection, initializer: str) -> pd.Series:
    """δ at the first hidden layer over δ at the last, before training, geometric mean over seeds: by depth."""
    found = store.execute(
        "SELECT depth, exp(avg(ln(first.delta_rms / last.delta_rms))) AS ratio FROM ends "
        "JOIN layer_stat AS first ON first.run_id = ends.run_id AND first.layer = 1 AND first.epoch = 0 "
        "JOIN layer_stat AS last ON last.run_id = ends.run_id AND last.layer = depth AND last.epoch = 0 "
        "WHERE activation = 'linear' AND initializer = $initializer AND width = 128 AND dataset = 'mnist' "
        "AND split = 'test' AND depth > 0 GROUP BY depth ORDER BY depth",
        {"initializer": initializer},
    ).df()
    return found.set_index("depth")["ratio"]


def epochs_to_learn(store: duckdb.DuckDBPyConnection, initializer: str) -> pd.Series:
    """The first epoch after which the mean training loss is below 0.6 nats, about a quarter of that of guessing; by
    depth, at the settings of the question."""
    found = store.execute(
        "SELECT depth, epoch, avg(loss) AS loss FROM run JOIN epoch_metric USING (run_id) "
        "WHERE activation = 'linear' AND initializer = $initializer AND width = 128 AND dataset = 'mnist' "
        "AND learning_rate = 0.01 AND optimizer = 'sgd' AND train_size = 48000 AND epochs = 20 AND NOT shortcut "
        "AND normalization = 'none' AND split = 'train' AND depth > 0 GROUP BY depth, epoch ORDER BY depth, epoch",
        {"initializer": initializer},
    ).df()
    return found[found["loss"] < 0.6].groupby("depth")["epoch"].min()


def test_orthogonal_starts_keep_the_gradients_of_linear_networks_independent_of_depth(
    store: duckdb.DuckDBPyConnection,
) -> None:
    assert linear_start(store, "orthogonal").to_numpy() == pytest.approx(1.0, rel=0.01)


def test_random_normal_starts_do_not(store: duckdb.DuckDBPyConnection) -> None:
    """Each of the nine matrices of 128 × 128 between the first and the last of ten hidden layers shrinks δ by
    0.05 · √128."""
    ratio = linear_start(store, "random_normal")
    assert ratio[10] == pytest.approx((0.05 * 128**0.5) ** 9, rel=0.2)
    assert (np.diff(ratio) < 0).all()


def test_orthogonal_starts_keep_the_speed_of_linear_networks_independent_of_depth(
    store: duckdb.DuckDBPyConnection,
) -> None:
    """With one step size for all depths: deeper ones are a little faster, since more layers move; none is slower."""
    orthogonal, random_normal = (epochs_to_learn(store, name) for name in ("orthogonal", "random_normal"))
    assert list(orthogonal.index) == [1, 2, 4, 6, 10]
    assert np.ptp(orthogonal) <= 1
    assert random_normal[10] >= random_normal[1] + 10
