"""How long a refresh will take on this machine: found by rehearsing it.

Of the shapes that the plan is made of, a few are trained for a moment, as many at once as there will be processes. What
they need for a step, a measurement and compiling is carried over to all others: along a straight line through the
depths of one kind of network, and from kind to kind in proportion to the floating-point operations.
"""

import heapq
import math
import multiprocessing
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields

from trainer.configuration import EVERY_EPOCH, RunConfiguration
from trainer.datasets import TEST_IMAGES, TRAINING_SAMPLE
from trainer.engine import Cohort
from trainer.errors import FathomError
from trainer.provenance import Provenance
from trainer.startup import start_tensorflow

KINDS = 4  # rehearsed at most, those with the most operations; each at its least and its greatest depth
STEPS = 100  # of training that are timed, at most about
PROGRAMS_KEPT = 2  # by a worker, for the next cohort of the same shape


@dataclass(frozen=True)
class Cost:
    """Seconds that a cohort needs in one process."""

    compiling: float
    starting: float
    step: float
    measurement: float

    def scaled(self, of_steps: float, of_measurements: float) -> "Cost":
        return Cost(self.compiling, self.starting, self.step * of_steps, self.measurement * of_measurements)


@dataclass(frozen=True)
class Rehearsal:
    """What a cohort of one shape was found to cost."""

    run: RunConfiguration
    members: int
    cost: Cost

    @property
    def of_one_member(self) -> Cost:
        return self.cost.scaled(1 / self.members, 1 / self.members)


@dataclass(frozen=True)
class Estimate:
    """Of a whole refresh: how long it will take, and the share of it that is compiling."""

    seconds: float
    compile_share: float


def estimate(cohorts: Sequence[Cohort], provenance: Provenance, workers: int) -> Estimate:
    """Rehearses and adds up. Takes some seconds, most of them to start TensorFlow and to compile.

    Raises:
        FathomError: a rehearsal came to no end.
    """
    processes = min(workers, len(cohorts))
    threads = 1 if processes > 1 else workers  # as in `engine.train`
    started = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, spawn, initializer=start_tensorflow, initargs=(threads,)) as pool:
            pool.submit(int).result()
            start = time.perf_counter() - started
            chosen = chosen_for_rehearsal(cohorts)
            rehearsals = list(pool.map(rehearse, chosen, [provenance] * len(chosen)))
    except BrokenProcessPool as error:
        raise FathomError(
            "How long it takes could not be found out: a process that rehearsed it died. It may lack memory; try fewer "
            "at once with --workers."
        ) from error
    return added_up(cohorts, rehearsals, processes, start)


def chosen_for_rehearsal(cohorts: Iterable[Cohort]) -> list[Cohort]:
    """The shallowest and the deepest cohort of each of the kinds with the most operations."""
    kinds: dict[RunConfiguration, list[Cohort]] = defaultdict(list)
    for cohort in cohorts:
        kinds[_kind(cohort[0])].append(cohort)
    heaviest = sorted(kinds.values(), key=lambda kind: -sum(run.performed_flops for cohort in kind for run in cohort))
    chosen: list[Cohort] = []
    for kind in heaviest[:KINDS]:
        ordered = sorted(kind, key=lambda cohort: cohort[0].depth)
        chosen += [ordered[0], ordered[-1]] if ordered[0][0].depth < ordered[-1][0].depth else ordered[:1]
    return chosen


def _kind(run: RunConfiguration) -> RunConfiguration:
    """What two shapes share that differ in depth and in how long they are trained alone."""
    return run.shape.model_copy(update={"depth": 0, "epochs": 1, "train_size": _rehearsed_size(run)})


def _rehearsed_size(run: RunConfiguration) -> int:
    """Training examples of a rehearsal: enough for the steps that are timed, and for a whole sample to evaluate."""
    return min(run.train_size, max(TRAINING_SAMPLE, STEPS * run.batch_size))


def rehearse(cohort: Cohort, provenance: Provenance) -> Rehearsal:
    """Trains a cohort for an epoch or two of a part of its examples: runs in a process of its own."""
    from trainer.cohort import train_cohort

    size = _rehearsed_size(cohort[0])
    steps = size // min(size, cohort[0].batch_size)
    epochs = min(EVERY_EPOCH, 1 + math.ceil(STEPS / steps))

    def seconds(epochs: int, record: bool) -> float:
        short = [run.model_copy(update={"train_size": size, "epochs": epochs}) for run in cohort]
        started = time.perf_counter()
        train_cohort(short, provenance, record=record)
        return time.perf_counter() - started

    first, again = seconds(1, record=True), seconds(1, record=True)
    one, several = seconds(1, record=False), seconds(epochs, record=False)
    step = max(several - one, 0.0) / ((epochs - 1) * steps)
    return Rehearsal(
        cohort[0],
        len(cohort),
        Cost(
            compiling=max(first - again, 0.0),
            starting=max(one - steps * step, 0.0),
            step=step,
            measurement=max(again - one, 0.0) / 2,  # before the epoch and after it
        ),
    )


def added_up(cohorts: Sequence[Cohort], rehearsals: Sequence[Rehearsal], processes: int, start: float) -> Estimate:
    """What the cohorts take in turn, each in the process that is free first, which starts in `start` seconds."""
    free = [(start, process) for process in range(processes)]
    compiled: list[deque[tuple[RunConfiguration, int]]] = [deque(maxlen=PROGRAMS_KEPT) for _ in free]
    compiling = spent = 0.0
    for cohort in cohorts:
        moment, process = heapq.heappop(free)
        cost = cost_of(cohort, rehearsals)
        seconds = _seconds(cohort[0], cost)
        program = (cohort[0].shape.model_copy(update={"epochs": 1}), len(cohort))
        if program not in compiled[process]:
            compiled[process].append(program)
            seconds += cost.compiling
            compiling += cost.compiling
        spent += seconds
        heapq.heappush(free, (moment + seconds, process))
    return Estimate(max(moment for moment, _ in free), compiling / spent)


def _seconds(run: RunConfiguration, cost: Cost) -> float:
    """Of a cohort that need not be compiled. At the end all training examples are evaluated, not a sample of them."""
    steps = run.train_size // min(run.train_size, run.batch_size) * run.epochs
    sample = min(run.train_size, TRAINING_SAMPLE)
    last = (run.train_size - sample) / (sample + run.validation_size + TEST_IMAGES)
    return cost.starting + cost.step * steps + cost.measurement * (len(run.recorded_epochs) + last)


def cost_of(cohort: Cohort, rehearsals: Sequence[Rehearsal]) -> Cost:
    """From the rehearsals of the most similar kind."""
    run, kind = cohort[0], _kind(cohort[0]).model_dump()

    def likeness(rehearsal: Rehearsal) -> int:
        return sum(kind[name] == value for name, value in _kind(rehearsal.run).model_dump().items())

    nearest = _kind(max(rehearsals, key=likeness).run)
    alike = sorted((found for found in rehearsals if _kind(found.run) == nearest), key=lambda found: found.run.depth)
    shallow, deep = alike[0], alike[-1]
    if shallow is deep:
        like, cost = shallow.run, shallow.of_one_member
    else:
        like = shallow.run.model_copy(update={"depth": run.depth})
        cost = _between(shallow, deep, run.depth)
    members = len(cohort)
    return cost.scaled(
        of_steps=members * _step_operations(run) / _step_operations(like),
        of_measurements=members * run.flops_per_example / like.flops_per_example,
    )


def _between(shallow: Rehearsal, deep: Rehearsal, depth: int) -> Cost:
    """On the straight line through two depths."""
    way = (depth - shallow.run.depth) / (deep.run.depth - shallow.run.depth)
    costs = shallow.of_one_member, deep.of_one_member
    ends = ([getattr(cost, field.name) for cost in costs] for field in fields(Cost))
    return Cost(*(max(low + way * (high - low), 0.0) for low, high in ends))


def _step_operations(run: RunConfiguration) -> float:
    return run.performed_flops / run.epochs / run.train_size * min(run.train_size, run.batch_size)
