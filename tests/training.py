"""Small, real trainings that several tests look at, each done once; and the same training done by Keras alone."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer import datasets, program
from trainer.cohort import train_cohort
from trainer.configuration import RunConfiguration
from trainer.network import bias_initializer, kernel_initializer, layer_seed
from trainer.provenance import gather
from trainer.startup import start_tensorflow

start_tensorflow(threads=1)  # other files are tested at the same time

PROJECT = Path(__file__).parents[1]

# 500 examples in batches of 64: seven steps an epoch, and 52 examples that sit it out.
SMALL: dict[str, Any] = {"width": 16, "train_size": 500, "batch_size": 64, "epochs": 2, "learning_rate": 0.1}


@dataclass(frozen=True)
class Trained:
    """A trained cohort: its runs, its tables, and each layer's final kernel and bias, one slice per member."""

    runs: tuple[RunConfiguration, ...]
    tables: dict[str, pa.Table]
    kernels: list[NDArray[np.float32]]
    biases: list[NDArray[np.float32]]
    program: program.Program

    def rows(self, table: str, run: RunConfiguration, **where: Any) -> list[dict[str, Any]]:
        wanted = {"run_id": run.run_id, **where}
        return [row for row in self.tables[table].to_pylist() if wanted.items() <= row.items()]

    def row(self, table: str, run: RunConfiguration, **where: Any) -> dict[str, Any]:
        (row,) = self.rows(table, run, **where)
        return row


@lru_cache
def trained(seeds: tuple[int, ...] = (3, 4), depth: int = 2, **settings: Any) -> Trained:
    """A cohort of small runs; what `settings` does not name is as in SMALL."""
    runs = tuple(RunConfiguration(**{**SMALL, "depth": depth, "seed": seed, **settings}) for seed in seeds)
    tables = train_cohort(runs, gather())
    kept = program._compiled(runs[0].shape, len(runs))  # as the cohort left it
    return Trained(runs, tables, kept.kernels(), kept.biases(), kept)


def only(tables: dict[str, pa.Table], *run_ids: str) -> dict[str, pa.Table]:
    """The part of a cohort's tables that belongs to some of its runs."""
    chosen = pa.array(run_ids)
    return {
        name: table if name == "provenance" else table.filter(pc.is_in(table["run_id"], chosen))
        for name, table in tables.items()
    }


def renamed(cohort: Trained, number: int) -> dict[str, pa.Table]:
    """One of the runs of a cohort, under a run_id of its own."""
    name = pa.scalar(f"run {number}")
    tables: dict[str, pa.Table] = {}
    for table, rows in only(cohort.tables, cohort.runs[0].run_id).items():
        place = rows.column_names.index("run_id") if "run_id" in rows.column_names else None
        named = pc.if_else(pc.is_valid(rows["run_id"]), name, name) if place is not None else None
        tables[table] = rows if place is None else rows.set_column(place, "run_id", named)
    return tables


def images_and_labels(positions: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Images (examples, 784) with pixels from 0 to 1, and their digits (examples,)."""
    dataset = datasets.load("mnist")
    return (dataset.images[positions] / 255).astype(np.float32), dataset.labels[positions]


def plain_model(run: RunConfiguration) -> keras.Model:
    """The network of one run, as anyone would write it in Keras."""

    def dense(layer: int, units: int) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=kernel_initializer(run.initializer, run.seed, layer),
            bias_initializer=bias_initializer(run.bias_initializer, run.seed, layer),
            kernel_regularizer=keras.regularizers.L2(run.l2) if run.l2 else None,
        )

    normalizations = {"batch": keras.layers.BatchNormalization, "layer": keras.layers.LayerNormalization}
    optimizers = {
        "sgd": lambda: keras.optimizers.SGD(run.learning_rate),
        "momentum": lambda: keras.optimizers.SGD(run.learning_rate, momentum=0.9),
        "rmsprop": lambda: keras.optimizers.RMSprop(run.learning_rate),
        "adam": lambda: keras.optimizers.Adam(run.learning_rate),
    }
    pixels = keras.Input((784,))
    hidden, below = pixels, None
    for layer in range(1, run.depth + 1):
        hidden = dense(layer, run.width)(hidden)
        if run.shortcut and below is not None:
            hidden = keras.layers.Add()([hidden, below])
        below = hidden
        if run.normalization != "none":
            hidden = normalizations[run.normalization]()(hidden)
        hidden = keras.layers.Activation(run.activation)(hidden)
        if run.dropout:
            hidden = keras.layers.Dropout(run.dropout, seed=layer_seed(run.seed, layer))(hidden)
    model = keras.Model(pixels, dense(run.depth + 1, 10)(hidden))
    model.compile(
        optimizer=optimizers[run.optimizer](),
        loss=plain_loss(run),
        metrics=[
            keras.metrics.MeanMetricWrapper(plain_loss(run), name="cross_entropy"),
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        ],
        run_eagerly=not run.dropout,  # compiled or not, Keras draws other random numbers
        jit_compile=bool(run.dropout),
    )
    return model


def plain_loss(run: RunConfiguration) -> Callable[[Any, Any], Any]:
    if run.output == "softmax":
        return lambda labels, logits: keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    def summed(labels: Any, logits: Any) -> Any:
        """Of ten yes-or-no questions, by the definition: probabilities first."""
        wanted = keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), 10)
        probabilities = keras.ops.sigmoid(logits)
        return -keras.ops.sum(
            wanted * keras.ops.log(probabilities) + (1 - wanted) * keras.ops.log(1 - probabilities), axis=-1
        )

    return summed


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def epoch_batches(run: RunConfiguration, epoch: int) -> NDArray[np.int32]:
    """Positions of the images of each step: (steps, batch)."""
    training = datasets.training_indices(run.dataset, run.train_size, run.seed, run.validation_size)
    order = datasets.batch_order(run.dataset, run.seed, epoch, run.train_size, run.batch_size)
    batches: NDArray[np.int32] = training[order]
    return batches


def trainer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m trainer …` in a process of its own."""
    command = [sys.executable, "-m", "trainer", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
