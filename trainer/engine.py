"""Groups runs into cohorts and has them trained, here or in worker processes; hands back each one as it finishes."""

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from trainer.configuration import RunConfiguration
from trainer.errors import FathomError
from trainer.provenance import Provenance, where_trained
from trainer.startup import start_tensorflow

# More members share one compiled program, but their weights leave the processor's cache: on two cores four members of
# 128 units trained fastest per run. Another size is taken where it deals the runs out evenly, since each size of cohort
# is compiled for itself. Deep or wide networks fill the cache in smaller cohorts: with 50 layers a single member trains
# fastest. (README, "How fast it trains", has the figures.)
COHORT_SIZES = (4, 5, 3, 6, 2, 1)
COHORT_PARAMETERS = 1_400_000  # of all members together, unless there is one alone
ATTEMPTS = 2  # how often a cohort is tried before it counts as failed

Cohort = tuple[RunConfiguration, ...]
OnEpoch = Callable[[int, int, float], None]  # number of the cohort, epoch just finished, mean validation accuracy
Tables = dict[str, pa.Table]
Lacking = Callable[[Cohort], Cohort]  # what of a cohort is still to be trained
Say = Callable[[str], None]


@dataclass(frozen=True)
class Failure:
    """Why a cohort could not be trained, for people, and how often that was tried."""

    reason: str
    attempts: int


Result = tuple[int, Cohort, Tables | Failure]


def cohorts_of(runs: Sequence[RunConfiguration]) -> list[Cohort]:
    """Groups runs of one shape: those that differ in seed, initialiser or learning rate alone."""
    shapes: dict[RunConfiguration, list[RunConfiguration]] = {}
    for run in runs:
        shapes.setdefault(run.shape, []).append(run)
    return [cohort for group in shapes.values() for cohort in _dealt(group)]


def plan(wanted: Iterable[RunConfiguration], finished: Container[str]) -> list[Cohort]:
    """The cohorts of what is wanted and not finished. They are dealt out before what is finished is left out: a refresh
    that is resumed trains the same cohorts."""
    lacking = (without(cohort, finished) for cohort in cohorts_of(list(wanted)))
    return [cohort for cohort in lacking if cohort]


def without(cohort: Cohort, finished: Container[str]) -> Cohort:
    return tuple(run for run in cohort if run.run_id not in finished)


def _dealt(group: Sequence[RunConfiguration]) -> list[Cohort]:
    fitting = [size for size in COHORT_SIZES if size == 1 or size * group[0].parameters <= COHORT_PARAMETERS]
    size = next((size for size in fitting if size > 1 and len(group) % size == 0), fitting[0])
    return [tuple(group[at : at + size]) for at in range(0, len(group), size)]


def default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train(
    cohorts: Sequence[Cohort],
    provenance: Provenance,
    workers: int,
    on_epoch: OnEpoch,
    lacking: Lacking = lambda cohort: cohort,
    scheduler: str | None = None,
    say: Say = lambda sentence: None,
    record: bool = True,
) -> Iterator[Result]:
    """Trains the cohorts: at the address `scheduler`, or else on this machine.

    Args:
        workers: cores to use here: a process with one thread on each, or, where one process is enough, this one with as
            many threads. One core measures the same, to the bit, as several that have a process each.
        lacking: says, just before a cohort is trained, which of its runs are still needed.
        say: is told, in a sentence for people, what keeps the training waiting.
        record: see `train_cohort`.

    Yields:
        Each cohort in the order in which they finish: its number, what was trained of it, and the tables or the reason
        why there are none. A cohort of which nothing was needed any more comes back empty.

    Raises:
        FathomError: the cluster cannot be reached, or is not fit for this.
    """
    processes = min(workers, len(cohorts))
    if scheduler or processes > 1:
        from trainer import cluster

        opened = cluster.connect(scheduler, say) if scheduler else cluster.start(processes)
        with opened as client:
            yield from cluster.train(client, cohorts, provenance, on_epoch, lacking, scheduler is not None, record)
    else:
        yield from _train_here(cohorts, provenance, workers, on_epoch, lacking, record)


def _train_here(
    cohorts: Sequence[Cohort], provenance: Provenance, threads: int, on_epoch: OnEpoch, lacking: Lacking, record: bool
) -> Iterator[Result]:
    start_tensorflow(threads)
    provenance = where_trained(provenance)
    for number, cohort in enumerate(cohorts):

        def report(epoch: int, accuracy: float, number: int = number) -> None:
            on_epoch(number, epoch, accuracy)

        left = lacking(cohort)
        yield number, left, _attempt(left, provenance, report, record) if left else {}


def _attempt(
    cohort: Cohort, provenance: Provenance, report: Callable[[int, float], None], record: bool
) -> Tables | Failure:
    """Trains a cohort; one that fails is tried once more."""
    from trainer.cohort import train_cohort

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return train_cohort(cohort, provenance, report, record)
        except Exception as error:  # whatever it is, the other cohorts go on
            if attempt == ATTEMPTS:
                return Failure(reason_of(error), ATTEMPTS)
    raise AssertionError("there is at least one attempt")


def reason_of(error: BaseException) -> str:
    """One line: the sentence of an error that has one for people, or else its kind and what it says."""
    text = " ".join(str(error).split())[:500]
    return text if isinstance(error, FathomError) else f"{type(error).__name__}: {text}"
