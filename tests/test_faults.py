"""Nothing that is finished is lost: refreshes that are killed, that meet, that have no room, and readers meanwhile."""

import os
import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import pytest
from faults import kill
from killing import FORKING, RUNS, STUDY, differences, end, finish, newest, start
from training import renamed, trained

from dashboard.snapshots import connect, newest_readable
from trainer import cli
from trainer.database import SCHEMA_VERSION
from trainer.errors import FathomError
from trainer.store import Store


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("studies") / "killed.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "data"
    finish(study, folder)
    return folder


def said(folder: Path) -> str:
    return (folder / "log").read_text()


def test_a_refresh_that_is_killed_25_times_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    tally = kill(tmp_path, kills=25, seed=0)
    assert tally.kills >= 25
    assert tally.rounds >= 2
    assert (tally.lost, tally.unreadable, tally.different) == (0, 0, 0)


def test_a_difference_between_stores_would_be_found(undisturbed: Path, tmp_path: Path) -> None:
    copy = shutil.copy(newest(undisturbed), tmp_path)
    assert differences(newest(undisturbed), Path(copy)) == 0
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE layer_stat SET weight_norm = weight_norm + 1e-6 WHERE epoch = 1 AND layer = 1")
    assert differences(newest(undisturbed), Path(copy)) == 2 * RUNS


def test_two_refreshes_at_the_same_time_share_a_folder_and_the_work(
    study: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Each wants what the other wants, in the opposite order, so that they meet in the middle."""
    folder = tmp_path / "data"
    folder.mkdir()
    names = ("forwards", "backwards")
    seeds = [str(seed) for seed in range(RUNS)]
    running = []
    for name, order in zip(names, (seeds, seeds[::-1]), strict=True):
        own = tmp_path / f"{name}.toml"
        own.write_text(re.sub(r"seed = \[[^]]*\]", f"seed = [{', '.join(order)}]", STUDY), encoding="utf-8")
        running.append(start(own, folder, log=tmp_path / f"{name}.log"))
    assert [end(process) for process in running] == [0, 0]
    trained_runs = [
        int(count)
        for name in names
        for count in re.findall(r"^Trained (\d+) runs", (tmp_path / f"{name}.log").read_text(), re.MULTILINE)
    ]
    assert RUNS <= sum(trained_runs) <= RUNS + 2 * 4  # at most the cohorts in which both were at the same moment
    with duckdb.connect(str(newest(folder)), read_only=True) as connection:
        assert connection.execute("SELECT study, count(*) FROM study_run GROUP BY study ORDER BY study").fetchall() == [
            ("backwards", RUNS),
            ("forwards", RUNS),
        ]
        assert connection.execute("SELECT count(*), count(DISTINCT run_id) FROM run").fetchall() == [(RUNS, RUNS)]
        assert connection.execute("SELECT count(*) FROM epoch_metric").fetchall() == [(RUNS * 7,)]


# A disk without room, a folder that may not be written, files that are cut off, a snapshot from the future.


def test_a_full_disk_gets_its_sentence_keeps_what_is_there_and_the_next_refresh_goes_on(
    study: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """A file may grow no further, first from the start, then in the midst of the training."""
    folder = tmp_path / "data"
    kept: list[int] = []
    for room in (100_000, newest(undisturbed).stat().st_size // 2):
        assert end(start(study, folder, largest_file=room)) == 2
        assert re.search(r"(cannot be written|could not be published) .*(room|Make room)", said(folder))
        assert "Traceback" not in said(folder)
        kept.append(len(Store(folder).finished_runs()))
    assert kept[0] == 0 < kept[1]
    finish(study, folder)
    assert f"Training {RUNS - kept[1]} runs" in said(folder) or kept[1] == RUNS
    assert "damaged" not in said(folder)
    assert differences(newest(folder), newest(undisturbed)) == 0


def test_files_that_are_cut_off_are_said_and_kept_and_the_next_refresh_recovers(
    study: Path, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(undisturbed, folder)
    cut = [folder / "local" / "work.duckdb", newest(folder)]
    for file in cut:
        os.truncate(file, file.stat().st_size // 2)
    finish(study, folder)
    for file in cut:
        assert f"{file} should be a store of Fathom, but it is damaged" in said(folder)
    assert "was moved aside and is now work-damaged-" in said(folder)
    assert differences(newest(folder), newest(undisturbed)) == 0
    assert cut[1].exists()


def test_a_snapshot_of_a_newer_schema_is_left_alone_and_the_refresh_works_once_it_is_gone(
    study: Path, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(undisturbed, folder)
    later = folder / "results-29990101T000000Z.duckdb"
    shutil.copy(newest(folder), later)
    with duckdb.connect(str(later)) as connection:
        connection.execute("UPDATE store SET schema_version = schema_version + 1")
    before = {path.name: path.read_bytes() for path in folder.rglob("*.duckdb")}
    assert cli.main([str(study), "--data", str(folder)]) == 2
    assert f"{later} has schema version {SCHEMA_VERSION + 1}, but" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.rglob("*.duckdb")} == before
    later.unlink()
    assert cli.main([str(study), "--data", str(folder)]) == 0
    assert f"Everything is complete: all {RUNS} runs" in capsys.readouterr().out


def prepare_as_nobody(folder: Path, answer: Connection) -> None:
    """Root may write anywhere."""
    if os.geteuid() == 0:
        os.seteuid(65_534)
    try:
        Store(folder).prepare()
        answer.send("prepared")
    except FathomError as error:
        answer.send(str(error))


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("local", [True, False])
def test_a_folder_that_may_not_be_written_gets_its_sentence(open_to_all: Path, undisturbed: Path, local: bool) -> None:
    folder = open_to_all / "data"
    folder.mkdir()
    shutil.copy(newest(undisturbed), folder)
    if local:
        Store(folder).prepare()
        (folder / "local").chmod(0o555)
    folder.chmod(0o555)
    finished = Store(folder).finished_runs()
    here, there = FORKING.Pipe()
    process = FORKING.Process(target=prepare_as_nobody, args=(folder, there))
    process.start()
    assert end(process) == 0
    sentence = here.recv()
    assert sentence.startswith(f"The data folder {folder} cannot be written (")
    assert sentence.endswith("Make it writable, make room, or give another with --data.")
    assert Store(folder).finished_runs() == finished != set()
    for path in (folder, folder / "local"):
        path.exists() and path.chmod(0o755)
    Store(folder).prepare()


# Readers, as the dashboard reads.

READERS = 20
PUBLICATIONS = 100


def read_until_complete(folder: Path, complete: int, answer: Connection) -> None:
    """Looks for the newest snapshot and queries it, over and over, until it has seen all runs. Sends what it saw."""
    seen: list[set[str]] = [set()]
    opened: set[str] = set()
    errors: list[str] = []
    while len(seen[-1]) < complete:
        try:
            snapshot, passed_over = newest_readable(folder)
            errors += [str(problem) for problem in passed_over]
            rows = connect(snapshot).execute(
                "SELECT run_id, count(*) FROM run JOIN epoch_metric USING (run_id) GROUP BY run_id"
            )
            counts = dict(rows.fetchall())
            errors += [f"half a run: {run_id}" for run_id, count in counts.items() if count != ROWS_A_RUN]
            errors += [f"lost: {run_id}" for run_id in seen[-1] - counts.keys()]
            seen.append(set(counts))
            opened.add(snapshot.name)
            time.sleep(random.uniform(0.2, 0.6))  # noqa: S311  # as somebody who looks at a page
        except Exception as error:
            errors.append(repr(error))
            if len(errors) > 10:
                break
    answer.send((errors, len(opened)))


ROWS_A_RUN = 11  # three epochs of three splits, and the running mean of two


def test_readers_see_no_error_and_only_growth_while_a_hundred_snapshots_are_published(tmp_path: Path) -> None:
    cohort = trained(activation="linear")
    store = Store(tmp_path / "data")
    store.prepare()
    store.append(renamed(cohort, 0))
    store.publish()
    readers: list[tuple[Any, Connection]] = []
    for _ in range(READERS):
        here, there = FORKING.Pipe()
        process = FORKING.Process(target=read_until_complete, args=(store.folder, PUBLICATIONS, there))
        process.start()
        readers.append((process, here))
    for number in range(1, PUBLICATIONS):
        store.append(renamed(cohort, number))
        store.publish()
    answers = [here.recv() for _, here in readers]
    for process, _ in readers:
        assert end(process) == 0
    assert [errors for errors, _ in answers] == [[]] * READERS
    assert min(opened for _, opened in answers) >= 3  # they read while it grew
