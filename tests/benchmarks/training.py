"""How fast the trainer is, beside plain Keras and the bare matrix product: `python tests/benchmarks/training.py`.

One run, one machine, everything in turn: each round times the script of the question in plain Keras as it stands, the
same tuned (`jit_compile`, `steps_per_execution`), the matrix product of NumPy and of TensorFlow, and the trainer in as
many worker processes as it takes by default, with everything recorded and with nothing. A ratio compares what was timed
in the same round, since a machine may change its speed; the table gives the median of the rounds and, behind it, their
range.

What is counted: a run is 20 epochs. Plain Keras is timed over a few epochs after its first, and 20 times their mean is
its run: so neither its tracing nor its progress bar counts, though both are part of the script. The trainer is timed
over whole runs by the clock of its workers, from the choice of the examples to the last table, on a program that is
compiled already; compiling is counted apart. Seconds per run are the seconds of all processes together, divided by the
runs that they trained meanwhile.

What recording costs is the time that a worker spends on it over the rest of the same run: a machine may be half as fast
from one minute to the next. That nothing is lost outside of it is shown by whole runs with recording over whole runs
without, as far as the machine is even.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from trainer import cluster, engine, provenance
from trainer.configuration import RunConfiguration
from trainer.datasets import MNIST_FILE, read_mnist
from trainer.provenance import Provenance, where_trained
from trainer.startup import start_tensorflow
from trainer.study import find_study, read_study

MEMBERS = engine.COHORT_SIZES[0]  # a worker trains so many runs of a shape, in one cohort or in several
EPOCHS = 20  # of a run of the question
PRODUCT_SIZE = 2048

Shape = tuple[str, int]  # activation and depth
LINEAR: Shape = ("linear", 3)
RELU: Shape = ("relu", 3)  # whose evaluation is not one product


@dataclass(frozen=True)
class Extent:
    """How much is timed. The full extent takes ten to twenty minutes a round, the quick one a few in all."""

    depths: tuple[int, ...] = (1, 3, 10)
    deepest: int = 50  # how time grows with the operations, from the first of `depths`; in the first round only
    epochs: int = EPOCHS
    keras_epochs: int = 4
    products: int = 15


QUICK = Extent(depths=(1, 3), deepest=6, epochs=2, keras_epochs=1, products=4)


@dataclass
class Measurements:
    """What every round saw, a list with one number a round."""

    keras: dict[tuple[int, bool], list[float]] = field(default_factory=dict)  # (depth, tuned) → seconds a run
    recorded: dict[Shape, list[float]] = field(default_factory=dict)  # seconds a run
    bare: dict[Shape, list[float]] = field(default_factory=dict)  # the same without recording
    recording: dict[Shape, list[float]] = field(default_factory=dict)  # its time over that of the rest of a run
    compiling: dict[Shape, list[float]] = field(default_factory=dict)  # seconds a program
    products: dict[str, list[float]] = field(default_factory=dict)  # library → floating-point operations a second
    memory: list[float] = field(default_factory=list)  # bytes, of the process tree


# --- plain Keras, in a process of its own --------------------------------------------------------------------------


def keras_seconds(depth: int, tuned: bool, epochs: int) -> float:
    """Seconds per epoch of the script of the question, after its first epoch."""
    import keras

    arrays = read_mnist(MNIST_FILE)
    images = arrays["x_train"].reshape(60_000, 784).astype("float32") / 255
    hidden = [keras.layers.Dense(128) for _ in range(depth)]
    model = keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(10, activation="softmax")])
    expert = {"jit_compile": True, "steps_per_execution": 125} if tuned else {}
    model.compile(
        optimizer=keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"], **expert
    )
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    model.fit(
        images,
        arrays["y_train"],
        batch_size=128,
        epochs=1 + epochs,
        validation_split=0.2,
        verbose=0,
        callbacks=[clock],
    )
    return (ends[-1] - ends[0]) / epochs


def product_rates(times: int) -> dict[str, float]:
    """Single-precision floating-point operations a second of a large matrix product, the best of some."""
    import tensorflow as tf

    left, right = (np.random.default_rng(seed).random((PRODUCT_SIZE,) * 2, np.float32) for seed in (0, 1))
    on_device = tf.constant(left), tf.constant(right)
    return {
        "NumPy": _rate(lambda: left @ right, times),
        "TensorFlow": _rate(lambda: tf.matmul(*on_device).numpy(), times),
    }


def _rate(product: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - started)
    return 2 * PRODUCT_SIZE**3 / min(seconds)


def measure_keras(found: Measurements, extent: Extent) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        for depth in extent.depths:
            for tuned in (False, True):
                seconds = process.submit(keras_seconds, depth, tuned, extent.keras_epochs).result()
                found.keras.setdefault((depth, tuned), []).append(extent.epochs * seconds)
        for library, rate in process.submit(product_rates, extent.products).result().items():
            found.products.setdefault(library, []).append(rate)


# --- the trainer -----------------------------------------------------------------------------------------------------


class Times(NamedTuple):
    """Seconds of a cohort, by the clock of its worker."""

    choosing: float  # the examples: without recording, those to train on are all that is needed
    training: float  # from the first weight to the last table
    recording: float  # of that

    @property
    def whole(self) -> float:
        return self.choosing + self.training


def timed(runs: engine.Cohort, found: Provenance, record: bool) -> Times:
    """Trains a cohort, in a worker, as it would be trained by a refresh."""
    start_tensorflow(threads=1)
    from trainer.cohort import _Cohort

    measuring = []

    def measure(*arguments: Any, **named: Any) -> None:
        started = time.perf_counter()
        _Cohort._measure(cohort, *arguments, **named)
        measuring.append(time.perf_counter() - started)

    started = time.perf_counter()
    cohort = _Cohort(runs, where_trained(found))
    cohort._measure = measure  # type: ignore[method-assign]  # of this one object, which is timed
    chosen = time.perf_counter()
    tables = cohort.train(lambda epoch, accuracy: None, record)
    training = time.perf_counter() - chosen
    filling_tables = training - float(np.sum(tables["run"]["seconds"].to_numpy()))
    return Times(chosen - started, training, sum(measuring) + filling_tables)


def measure_recording(found: Measurements, extent: Extent, shape: Shape, first: bool) -> None:
    """Whole runs with everything recorded and without, the ones or the others `first`."""
    for record in (first, not first):
        seconds = measure_trainer(found, extent, shape, record)
        (found.recorded if record else found.bare).setdefault(shape, []).append(seconds)


def measure_trainer(found: Measurements, extent: Extent, shape: Shape, record: bool) -> float:
    """Seconds a run. Each worker trains two short cohorts, which show what compiling costs, then whole ones."""
    workers = engine.default_workers()
    short, whole = _cohorts(shape, 1, workers)[:workers], _cohorts(shape, extent.epochs, workers)
    with cluster.start(workers) as client:
        addresses = list(client.scheduler_info(n_workers=-1)["workers"])

        def train(cohorts: Sequence[engine.Cohort]) -> list[Times]:
            """Deals them out to the workers in turn."""
            futures = [
                client.submit(timed, cohort, provenance.gather(), record, workers=address, pure=False)
                for cohort, address in zip(cohorts, itertools.cycle(addresses), strict=False)
            ]
            times: list[Times] = client.gather(futures)
            return times

        first, again, times = train(short), train(short), train(whole)
    if record:
        compiling = statistics.mean(each.training for each in first) - statistics.mean(each.training for each in again)
        found.compiling.setdefault(shape, []).append(compiling)
        recording = sum(each.choosing + each.recording for each in times)
        rest = sum(each.whole for each in times) - recording
        found.recording.setdefault(shape, []).append(recording / rest)
    return sum(each.whole for each in times) / sum(map(len, whole)) / workers


def _cohorts(shape: Shape, epochs: int, number: int) -> list[engine.Cohort]:
    activation, depth = shape
    seeds = range(MEMBERS * number)
    runs = [RunConfiguration(activation=activation, depth=depth, epochs=epochs, seed=seed) for seed in seeds]  # type: ignore[arg-type]
    return engine.cohorts_of(runs)


@contextmanager
def watched_memory(found: Measurements) -> Iterator[None]:
    """Notes the most memory that this process and all that it started held together."""
    ended = threading.Event()
    largest = [0]

    def watch() -> None:
        while not ended.wait(1.0):
            largest[0] = max(largest[0], _memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        found.memory.append(largest[0])


def _memory() -> int:
    """Bytes; pages that processes share, such as those of TensorFlow's libraries, are counted once, where the system
    tells them apart."""
    this = psutil.Process()
    total = 0
    for process in (this, *this.children(recursive=True)):
        try:
            used = process.memory_full_info()
            total += getattr(used, "pss", used.rss)
        except psutil.Error:  # it has just ended
            continue
    return total


def measure(rounds: int, extent: Extent, console: Console) -> Measurements:
    found = Measurements()
    shapes = [*(("linear", depth) for depth in extent.depths), RELU]
    for number in range(rounds):
        console.print(f"Round {number + 1} of {rounds}: plain Keras …", style="dim")
        measure_keras(found, extent)
        console.print("… the trainer with and without recording …", style="dim")
        deepest = [("linear", extent.deepest)] if number == 0 else []
        with watched_memory(found):
            for shape in shapes:
                measure_recording(found, extent, shape, first=number % 2 == 0)
            for shape in deepest:
                found.recorded[shape] = [measure_trainer(found, extent, shape, record=True)]
    if extent != QUICK:
        console.print("An epoch of every network of question and activations, for its memory …", style="dim")
        with watched_memory(found):
            compile_everything()
    return found


def compile_everything() -> None:
    """A refresh of `question` and `activations` in all but its length: what a process has compiled, it keeps."""
    cohorts = [
        tuple(run.model_copy(update={"epochs": 1}) for run in cohort)
        for cohort in engine.cohorts_of(_runs_of_the_question())
    ]
    for _, _, tables in engine.train(cohorts, provenance.gather(), engine.default_workers(), lambda *event: None):
        if isinstance(tables, engine.Failure):
            raise SystemExit(tables.reason)


def _runs_of_the_question() -> list[RunConfiguration]:
    return [run for name in ("question", "activations") for run in read_study(find_study(name)).runs]


# --- what it amounts to ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high

    def show(self, form: str, scale: float = 1.0) -> str:
        median, low, high = (format(value * scale, form) for value in (self.median, self.low, self.high))
        return median if low == high else f"{median} ({low}–{high})"


def speedups(found: Measurements, depth: int, tuned: bool) -> list[float]:
    """Of the trainer, with everything recorded, over Keras."""
    return _ratios(found.keras[depth, tuned], found.recorded["linear", depth])


def overheads(found: Measurements, shape: Shape) -> list[float]:
    """What recording costs by whole runs."""
    return [ratio - 1 for ratio in _ratios(found.recorded[shape], found.bare[shape])]


def training_rates(found: Measurements, extent: Extent) -> list[float]:
    """Floating-point operations a second of training without recording, of those that it takes layer by layer."""
    return [_linear(extent).training_flops / seconds for seconds in found.bare[LINEAR]]


def _linear(extent: Extent) -> RunConfiguration:
    return RunConfiguration(depth=LINEAR[1], epochs=extent.epochs, seed=0)


def product_shares(found: Measurements, extent: Extent) -> list[float]:
    return _ratios(training_rates(found, extent), [max(rates) for rates in zip(*found.products.values(), strict=True)])


def _ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [first / second for first, second in zip(above, below, strict=True)]


def compile_share(found: Measurements) -> float:
    """Of a refresh of `question` and `activations`, where each worker compiles each shape that it trains.

    Depths that were not timed lie on a straight line through those that were. Other activations take as much longer
    than none as relu does at the depth where it was timed.
    """
    workers = engine.default_workers()
    cohorts = Counter(cohort[0].shape for cohort in engine.cohorts_of(_runs_of_the_question()))
    programs = {shape: min(workers, number) for shape, number in cohorts.items()}
    compiling = sum(_typical(found.compiling, shape) * number for shape, number in programs.items())
    training = sum(_typical(found.recorded, shape) * workers * MEMBERS * cohorts[shape] for shape in cohorts)
    return compiling / (compiling + training)


def _typical(seconds: dict[Shape, list[float]], run: RunConfiguration) -> float:
    timed = {shape: statistics.median(values) for shape, values in seconds.items()}
    depths = sorted(depth for activation, depth in timed if activation == "linear")
    slope, start = np.polyfit(depths, [timed["linear", depth] for depth in depths], 1)
    factor = 1.0 if run.activation == "linear" else timed[RELU] / timed["linear", RELU[1]]
    return float(start + slope * run.depth) * factor


def as_json(found: Measurements, extent: Extent) -> dict[str, Any]:
    """The figures of DESIGN, each the median over the rounds, and the range of those that are ratios."""
    speedup, tuned = (
        {depth: Spread.of(speedups(found, depth, expert)) for depth in extent.depths} for expert in (False, True)
    )
    share, overhead = Spread.of(product_shares(found, extent)), Spread.of(found.recording[LINEAR])
    return {
        "speedup": {depth: spread.median for depth, spread in speedup.items()},
        "speedup_tuned": {depth: spread.median for depth, spread in tuned.items()},
        "gemm_share": share.median,
        "recording_overhead": overhead.median,
        "compile_share": compile_share(found),
        "peak_memory_gb": max(found.memory) / 1e9,
        "ranges": {
            "speedup": {depth: spread.range for depth, spread in speedup.items()},
            "speedup_tuned": {depth: spread.range for depth, spread in tuned.items()},
            "gemm_share": share.range,
            "recording_overhead": overhead.range,
        },
    }


def as_tables(found: Measurements, extent: Extent) -> list[Table]:
    runs = Table(
        *("network", "plain Keras, s", "tuned, s", "Fathom, s", "without recording, s", "× plain", "× tuned"),
        title=f"Seconds per run of {extent.epochs} epochs: median (range over the rounds)",
        box=None,
    )
    for shape, recorded in found.recorded.items():
        activation, depth = shape
        cells = [f"{activation}, depth {depth}"]
        with_keras = activation == "linear" and depth in extent.depths
        for expert in (False, True):
            cells.append(Spread.of(found.keras[depth, expert]).show(".2f") if with_keras else "")
        cells.append(Spread.of(recorded).show(".2f"))
        cells.append(Spread.of(found.bare[shape]).show(".2f") if shape in found.bare else "")
        for expert in (False, True):
            cells.append(Spread.of(speedups(found, depth, expert)).show(".1f") if with_keras else "")
        runs.add_row(*cells)

    figures = Table("figure", "measured", "aim", title="\nAnd what that amounts to", box=None)
    for library, rates in found.products.items():
        figures.add_row(f"matrix product of {library}, 10⁹ operations/s", Spread.of(rates).show(".0f", 1e-9), "")
    rates = Spread.of(training_rates(found, extent)).show(".0f", 1e-9)
    figures.add_row(f"training at depth {LINEAR[1]}, 10⁹ operations/s", rates, "")
    shares, run = Spread.of(product_shares(found, extent)), _linear(extent)
    figures.add_row("its share of the faster product", shares.show(".0%"), "≥ 60%")
    carried_out = shares.show(".0%", run.performed_flops / run.training_flops)
    figures.add_row("the same of the operations that it carries out", carried_out, "")
    for shape in (shape for shape in found.recorded if shape in found.bare):
        aim = "≤ 15%" if shape[0] == "linear" else ""
        network = f"{shape[0]}, depth {shape[1]}"
        cost, whole = Spread.of(found.recording[shape]), Spread.of(overheads(found, shape))
        figures.add_row(f"recording costs, of the rest of a run, {network}", cost.show(".0%"), aim)
        figures.add_row(f"whole runs with it take more than without, {network}", whole.show(".0%"), "")
    figures.add_row("compiling, of a refresh of question and activations", f"{compile_share(found):.0%}", "≤ 10%")
    for shape, seconds in found.compiling.items():
        figures.add_row(f"compiling once, {shape[0]}, depth {shape[1]}, s", Spread.of(seconds).show(".1f"), "")
    shallow, deep = (("linear", depth) for depth in (extent.depths[0], extent.deepest))
    times = found.recorded[deep][0] / found.recorded[shallow][0]
    operations = [RunConfiguration(depth=depth, seed=0).training_flops for _, depth in (shallow, deep)]
    figures.add_row(
        f"depth {deep[1]} takes, × depth {shallow[1]}",
        f"{times:.1f}",
        f"≤ {operations[1] / operations[0]:.1f} (operations)",
    )
    figures.add_row("peak memory of all processes, GB", f"{max(found.memory) / 1e9:.2f}", "≤ 4")
    return [runs, figures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--quick", action="store_true", help="a try of a few minutes; its figures say little")
    parser.add_argument("--rounds", type=int, default=None, metavar="N", help="default: 3, or 1 with --quick")
    parser.add_argument("--epochs", type=int, default=None, metavar="N", help=f"of a run; default: {EPOCHS}")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    extent = replace(extent, epochs=options.epochs or extent.epochs)
    found = measure(options.rounds or (1 if options.quick else 3), extent, Console(stderr=True))
    if options.json:
        print(json.dumps(as_json(found, extent)))
    else:
        Console().print(*as_tables(found, extent), sep="\n")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
