"""A cohort measures exactly what its members would show if each were trained alone."""

import math
from functools import cache
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from training import SMALL, Trained, dense_layers, epoch_batches, images_and_labels, plain_model, trained

from trainer import datasets
from trainer.cohort import train_cohort
from trainer.configuration import RunConfiguration
from trainer.network import kernel_initializer
from trainer.provenance import gather

SETTINGS: dict[str, dict[str, Any]] = {
    "linear": {"activation": "linear"},
    "linear, deep": {"activation": "linear", "depth": 12, "learning_rate": 0.03, "l2": 0.001},
    "linear, dropout": {"activation": "linear", "depth": 3, "dropout": 0.3},
    "linear, small batches": {"activation": "linear", "depth": 3, "batch_size": 10, "learning_rate": 0.02},
    "sigmoid": {"activation": "sigmoid"},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "momentum and l2": {"activation": "tanh", "optimizer": "momentum", "learning_rate": 0.05, "l2": 0.01},
    "rmsprop": {"activation": "sigmoid", "optimizer": "rmsprop", "learning_rate": 0.003},
    "adam": {"activation": "relu", "optimizer": "adam", "learning_rate": 0.003},
    "shortcut": {"activation": "tanh", "shortcut": True, "depth": 3},
    "batch normalisation": {"activation": "relu", "normalization": "batch", "initializer": "he_normal"},
    "layer normalisation": {"activation": "tanh", "normalization": "layer", "optimizer": "momentum"},
    "shortcut and batch normalisation": {"activation": "relu", "shortcut": True, "normalization": "batch", "depth": 3},
    "dropout": {"activation": "relu", "dropout": 0.3},
    "sigmoid output": {
        "activation": "sigmoid",
        "output": "sigmoid",
        "initializer": "fan_in_normal",
        "bias_initializer": "standard_normal",
        "l2": 0.001,
        "validation_size": 10_000,
    },
}

LARGER: dict[str, Any] = {"depth": 0, "train_size": 13_000, "batch_size": 1_000}


@cache
def held_out_examples(validation_size: int) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int32]]]:
    return {
        "validation": images_and_labels(np.arange(60_000 - validation_size, 60_000, dtype=np.int32)),
        "test": images_and_labels(np.arange(60_000, 70_000, dtype=np.int32)),
    }


class Alone:
    """One run, trained by `keras.Sequential.train_on_batch` on the same batches, and what Keras saw of it."""

    def __init__(self, run: RunConfiguration, evaluated: bool) -> None:
        self.run = run
        self.model = plain_model(run)
        self.metrics: dict[tuple[int, str], tuple[float, float]] = {}
        self.update_ratios: dict[int, list[float]] = {}
        for epoch in range(run.epochs + 1):
            if epoch:
                self.train(epoch)
            if evaluated:
                self.evaluate(epoch)

    def train(self, epoch: int) -> None:
        seen: list[dict[str, float]] = []
        before: list[NDArray[np.float32]] = []
        for batch in epoch_batches(self.run, epoch):
            before = self.kernels()
            seen.append(self.model.train_on_batch(*images_and_labels(batch), return_dict=True))
        loss, accuracy = (float(np.mean([batch[name] for batch in seen])) for name in ("cross_entropy", "accuracy"))
        self.metrics[epoch, "train_running"] = loss, accuracy
        self.update_ratios[epoch] = [
            float(np.linalg.norm(new - old) / np.linalg.norm(old))
            for old, new in zip(before, self.kernels(), strict=True)
        ]

    def evaluate(self, epoch: int) -> None:
        training = datasets.training_indices("mnist", self.run.train_size, self.run.seed, self.run.validation_size)
        held_out = held_out_examples(self.run.validation_size)
        for split, examples in {"train": images_and_labels(training), **held_out}.items():
            seen = self.model.evaluate(*examples, batch_size=4_000, verbose=0, return_dict=True)
            self.metrics[epoch, split] = float(seen["cross_entropy"]), float(seen["accuracy"])

    def kernels(self) -> list[NDArray[np.float32]]:
        return [layer.kernel.numpy() for layer in dense_layers(self.model)]

    def biases(self) -> list[NDArray[np.float32]]:
        return [layer.bias.numpy() for layer in dense_layers(self.model)]


def relative_error(received: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(received - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_member_equals_the_plain_keras_model_trained_alone(name: str) -> None:
    cohort = trained(**SETTINGS[name])
    for member, run in enumerate(cohort.runs):
        alone = Alone(run, evaluated=member == 0 and run.optimizer in ("sgd", "momentum"))
        for layer, (kernel, bias) in enumerate(zip(alone.kernels(), alone.biases(), strict=True)):
            assert relative_error(cohort.kernels[layer][member], kernel) < 1e-4
            if run.normalization != "batch" or layer == run.depth:
                assert relative_error(cohort.biases[layer][member], bias) < 1e-4
            else:  # the batch's mean takes a bias away again: what it learns is rounding
                assert abs(cohort.biases[layer][member]).max() < 1e-6
        if (0, "test") in alone.metrics:
            assert_metrics_agree(cohort, run, alone)
        for epoch, ratios in alone.update_ratios.items():
            stored = [row["update_ratio"] for row in cohort.rows("layer_stat", run, epoch=epoch)]
            assert stored == pytest.approx(ratios, rel=1e-3)  # of the last step of the epoch


def test_training_is_compiled_once_whichever_steps_of_a_block_are_taken() -> None:
    """What differs from call to call must not be a constant of the program: it was, and each epoch had two programs."""
    program = trained(depth=2).program
    pixels, labels = program._pick(np.zeros((7, 2, 64), np.int32))
    texts = {
        program._train.experimental_get_compiler_ir(pixels, labels, *map(tf.constant, steps))(stage="hlo")
        for steps in ((0, 6, 0), (6, 7, 6))
    }
    assert len(texts) == 1


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
def test_members_may_differ_in_start_and_step_size(optimizer: str) -> None:
    shared = {**SMALL, "activation": "tanh", "depth": 2, "optimizer": optimizer}
    runs = [
        RunConfiguration(**{**shared, "seed": 3, "learning_rate": 0.001, "initializer": "orthogonal"}),
        RunConfiguration(**{**shared, "seed": 3, "learning_rate": 0.003, "initializer": "he_normal"}),
    ]
    tables = train_cohort(runs, gather())
    for member, run in enumerate(runs):
        expected = [float(np.linalg.norm(kernel)) for kernel in Alone(run, evaluated=False).kernels()]
        stored = [
            row["weight_norm"]
            for row in tables["layer_stat"].to_pylist()
            if row["run_id"] == run.run_id and row["epoch"] == run.epochs
        ]
        assert stored == pytest.approx(expected, rel=1e-5)
        assert tables["run"]["learning_rate"].to_pylist()[member] == run.learning_rate


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_what_weighs_a_pixel_that_no_image_inks_is_moved_by_a_penalty_alone(l2: float) -> None:
    cohort = trained(l2=l2)
    blank = ~datasets.load("mnist").images.any(axis=0)
    for run, kernel in zip(cohort.runs, cohort.kernels[0], strict=True):
        start = kernel_initializer(run.initializer, run.seed, 1)((784, run.width)).numpy()
        shrunk = (1 - 2 * l2 * run.learning_rate) ** (run.epochs * (run.train_size // run.batch_size))
        np.testing.assert_allclose(kernel[blank], shrunk * start[blank], rtol=1e-5)
        assert not np.isclose(kernel[~blank], start[~blank], rtol=1e-5).all()


def assert_metrics_agree(cohort: Trained, run: RunConfiguration, alone: Alone) -> None:
    """Losses to rounding, and accuracies but for one example that lies on a border."""
    stored = {(row["epoch"], row["split"]): row for row in cohort.rows("epoch_metric", run)}
    assert stored.keys() == alone.metrics.keys()
    for place, (loss, accuracy) in alone.metrics.items():
        row = stored[place]
        assert row["loss"] == pytest.approx(loss, rel=1e-4), place
        assert abs(row["accuracy"] - accuracy) * row["examples"] < 1.5, place


def test_the_comparison_with_keras_can_fail() -> None:
    cohort = trained(**SETTINGS["tanh"])
    other = plain_model(cohort.runs[0].model_copy(update={"seed": cohort.runs[1].seed}))
    assert relative_error(cohort.kernels[0][0], dense_layers(other)[0].kernel.numpy()) > 1e-2


def test_the_members_of_a_cohort_differ() -> None:
    cohort = trained(**SETTINGS["linear"])
    assert relative_error(cohort.kernels[0][0], cohort.kernels[0][1]) > 0.1


def test_depth_0_is_softmax_regression() -> None:
    cohort = trained(**LARGER)
    for member, run in enumerate(cohort.runs):
        weights = keras.initializers.GlorotUniform(seed=run.seed * 1_000 + 1)((784, 10)).numpy().astype(float)
        bias = np.zeros(10)
        for epoch in (1, 2):
            for batch in epoch_batches(run, epoch):
                images, labels = images_and_labels(batch)
                exponentials = np.exp(images @ weights + bias)
                error = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(10)[labels]
                weights -= run.learning_rate * images.T @ error / len(batch)
                bias -= run.learning_rate * error.mean(axis=0)
        assert len(cohort.kernels) == 1
        assert cohort.kernels[0][member] == pytest.approx(weights, abs=1e-5)
        assert cohort.biases[0][member] == pytest.approx(bias, abs=1e-5)


def test_every_epoch_split_and_layer_is_recorded_with_the_number_of_examples() -> None:
    cohort = trained(activation="relu")
    for run in cohort.runs:
        examples = {(row["epoch"], row["split"]): row["examples"] for row in cohort.rows("epoch_metric", run)}
        evaluated = {"train": 500, "validation": 12_000, "test": 10_000}
        expected = {(epoch, split): count for epoch in range(3) for split, count in evaluated.items()}
        assert examples == expected | {(epoch, "train_running"): 448 for epoch in (1, 2)}
        layers = [(row["epoch"], row["layer"]) for row in cohort.rows("layer_stat", run)]
        assert sorted(layers) == [(epoch, layer) for epoch in range(3) for layer in (1, 2, 3)]


def test_confusion_counts_every_test_image_once_and_agrees_with_the_accuracy() -> None:
    cohort = trained(activation="relu")
    labels = datasets.load("mnist").labels[60_000:]
    for run in cohort.runs:
        rows = cohort.rows("confusion", run)
        for digit in range(10):
            assert sum(row["count"] for row in rows if row["actual"] == digit) == (labels == digit).sum()
        correct = sum(row["count"] for row in rows if row["actual"] == row["predicted"])
        last = cohort.row("epoch_metric", run, epoch=2, split="test")
        assert correct / 10_000 == pytest.approx(last["accuracy"])


def test_no_column_is_empty_that_the_schema_promises() -> None:
    """`update_ratio` once got lost because the first row, of epoch 0, has none."""
    for activation in ("linear", "sigmoid", "tanh", "relu"):
        rows = trained(activation=activation).tables["layer_stat"].to_pylist()
        empty = {name for name in rows[0] if all(row[name] is None for row in rows)}
        assert empty == set()
        assert ("saturated_fraction" in rows[0]) == (activation != "relu")
        for row in rows:
            assert (row["update_ratio"] is None) == (row["epoch"] == 0)
            assert (row["weight_gain"] is None) == (row["layer"] == 3)


def test_the_collapsed_map_equals_the_forward_pass() -> None:
    cohort = trained(activation="linear")
    images, _ = images_and_labels(np.arange(60_000, 60_100, dtype=np.int32))
    for member, run in enumerate(cohort.runs):
        last = cohort.row("collapsed_map", run, epoch=2)
        logits = images.astype(float)
        for kernel, bias in zip(cohort.kernels, cohort.biases, strict=True):
            logits = logits @ kernel[member] + bias[member]
        matrix = np.reshape(last["matrix"], (784, 10))
        assert images @ matrix + last["bias"] == pytest.approx(logits, rel=1e-4, abs=1e-5)
        expected = np.linalg.svd(matrix, compute_uv=False)
        assert last["singular_values"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert cohort.row("collapsed_map", run, epoch=0)["matrix"] is None
    assert "collapsed_map" not in trained(activation="relu").tables


def numbers_in(table: pa.Table) -> list[float]:
    """Every number of a table, those in lists as well."""
    found: list[float] = []
    for column in table.columns:
        for value in column.to_pylist():
            found.extend(part for part in (value if isinstance(value, list) else [value]) if isinstance(part, float))
    return found


def test_a_run_that_diverges_keeps_the_epochs_it_had_and_stops_early() -> None:
    runs = [
        RunConfiguration(depth=2, width=8, learning_rate=100, train_size=200, batch_size=20, epochs=5, seed=seed)
        for seed in (0, 1)
    ]
    reports: list[tuple[int, float]] = []
    tables = train_cohort(runs, gather(), lambda epoch, accuracy: reports.append((epoch, accuracy)))
    assert [(row["status"], row["diverged_epoch"]) for row in tables["run"].to_pylist()] == [("diverged", 1)] * 2
    assert {row["epoch"] for row in tables["epoch_metric"].to_pylist()} == {0}
    assert {row["epoch"] for row in tables["layer_stat"].to_pylist()} == {0}
    assert "confusion" not in tables  # of the last epoch, which there was none of
    assert [epoch for epoch, _ in reports] == [0, 1]
    assert math.isnan(reports[1][1])
    for table in tables.values():
        assert np.isfinite(numbers_in(table)).all()


def test_a_member_that_diverges_leaves_its_fellows_as_they_are() -> None:
    """The largest step size at which some seeds end and some do not is a matter of luck, so one weight is broken."""
    from trainer import cohort, program

    runs = [
        RunConfiguration(depth=1, width=8, learning_rate=0.1, train_size=200, batch_size=20, epochs=2, seed=seed)
        for seed in (0, 1)
    ]
    together = cohort._Cohort(runs, gather())
    alone = train_cohort(runs, gather())

    def break_the_first(epoch: int, accuracy: float) -> None:
        if epoch == 1:
            kept = program._compiled(runs[0].shape, 2)
            kernel = kept.network.stack[0].kernel.numpy()
            kernel[0] = np.inf
            kept.network.stack[0].kernel.assign(kernel)

    tables = together.train(break_the_first)
    states = {row["run_id"]: (row["status"], row["diverged_epoch"]) for row in tables["run"].to_pylist()}
    assert states == {runs[0].run_id: ("diverged", 2), runs[1].run_id: ("finished", None)}
    for name in ("epoch_metric", "confusion", "singular_value"):
        survivor = [row for row in tables[name].to_pylist() if row["run_id"] == runs[1].run_id]
        assert survivor == [row for row in alone[name].to_pylist() if row["run_id"] == runs[1].run_id]
    broken = [row for row in tables["epoch_metric"].to_pylist() if row["run_id"] == runs[0].run_id]
    assert max(row["epoch"] for row in broken) == 1
    for table in tables.values():
        assert np.isfinite(numbers_in(table)).all()


def test_the_training_set_is_sampled_before_the_last_epoch_and_whole_at_it() -> None:
    cohort = trained(**LARGER)
    examples = {
        row["epoch"]: row["examples"] for row in cohort.rows("epoch_metric", cohort.runs[0]) if row["split"] == "train"
    }
    assert examples == {0: 12_000, 1: 12_000, 2: 13_000}
