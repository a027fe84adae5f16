"""Trains cohorts, in this process or in worker processes, and hands back each one's tables as it finishes."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from trainer.configuration import RunConfiguration
from trainer.provenance import Provenance
from trainer.startup import start_tensorflow

# More members share one compiled program, but their weights leave the processor's cache: on two cores four members of
# 128 units trained fastest per run. Another size is taken where it deals the runs out evenly, since each size of cohort
# is compiled for itself. (README, "How fast it trains", has the figures.)
COHORT_SIZES = (4, 5, 3, 6)
PROGRESS_TOPIC = "fathom-progress"
# A terminal sends Ctrl-C to the workers too; they leave it to this process, which stops them.
IGNORE_INTERRUPTS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"

Cohort = tuple[RunConfiguration, ...]
OnEpoch = Callable[[int, int, float], None]  # number of the cohort, epoch just finished, mean validation accuracy
Tables = dict[str, pa.Table]


def cohorts_of(runs: Sequence[RunConfiguration]) -> list[Cohort]:
    """Groups runs of one shape: those that differ in seed, initialiser or learning rate alone."""
    shapes: dict[RunConfiguration, list[RunConfiguration]] = {}
    for run in runs:
        shapes.setdefault(run.shape, []).append(run)
    return [cohort for group in shapes.values() for cohort in _dealt(group)]


def _dealt(group: Sequence[RunConfiguration]) -> list[Cohort]:
    even = (size for size in COHORT_SIZES if len(group) % size == 0)
    size = next(even, COHORT_SIZES[0])
    return [tuple(group[at : at + size]) for at in range(0, len(group), size)]


def default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train(
    cohorts: Sequence[Cohort], provenance: Provenance, workers: int, on_epoch: OnEpoch
) -> Iterator[tuple[Cohort, Tables]]:
    """Yields each cohort with its tables, in the order in which they finish."""
    if min(workers, len(cohorts)) <= 1:
        yield from _train_here(cohorts, provenance, on_epoch)
    else:
        yield from _train_in_workers(cohorts, provenance, min(workers, len(cohorts)), on_epoch)


def _train_here(
    cohorts: Sequence[Cohort], provenance: Provenance, on_epoch: OnEpoch
) -> Iterator[tuple[Cohort, Tables]]:
    start_tensorflow()
    from trainer.cohort import train_cohort

    for number, cohort in enumerate(cohorts):

        def report(epoch: int, accuracy: float, number: int = number) -> None:
            on_epoch(number, epoch, accuracy)

        yield cohort, train_cohort(cohort, provenance, report)


def _train_in_workers(
    cohorts: Sequence[Cohort], provenance: Provenance, workers: int, on_epoch: OnEpoch
) -> Iterator[tuple[Cohort, Tables]]:
    from distributed import Client, LocalCluster, as_completed

    # One thread each: see `start_tensorflow`. No dashboard of Dask's own, and no port that is open to the network.
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            preload=[IGNORE_INTERRUPTS],
            silence_logs=logging.CRITICAL,  # a stop by Ctrl-C is no error; an exception in a cohort is raised here
        ) as cluster,
        Client(cluster) as client,
    ):
        client.subscribe_topic(PROGRESS_TOPIC, lambda event: on_epoch(*event[1]))
        futures = [
            client.submit(_train_in_worker, number, cohort, provenance, pure=False, priority=-number)
            for number, cohort in enumerate(cohorts)
        ]
        numbers = {future.key: number for number, future in enumerate(futures)}
        finished = as_completed(futures)
        del futures  # a result is freed on its worker as soon as it has been gathered
        for future in finished:
            number = numbers[future.key]
            tables = future.result()
            future.release()
            yield cohorts[number], tables


def _train_in_worker(number: int, cohort: Cohort, provenance: Provenance) -> Tables:
    from distributed import get_worker

    start_tensorflow(threads=1)
    from trainer.cohort import train_cohort

    worker: Any = get_worker()

    def report(epoch: int, accuracy: float) -> None:
        worker.log_event(PROGRESS_TOPIC, (number, epoch, accuracy))

    return train_cohort(cohort, provenance, report)
