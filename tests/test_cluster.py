"""Cohorts are trained on a real Dask cluster, and what goes wrong there costs no result."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from dask import config as dask_config
from distributed import Client
from killing import RUNS, STUDY, differences, newest
from training import PROJECT, trainer

from trainer import cluster, provenance
from trainer.configuration import RunConfiguration
from trainer.engine import Failure, cohorts_of
from trainer.errors import FathomError

PATIENCE = 60.0  # seconds


@contextmanager
def dask(*arguments: str, path: str = "") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    with dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)):
        yield wait_for(lambda: re.findall(r"tcp://[\d.:]+", file.read_text() if file.exists() else ""))[0]


def worker(address: str) -> tuple[str, ...]:
    return "worker", address, "--nthreads", "1", "--no-nanny"


def wait_for(look: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_workers_here_keep_the_memory_that_every_step_needs_again() -> None:
    with cluster.start(1) as client:
        (found,) = client.run(lambda: os.environ.get("MALLOC_TRIM_THRESHOLD_")).values()
    assert found is None


def test_a_cluster_that_loses_a_worker_while_it_trains_gives_what_one_process_gives(
    scheduler: str, tmp_path: Path
) -> None:
    study = tmp_path / "killed.toml"
    study.write_text(STUDY, encoding="utf-8")
    folder = tmp_path / "cluster"
    command = [sys.executable, "-m", "trainer", str(study), "--data", str(folder), "--scheduler", scheduler]
    with ExitStack() as stack:
        training = stack.enter_context(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        assert training.stdout is not None
        said = [training.stdout.readline(), training.stdout.readline()]
        workers = [stack.enter_context(dask(*worker(scheduler))) for _ in range(2)]
        for line in training.stdout:
            said.append(line)
            if f"4/{RUNS} runs" in line:  # each worker has its next cohort by now
                workers[0].kill()
        assert training.wait(PATIENCE) == 0
        with Client(scheduler, set_as_default=False) as client:
            deaths = client.run_on_scheduler(
                lambda dask_scheduler: sum(prefix.suspicious for prefix in dask_scheduler.task_prefixes.values())
            )
        assert deaths >= 1  # of a worker that had a task
    assert trainer(study, "--data", tmp_path / "here", "--workers", "1").returncode == 0
    assert said[:2] == [
        f"Training {RUNS} runs in {RUNS // 4} cohorts at {scheduler}.\n",
        f"The scheduler at {scheduler} has no workers yet; the training starts with the first.\n",
    ]
    assert said[-1].startswith(f"Trained {RUNS} runs in ")
    assert differences(newest(folder), newest(tmp_path / "here")) == 0


def test_a_worker_with_another_version_is_refused_in_one_sentence(scheduler: str, tmp_path: Path) -> None:
    """Its NumPy says that it is another one."""
    (tmp_path / "numpy-0.1.dist-info").mkdir()
    (tmp_path / "numpy-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    study = tmp_path / "killed.toml"
    study.write_text(STUDY, encoding="utf-8")
    with dask(*worker(scheduler), path=str(tmp_path)), Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=PATIENCE)
        completed = trainer(study, "--data", tmp_path / "data", "--scheduler", scheduler)
    assert completed.returncode == 2
    assert re.fullmatch(
        r"The worker tcp://\S+ differs in numpy: expected [\d.]+, as here, but it has 0\.1\. .* Install there .*\n",
        completed.stderr,
    )


def test_a_worker_of_several_threads_is_refused() -> None:
    here = provenance.environment()
    cluster.raise_if_unfit("tcp://a", {**here, "threads": "1"}, here)
    with pytest.raises(FathomError, match=r"tcp://a has 4 threads.*dask worker --nthreads 1 --nworkers 4"):
        cluster.raise_if_unfit("tcp://a", {**here, "threads": "4"}, here)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://here"])
def test_an_address_where_no_scheduler_answers_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECTION_PATIENCE", "1s")
    with (
        pytest.raises(FathomError, match=rf"No Dask scheduler answers at '{address}' .*Give the address"),
        cluster.connect(address, print),
    ):
        pass


def test_a_worker_that_has_come_to_hold_too_much_is_replaced_and_no_result_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "WORKER_MEMORY", 0)
    runs = [RunConfiguration(depth=depth, width=4, train_size=100, batch_size=50, epochs=1, seed=0) for depth in (0, 1)]
    processes = set()
    # Dask gives up a worker that is absent for so long. Its default, 15 seconds, is less than a busy machine may need.
    impatient = dask_config.set({"distributed.deploy.lost-worker-timeout": "10ms"})
    with impatient, cluster.start(1) as client:
        for _, cohort, tables in cluster.train(
            client, cohorts_of(runs), provenance.gather(), lambda *_: None, lambda cohort: cohort, False, True
        ):
            assert isinstance(tables, dict)
            assert tables["run"]["run_id"].to_pylist() == [run.run_id for run in cohort]
            processes |= set(client.run(os.getpid).values())
    assert len(processes) == len(runs)


def test_a_scheduler_that_is_gone_is_said_in_a_sentence(scheduler: str, tmp_path: Path) -> None:
    study = tmp_path / "killed.toml"
    study.write_text(STUDY, encoding="utf-8")
    command = [sys.executable, "-m", "trainer", str(study), "--data", str(tmp_path / "data"), "--scheduler", scheduler]
    impatient = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    pipe = subprocess.PIPE
    with (
        dask(*worker(scheduler)),
        subprocess.Popen(command, cwd=PROJECT, env=impatient, stdout=pipe, stderr=pipe, text=True) as training,
    ):
        assert training.stdout is not None
        for line in training.stdout:
            if f"4/{RUNS} runs" in line:
                (found,) = [each for each in psutil.process_iter(["cmdline"]) if scheduler_of(each, tmp_path)]
                found.kill()
        assert training.stderr is not None
        assert training.stderr.read() == f"{cluster.CONNECTION_LOST}\n"
        assert training.wait(PATIENCE) == 2
    assert list((tmp_path / "data" / "local").glob("results-*.duckdb"))


def scheduler_of(process: psutil.Process, folder: Path) -> bool:
    return str(folder / "scheduler.json") in (process.info["cmdline"] or [])


def test_a_cohort_whose_worker_dies_twice_counts_as_failed_and_the_rest_goes_on() -> None:
    fatal = RunConfiguration(depth=0, width=4, train_size=100, batch_size=50, epochs=50, seed=0)
    cohorts = cohorts_of([fatal, RunConfiguration(depth=0, width=4, train_size=100, batch_size=50, epochs=1, seed=0)])

    def kill_the_worker(number: int, epoch: int, accuracy: float) -> None:
        if cohorts[number] == (fatal,) and epoch == 1:
            for child in psutil.Process().children():
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()

    with cluster.start(1) as client:
        results = list(
            cluster.train(
                client, cohorts, provenance.gather(), kill_the_worker, lambda cohort: cohort, foreign=False, record=True
            )
        )
    (_, failed, failure), (_, _, tables) = results
    assert failed == (fatal,)
    assert failure == Failure("The worker that trained it died, 2 times; it may lack memory.", 2)
    assert tables["run"]["run_id"].to_pylist() == [cohorts[1][0].run_id]
