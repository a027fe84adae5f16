"""What is shipped is the newest local snapshot, without what the repository need not carry."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from training import PROJECT, trained

from trainer import ship, tensorboard
from trainer.errors import FathomError
from trainer.store import Store
from trainer.study import Study

SETTINGS: dict[str, Any] = {"activation": "linear", "epochs": 3}


def rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A store with the two runs of one cohort, of which the study `question` asks for the first."""
    cohort = trained(**SETTINGS)
    store = Store(tmp_path)
    store.prepare()
    store.remember_studies([Study("question", "?", "", cohort.runs[:1]), Study("other", "?", "", cohort.runs)])
    store.append(cohort.tables)
    store.publish()
    return tmp_path


def test_the_runs_of_the_question_are_shipped_whole_and_of_others_the_first_and_last_distributions(
    local: Path, tmp_path: Path
) -> None:
    whole, other = (run.run_id for run in trained(**SETTINGS).runs)
    shipped = ship.ship(local, tmp_path)
    for table in ship.PROFILES:
        epochs = {
            run_id: [
                epoch
                for (epoch,) in rows(
                    shipped, f"SELECT DISTINCT epoch FROM {table} WHERE run_id = '{run_id}' ORDER BY 1"
                )
            ]
            for run_id in (whole, other)
        }
        assert epochs == {whole: [0, 1, 3], other: [0, 3]}
    assert rows(shipped, "SELECT run_id FROM collapsed_map WHERE matrix IS NOT NULL") == [(whole,)]
    assert rows(shipped, "SELECT count(*) FROM collapsed_map") == [(8,)]


def test_all_else_is_shipped_as_it_was_published(local: Path, tmp_path: Path) -> None:
    newest = Store(local).newest_snapshot()
    assert newest is not None
    shipped = ship.ship(local, tmp_path)
    assert shipped.name == newest.name
    for table in ("store", "study", "study_run", "provenance", "run", "epoch_metric", "layer_stat", "confusion"):
        assert rows(shipped, f"FROM {table} ORDER BY ALL") == rows(newest, f"FROM {table} ORDER BY ALL"), table


def test_what_was_shipped_before_makes_place(local: Path, tmp_path: Path) -> None:
    before = tmp_path / "results-20200101T000000Z.duckdb"
    before.touch()
    shipped = ship.ship(local, tmp_path)
    assert [path.name for path in tmp_path.glob("results-*")] == [shipped.name]


def test_without_a_local_snapshot_nothing_is_shipped_and_nothing_removed(tmp_path: Path) -> None:
    before = tmp_path / "results-20200101T000000Z.duckdb"
    before.touch()
    with pytest.raises(FathomError, match="there is none"):
        ship.ship(tmp_path, tmp_path)
    assert before.exists()


def test_a_damaged_snapshot_is_not_shipped(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "results-20260101T000000Z.duckdb").write_bytes((PROJECT / "README.md").read_bytes())
    with pytest.raises(FathomError):
        ship.ship(tmp_path, tmp_path)
    assert not list(tmp_path.glob("results-*"))


def test_own_runs_stay_where_they_are(local: Path, tmp_path: Path) -> None:
    tensorboard.main(["--data", str(local), "import", str(PROJECT / "tests" / "event_files" / "pytorch")])
    shipped = ship.ship(local, tmp_path)
    assert rows(shipped, "SELECT DISTINCT origin FROM run") == [("grid",)]
    assert rows(shipped, "SELECT run_id FROM epoch_metric ANTI JOIN run USING (run_id)") == []
    assert rows(shipped, "FROM own_layer") == []
