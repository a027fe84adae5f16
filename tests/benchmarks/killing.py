"""Refreshes that are killed with SIGKILL at random moments and resumed, until they are finished.

Each runs in a process that is forked from one which has TensorFlow and the images in memory, and compiles nothing, so
that most of its life is training and storing. It is the same program otherwise, but for publishing as often as its
budget allows, and sorting the work file as soon as some runs are out of order, so that these are hit as well.
"""

import multiprocessing
import os
import random
import re
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import duckdb
import tensorflow as tf

from trainer import cli, copies, datasets, refresh, snapshots
from trainer.database import TABLES, read_everything, reading
from trainer.errors import FathomError
from trainer.store import Store

RUNS = 16
STUDY = f"""
[question]
en = "Does it survive?"
ja = "生き残るか？"

[[grid]]
activation = "linear"
depth = 1
width = 4
train_size = 100
batch_size = 50
epochs = 1
seed = {list(range(RUNS))}
"""
PATIENCE = 120.0  # seconds for one refresh that nobody kills

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["killing", "trainer.cohort"])
datasets.load("mnist")  # kept, so that whoever is forked from a process that imported this has the images already


@dataclass
class Tally:
    """What killing did to the stores."""

    kills: int = 0
    lost: int = 0  # runs that were reported as trained and are not in the store
    unreadable: int = 0  # stores that could not be read after a kill
    different: int = 0  # finished stores that differ from the one of an undisturbed refresh
    rounds: int = 0  # refreshes that were finished in the end


def refresh_in_child(study: Path, folder: Path, log: Path, largest_file: int | None) -> None:
    """`python -m trainer STUDY --data FOLDER --workers 1`, with its output in a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    tf.config.run_functions_eagerly(True)
    refresh.PUBLISH_EVERY = 0.2
    copies.OUT_OF_ORDER = 4
    sys.exit(cli.main([str(study), "--data", str(folder), "--workers", "1"]))


def start(study: Path, folder: Path, log: Path | None = None, largest_file: int | None = None) -> BaseProcess:
    """
    Args:
        log: gets what it says; `FOLDER/log` where it is not given.
        largest_file: bytes; a write beyond it fails, as on a disk that is full.
    """
    folder.mkdir(exist_ok=True)
    log = log or folder / "log"
    log.unlink(missing_ok=True)  # what an earlier one said would count as said by one that is killed before it begins
    process = FORKING.Process(target=refresh_in_child, args=(study, folder, log, largest_file))
    process.start()
    return process


def end(process: BaseProcess) -> int | None:
    process.join(PATIENCE)
    return process.exitcode


def finish(study: Path, folder: Path) -> None:
    assert end(start(study, folder)) == 0, (folder / "log").read_text()


def kill_until_finished(
    study: Path, folder: Path, undisturbed: Path, seconds: float, chance: random.Random, tally: Tally, kills: int
) -> float:
    """One refresh: killed after a random time, of up to the `seconds` that an undisturbed one takes, and resumed; left
    alone once there are so many `kills`.

    Returns:
        The seconds that an undisturbed one takes, by what was seen since: a machine that was busier when they were
        taken would let most refreshes be finished before they are killed.
    """
    while True:
        before = Store(folder).finished_runs() if folder.exists() else set()
        started = time.monotonic()
        process = start(study, folder)
        process.join(chance.uniform(0.1, 1.0) * seconds if tally.kills < kills else PATIENCE)
        if process.exitcode is not None:
            spent = time.monotonic() - started
            break
        process.kill()
        process.join()
        tally.kills += 1
        _examine(Store(folder), len(before) + _reported(folder / "log"), tally)
    assert process.exitcode == 0, (folder / "log").read_text()
    tally.rounds += 1
    tally.different += differences(newest(folder), newest(undisturbed)) > 0
    return seconds if before else min(seconds, spent)


def _reported(log: Path) -> int:
    """Runs that a refresh said it had trained and kept."""
    counts = [int(count) for count in re.findall(r"^(\d+)/\d+ runs: ", _said(log), re.MULTILINE)]
    return max(counts, default=0)


def _said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def _examine(store: Store, expected: int, tally: Tally) -> None:
    found = snapshots.in_folders(store.folder, store.local)
    files = [path for path in (store.work_file, *found) if path.exists()]
    try:
        for file in files:
            with reading(file) as connection:
                read_everything(connection)
        lost = max(0, expected - len(store.finished_runs()))
        if lost:
            sizes = {path.name: path.stat().st_size for path in store.local.iterdir()}
            print(f"{lost} runs lost in {store.folder}, which holds {sizes}. It said: {_said(store.folder / 'log')}")
        tally.lost += lost
    except FathomError:
        tally.unreadable += 1
    tally.unreadable += len(list(store.local.glob("work-damaged-*.duckdb")))


def newest(folder: Path) -> Path:
    snapshot = Store(folder).newest_snapshot()
    assert snapshot is not None
    return snapshot


def differences(one: Path, other: Path) -> int:
    """Rows of one store that the other lacks, in any table, but for how long the runs took."""
    with duckdb.connect() as connection:
        for name, file in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{file}' AS {name} (READ_ONLY)")
        rows = 0
        for table in TABLES:
            columns = "* EXCLUDE (seconds)" if table == "run" else "*"
            left, right = (f"SELECT {columns} FROM {name}.{table}" for name in ("one", "other"))
            for query in (f"{left} EXCEPT ALL {right}", f"{right} EXCEPT ALL {left}"):
                counted = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()
                rows += counted[0] if counted else 0
        return rows
