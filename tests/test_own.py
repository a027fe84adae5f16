"""Own runs are renamed and removed from the command line, and those of the grid never are."""

from pathlib import Path

import duckdb
import pytest
from stores import PROJECT, cut_store

from trainer import own, tensorboard
from trainer.store import Store

PYTORCH = PROJECT / "tests" / "event_files" / "pytorch"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two runs of the grid, and one that was imported."""
    cut_store(tmp_path, "depth = 1 AND activation = 'linear' AND seed < 2 AND width = 128 AND epochs = 20")
    tensorboard.main(["--data", str(tmp_path), "import", str(PYTORCH)])
    return tmp_path


def names(data: Path) -> list[str]:
    newest = Store(data).newest_snapshot()
    with duckdb.connect(str(newest), read_only=True) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM run WHERE origin <> 'grid'").fetchall()]


def test_a_run_is_listed_renamed_and_removed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert own.main(["--data", str(data), "rename", "pytorch", "my net"]) == 0
    assert names(data) == ["my net"]
    capsys.readouterr()
    own.main(["--data", str(data), "list"])
    run_id, name = capsys.readouterr().out.split(maxsplit=1)
    assert name.strip() == "my net"
    assert own.main(["--data", str(data), "remove", run_id[:8]]) == 0
    assert names(data) == []
    Store(data).prepare()  # it does not come back
    assert Store(data).own_runs() == []
    with duckdb.connect(str(Store(data).newest_snapshot()), read_only=True) as connection:
        left = connection.execute("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM own_layer)").fetchall()
    assert left == [(2, 0)]


def test_runs_of_the_grid_are_left_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with duckdb.connect(str(Store(data).newest_snapshot()), read_only=True) as connection:
        run_id, name = connection.execute("SELECT run_id, name FROM run WHERE origin = 'grid'").fetchall()[0]
    before = Store(data).newest_snapshot()
    for command in (["remove", run_id], ["remove", "pytorch", name], ["rename", name, "mine"]):
        assert own.main(["--data", str(data), *command]) == 2
        assert "can be neither renamed nor removed" in capsys.readouterr().err
    Store(data).remove(run_id)
    Store(data).rename(run_id, "mine")
    assert Store(data).newest_snapshot() == before
    with duckdb.connect(str(Store(data).work_file), read_only=True) as connection:
        assert connection.execute("SELECT name FROM run WHERE run_id = ?", [run_id]).fetchall() == [(name,)]
