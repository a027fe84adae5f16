"""`python -m trainer` as it is used: what it prints, what it leaves behind, and the code it exits with."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from training import PROJECT, trainer

from trainer import cli
from trainer.database import SCHEMA_VERSION
from trainer.study import shipped_studies

TINY = """
[question]
en = "Is [bold]this[/bold] small?"
ja = "小さい？"

[[grid]]
activation = "tanh"
depth = [1, 0]
width = 8
train_size = 200
batch_size = 20
epochs = 2
seed = [0, 1]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("studies") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained_folder(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the tiny study, trained from nothing by two workers."""
    folder = tmp_path_factory.mktemp("two") / "made" / "by the trainer [1]"
    completed = trainer(study, "--data", folder, "--workers", "2")
    assert completed.returncode == 0, completed.stderr
    assert "Traceback" not in completed.stderr
    assert completed.stdout.startswith("Training 4 runs in 2 cohorts with 2 processes.\n")
    assert "\n4/4 runs: mnist tanh depth " in completed.stdout
    # The newest: where it takes more than a minute, some of the runs were published before.
    assert completed.stdout.endswith(f"Published as {snapshots(folder)[-1]}.\n")
    return folder


def snapshots(folder: Path) -> list[Path]:
    return sorted((folder / "local").glob("results-*.duckdb"))


def query(folder: Path, text: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(snapshots(folder)[-1]), read_only=True) as connection:
        return connection.execute(text).fetchall()


def main(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


def test_training_stores_every_run_that_the_study_asks_for(trained_folder: Path) -> None:
    runs = query(trained_folder, "SELECT depth, seed, status, diverged_epoch FROM run ORDER BY depth, seed")
    assert runs == [(depth, seed, "finished", None) for depth in (0, 1) for seed in (0, 1)]
    assert query(trained_folder, "SELECT study, count(*) FROM study_run GROUP BY study") == [("tiny", 4)]
    assert query(trained_folder, "SELECT spec FROM study") == [(TINY,)]
    assert query(
        trained_folder, "SELECT count(DISTINCT provenance_id) FROM provenance JOIN run USING (provenance_id)"
    ) == [(1,)]


def test_a_second_refresh_trains_nothing_says_so_and_does_not_load_tensorflow(
    study: Path, trained_folder: Path
) -> None:
    program = (
        "import sys\nfrom trainer.cli import main\ncode = main(sys.argv[1:])\n"
        "print('loaded:', sorted({'tensorflow', 'keras', 'distributed'} & set(sys.modules)))\nsys.exit(code)"
    )
    command = [sys.executable, "-c", program, str(study), "--data", str(trained_folder)]
    before = snapshots(trained_folder)
    completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    said, loaded = completed.stdout.splitlines()
    assert said.startswith("Everything is complete: all 4 runs of tiny are trained. To train them anyway, add --force")
    assert str(trained_folder) in said
    assert loaded == "loaded: []"
    assert snapshots(trained_folder) == before


def test_a_study_of_runs_that_are_all_trained_is_still_published(
    trained_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It trains nothing, but the dashboard has to know which runs the study consists of."""
    part = tmp_path / "part.toml"
    part.write_text(TINY.replace("depth = [1, 0]", "depth = 1"), encoding="utf-8")
    folder = tmp_path / "data"
    (folder / "local").mkdir(parents=True)
    (folder / snapshots(trained_folder)[-1].name).write_bytes(snapshots(trained_folder)[-1].read_bytes())
    assert main(part, "--data", folder) == 0
    assert "Everything is complete: all 2 runs of part" in capsys.readouterr().out
    assert query(folder, "SELECT study, count(*) FROM study_run GROUP BY study ORDER BY study") == [
        ("part", 2),
        ("tiny", 4),
    ]
    assert main(part, "--data", folder) == 0
    assert len(snapshots(folder)) == 1


def test_results_of_an_earlier_schema_are_published_anew_where_nothing_is_to_train(
    study: Path, trained_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(snapshots(trained_folder)[-1], tmp_path)
    with duckdb.connect(str(next(tmp_path.glob("*.duckdb")))) as connection:
        connection.execute("DROP TABLE failure")
        connection.execute("UPDATE store SET schema_version = 1")
    assert main(study, "--data", tmp_path) == 0
    assert "Published as" in capsys.readouterr().out
    assert query(tmp_path, "SELECT schema_version, (SELECT count(*) FROM run) FROM store") == [(SCHEMA_VERSION, 4)]
    assert main(study, "--data", tmp_path) == 0
    assert "Published as" not in capsys.readouterr().out


def test_list_shows_each_study_and_what_of_it_is_trained(
    study: Path, trained_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--list", study, "question", "--data", trained_folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].rstrip().split(maxsplit=3) == ["tiny", "4", "complete", "Is [bold]this[/bold] small?"]
    assert lines[2].split()[:3] == ["question", "176", "0"]
    assert main("--list", "--data", tmp_path / "nothing") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[0] != " "] == [
        "study",
        *sorted(path.stem for path in shipped_studies()),
    ]
    assert not (tmp_path / "nothing").exists()


def test_a_dry_run_says_what_would_be_trained_and_leaves_no_trace(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--dry-run", study, "--data", tmp_path / "nothing", "--workers", "2") == 0
    said = capsys.readouterr().out
    assert said.startswith("4 runs in 2 cohorts, 28,440 parameters, ")
    assert re.search(r"\nIt would take about \d+ s here with 2 processes, \d+% of it to compile; ", said)
    assert said.endswith("Nothing was trained.\n")
    assert not (tmp_path / "nothing").exists()


def test_force_would_train_what_is_already_trained(
    study: Path, trained_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--dry-run", study, "--data", trained_folder) == 0
    assert capsys.readouterr().out.startswith("0 runs")
    assert main("--dry-run", "--force", study, "--data", trained_folder, "--scheduler", "tcp://nobody:1") == 0
    assert capsys.readouterr().out.startswith("4 runs")


def train_and_stop(study: Path, folder: Path, workers: int, cohorts: int, stop: Callable[[int], None]) -> int:
    """Trains until so many cohorts are finished, and stops it. Returns the number of runs that it says it kept."""
    command = [sys.executable, "-m", "trainer", str(study), "--data", str(folder), "--workers", str(workers)]
    log = folder.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
    assert process.stdout is not None
    with process.stdout:
        finished = 0
        for line in process.stdout:
            finished += "runs: mnist" in line
            if finished == cohorts:
                break
        stop(process.pid)
        said = process.stdout.read()
    assert process.wait(timeout=120) == 130
    assert "Traceback" not in log.read_text()
    kept = re.search(r"Stopped\. (\d+) of \d+ runs are trained and kept; run the same command again", said)
    assert kept
    assert "Published as" in said
    return int(kept.group(1))


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    """A terminal sends it to the workers as well."""
    long = tmp_path / "long.toml"
    seeds = ", ".join(map(str, range(400)))
    text = TINY.replace("depth = [1, 0]", "depth = 0").replace("seed = [0, 1]", f"seed = [{seeds}]")
    long.write_text(text, encoding="utf-8")
    folder = tmp_path / "data"
    kept = train_and_stop(long, folder, workers=2, cohorts=1, stop=lambda pid: os.killpg(pid, signal.SIGINT))
    assert 4 <= kept < 400
    assert query(folder, "SELECT count(*), count(DISTINCT status) FROM run") == [(kept, 1)]
    assert query(folder, "SELECT count(DISTINCT run_id) FROM epoch_metric WHERE epoch = 2") == [(kept,)]
    others = {path.name for path in (folder / "local").iterdir() if "results" not in path.name}
    assert others == {"work.duckdb", "work.lock"}


def test_kill_keeps_what_is_finished_and_one_process_measures_what_two_workers_do(
    study: Path, trained_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    kept = train_and_stop(study, folder, workers=1, cohorts=1, stop=lambda pid: os.kill(pid, signal.SIGTERM))
    assert kept == 2
    finished = [run_id for (run_id,) in query(folder, "SELECT run_id FROM run")]
    for table in ("epoch_metric", "layer_stat", "layer_histogram", "singular_value", "confusion"):
        rows = f"SELECT * FROM {table} WHERE run_id IN {tuple(finished)!r} ORDER BY ALL"
        assert query(folder, rows) == query(trained_folder, rows) != []


# Bad input: exit code 2, one sentence on stderr, nothing lost.


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.endswith(".\n")
    return captured.err


def test_an_unknown_study_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("answer", "--data", tmp_path) == 2
    assert "There is no study 'answer'" in one_sentence(capsys)


def test_a_wrong_study_file_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(TINY.replace("depth = [1, 0]", "depth = [0, -1]"))
    assert main(wrong, "--data", tmp_path) == 2
    assert f"The study file {wrong}, grid 1, key 'depth': got -1" in one_sentence(capsys)


def test_a_missing_mnist_exits_with_2_before_anything_is_made(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "MNIST_FILE", tmp_path / "mnist.npz")
    assert main(study, "--data", tmp_path / "data") == 2
    assert "The MNIST images were expected at" in one_sentence(capsys)
    assert not (tmp_path / "data").exists()


def test_a_foreign_store_exits_with_2_and_is_kept(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work_file = tmp_path / "local" / "work.duckdb"
    work_file.parent.mkdir()
    with duckdb.connect(str(work_file)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 7 AS id")
    assert main(study, "--data", tmp_path) == 2
    assert "not a store of Fathom" in one_sentence(capsys)
    with duckdb.connect(str(work_file)) as connection:
        assert connection.execute("SELECT * FROM customers").fetchall() == [(7,)]
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("customers",)]


def test_a_data_folder_that_is_a_file_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data [old]"
    path.touch()
    assert main("--list", "--data", path) == 2
    assert (
        one_sentence(capsys)
        == f"The data folder {path} cannot be used: it is not a folder. Give another with --data.\n"
    )


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5", ""])
def test_a_wrong_number_of_workers_exits_with_2(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main("--list", f"--workers={workers}")
    assert caught.value.code == 2
    assert f"--workers: expected a whole number of at least 1, got '{workers}'; give another" in capsys.readouterr().err


def test_bad_input_shows_no_traceback_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "results-20260101T000000Z.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 7 AS id")
    completed = trainer("--data", tmp_path)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert re.fullmatch(r".*is a DuckDB database, but not a store of Fathom .*\n", completed.stderr)
    assert path.exists()
