"""What the shipped snapshot holds is complete, and says what it must."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from stores import shipped_snapshot

from dashboard import queries
from trainer.study import read_study, shipped_studies

MOST_BYTES = 80e6


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    # A copy: the dashboard may have the file itself open in this process, and with other settings.
    copy = shutil.copy(shipped_snapshot(), tmp_path_factory.mktemp("shipped"))
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute(
            "CREATE TEMP VIEW asked AS SELECT run.* FROM run WHERE run_id IN "
            "(SELECT run_id FROM study_run WHERE study IN ('question', 'activations'))"
        )
        yield connection


def rows(store: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return store.execute(query).fetchall()


def mean_test_accuracy(store: duckdb.DuckDBPyConnection, activation: str) -> dict[int, float]:
    """In percent, after the last epoch, by depth."""
    return dict(
        rows(
            store,
            "SELECT depth, 100 * avg(accuracy) FROM asked JOIN epoch_metric USING (run_id) "
            f"WHERE split = 'test' AND epoch = epochs AND activation = '{activation}' GROUP BY depth",
        )
    )


@pytest.mark.parametrize("path", shipped_studies(), ids=lambda path: path.stem)
def test_every_run_that_a_study_asks_for_is_shipped_and_went_to_its_end(
    store: duckdb.DuckDBPyConnection, path: Path
) -> None:
    study = read_study(path)
    shipped = {run_id for (run_id,) in rows(store, "SELECT run_id FROM run WHERE status IN ('finished', 'diverged')")}
    asked = {run_id for (run_id,) in rows(store, f"SELECT run_id FROM study_run WHERE study = '{study.name}'")}
    assert asked == {run.run_id for run in study.runs}
    assert asked <= shipped


def test_the_snapshot_keeps_the_repository_small() -> None:
    assert shipped_snapshot().stat().st_size <= MOST_BYTES


def test_the_chapters_of_the_question_are_as_deep_as_the_question(tmp_path: Path) -> None:
    """Though some of its networks are stored with fifty layers, for another study."""
    grid = queries.grid(Path(shutil.copy(shipped_snapshot(), tmp_path)))
    assert set(grid.groupby("activation")["depth"].max()) == {10}


def test_every_network_of_the_question_was_trained_to_its_end(store: duckdb.DuckDBPyConnection) -> None:
    assert rows(store, "SELECT DISTINCT status FROM asked") == [("finished",)]


def test_the_studies_are_as_large_as_they_say(store: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        store, "SELECT activation, count(DISTINCT depth), count(DISTINCT seed), count(*) FROM asked GROUP BY ALL"
    )
    assert sorted(found) == [("linear", 11, 16, 176), ("relu", 11, 8, 88), ("sigmoid", 11, 8, 88), ("tanh", 11, 8, 88)]


def test_every_epoch_and_split_was_evaluated(store: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        store,
        "SELECT split, min(epoch), max(epoch), count(*) FROM epoch_metric SEMI JOIN asked USING (run_id) GROUP BY ALL",
    )
    assert sorted(found) == [
        ("test", 0, 20, 440 * 21),
        ("train", 0, 20, 440 * 21),
        ("train_running", 1, 20, 440 * 20),
        ("validation", 0, 20, 440 * 21),
    ]


def test_every_layer_was_measured_at_every_epoch(store: duckdb.DuckDBPyConnection) -> None:
    assert not rows(
        store,
        "SELECT run_id FROM asked JOIN layer_stat USING (run_id) GROUP BY run_id, depth "
        "HAVING count(DISTINCT (epoch, layer)) <> 21 * (depth + 1)",
    )
    columns = ("weight_norm", "gradient_norm", "delta_rms", "update_ratio", "preactivation_std", "activation_std")
    for column in columns:
        first = 1 if column == "update_ratio" else 0  # no step was taken before epoch 0
        assert rows(
            store,
            f"SELECT count(*) FROM asked JOIN layer_stat USING (run_id) WHERE {column} IS NULL AND epoch >= {first}",
        ) == [(0,)], column


def test_what_is_shipped_was_trained_by_committed_code(store: duckdb.DuckDBPyConnection) -> None:
    assert rows(store, "SELECT count(*) FROM run ANTI JOIN provenance USING (provenance_id)") == [(0,)]
    commits = rows(store, "SELECT DISTINCT git_commit FROM run JOIN provenance USING (provenance_id)")
    assert commits
    for (commit,) in commits:
        assert len(commit) == 40
        assert not commit.endswith("+changes")


def test_a_linear_network_stays_where_softmax_regression_brings_it(store: duckdb.DuckDBPyConnection) -> None:
    accuracy = mean_test_accuracy(store, "linear")
    assert accuracy[3] == pytest.approx(92.1, abs=0.2)
    assert all(abs(accuracy[depth] - accuracy[3]) < 0.5 for depth in range(1, 11))


def test_a_sigmoid_network_fails_at_three_layers_and_is_at_chance_from_four_on(
    store: duckdb.DuckDBPyConnection,
) -> None:
    accuracy = mean_test_accuracy(store, "sigmoid")
    assert accuracy[3] == pytest.approx(43, abs=3)
    most_frequent_digit = 11.35  # percent of the test images: what guessing one digit always gives at best
    assert all(accuracy[depth] <= most_frequent_digit for depth in range(4, 11))


def test_depth_zero_is_one_network_whatever_its_activation(store: duckdb.DuckDBPyConnection) -> None:
    """It has no hidden layer, so the activation has no place to act."""
    by_activation = {name: mean_losses(store, name) for name in ("linear", "sigmoid", "tanh", "relu")}
    for name, losses in by_activation.items():
        assert losses == pytest.approx(by_activation["linear"], rel=1e-4), name


def mean_losses(store: duckdb.DuckDBPyConnection, activation: str) -> list[float]:
    """Test losses at depth 0, seeds 0 to 7 in turn."""
    found = rows(
        store,
        "SELECT loss FROM asked JOIN epoch_metric USING (run_id) WHERE depth = 0 AND seed < 8 AND split = 'test' "
        f"AND epoch = epochs AND activation = '{activation}' ORDER BY seed",
    )
    return [loss for (loss,) in found]
