"""Which networks are the question's own."""

from pathlib import Path

import duckdb
import pytest
from stores import cut_store

from dashboard import queries


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return cut_store(tmp_path, "activation IN ('linear', 'tanh') AND depth IN (1, 2, 5) AND seed < 2")


def depths(store: Path, activation: str) -> list[int]:
    grid = queries.grid(store)
    return list(grid.loc[grid["activation"] == activation, "depth"])


def test_another_study_s_deeper_networks_do_not_stretch_the_pictures_of_the_question(store: Path) -> None:
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE run SET depth = 50 WHERE depth = 5 AND activation = 'tanh'")
    assert depths(store, "linear") == [1, 2, 5]
    assert depths(store, "tanh") == [1, 2]


def test_where_there_is_no_linear_network_every_depth_counts(store: Path) -> None:
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE run SET depth = 50 WHERE depth = 5 AND activation = 'tanh'")
        connection.execute("UPDATE run SET width = 64 WHERE activation = 'linear'")
    assert depths(store, "tanh") == [1, 2, 50]


@pytest.mark.parametrize(
    "change", ["width = 64", "epochs = 60", "dropout = 0.5", "shortcut = true", "dataset = 'fashion_mnist'"]
)
def test_one_other_setting_makes_another_network(store: Path, change: str) -> None:
    with duckdb.connect(str(store)) as connection:
        connection.execute(f"UPDATE run SET {change} WHERE activation = 'tanh' AND depth = 2")
    assert depths(store, "tanh") == [1, 5]
