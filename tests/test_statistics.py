"""Layer statistics equal a slow, independent NumPy backpropagation, one example and one layer at a time."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from training import dense_layers, images_and_labels, plain_loss, plain_model, trained

from trainer import datasets, statistics

Array = NDArray[np.float64]

ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "linear": (lambda z: z, np.ones_like),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}
SATURATES_BEYOND = {"sigmoid": 4.356, "tanh": 2.178}  # |z| at which the slope is 5 % of the steepest


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def backpropagate(kernels: list[Array], biases: list[Array], activation: str, positions: NDArray[np.int32]) -> Any:
    """Per layer the statistics of a probe, from the definitions in DESIGN §4, for one network."""
    function, slope = ACTIVATIONS[activation]
    depth = len(kernels) - 1
    images, labels = images_and_labels(positions)
    preactivations: list[list[Array]] = [[] for _ in kernels]
    hidden: list[list[Array]] = [[] for _ in kernels]
    deltas: list[list[Array]] = [[] for _ in kernels]
    arriving: list[list[Array]] = [[] for _ in kernels]
    gradients = [np.zeros_like(kernel) for kernel in kernels]
    for image, label in zip(images.astype(float), labels, strict=True):
        outputs = [image]
        for layer in range(depth + 1):
            z = kernels[layer].T @ outputs[-1] + biases[layer]
            outputs.append(function(z) if layer < depth else z)
            preactivations[layer].append(z)
            hidden[layer].append(outputs[-1])
        shifted = np.exp(outputs[-1] - outputs[-1].max())
        delta = shifted / shifted.sum()
        delta[label] -= 1
        for layer in range(depth, -1, -1):
            if layer < depth:
                incoming = kernels[layer + 1] @ delta
                delta = incoming * slope(preactivations[layer][-1])
                arriving[layer].append(incoming)
            deltas[layer].append(delta)
            gradients[layer] += np.outer(outputs[layer], delta) / len(labels)
    rows = []
    for layer in range(depth + 1):
        z, h, d = (np.array(values[layer]) for values in (preactivations, hidden, deltas))
        row = {
            "delta_rms": rms(d),
            "gradient_norm": np.linalg.norm(gradients[layer]),
            "gradient_rms": rms(gradients[layer]),
            "bias_gradient_norm": np.linalg.norm(d.mean(axis=0)),
            "preactivation_mean": z.mean(),
            "preactivation_std": z.std(),
            "activation_mean": h.mean(),
            "activation_std": h.std(),
        }
        if layer < depth:
            row["weight_gain"] = rms(np.array(arriving[layer])) / rms(np.array(deltas[layer + 1]))
            row["slope_gain"] = rms(d) / rms(np.array(arriving[layer]))
            row["dead_fraction"] = (slope(z) == 0).all(axis=0).mean()
            if activation == "linear":
                row["saturated_fraction"] = 0.0
            elif activation in SATURATES_BEYOND:
                row["saturated_fraction"] = (np.abs(z) > SATURATES_BEYOND[activation]).mean()
        rows.append(row)
    return rows


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_stored_statistics_equal_an_independent_backpropagation(activation: str) -> None:
    cohort = trained(activation=activation)
    for member, run in enumerate(cohort.runs):
        kernels = [kernel[member].astype(float) for kernel in cohort.kernels]
        biases = [bias[member].astype(float) for bias in cohort.biases]
        training = datasets.training_indices("mnist", run.train_size, run.seed)
        probe = datasets.probe_indices(datasets.load("mnist").labels, training)
        for layer, expected in enumerate(backpropagate(kernels, biases, activation, probe), start=1):
            stored = cohort.row("layer_stat", run, epoch=2, layer=layer)
            # Statistics that the layer does not have are NULL or, where none of the network has them, no column at all.
            assert {name for name in stored.keys() & expected.keys() if stored[name] is not None} == expected.keys()
            for name, value in expected.items():
                absolute = 2e-4 if name.endswith("fraction") else 1e-6
                assert stored[name] == pytest.approx(value, rel=2e-4, abs=absolute), (layer, name)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_saturated_and_dead_units_are_counted(activation: str) -> None:
    """The same comparison where the slopes are mostly flat, and two of the units are dead for every example."""
    cohort = trained(activation=activation)
    program, run = cohort.program, cohort.runs[0]
    probe = datasets.training_indices("mnist", run.train_size, run.seed)
    network = program.network
    try:
        for layer, kernel in zip(network.stack, cohort.kernels, strict=True):
            layer.kernel.assign(kernel * 3)
        bias = np.zeros(network.stack[1].bias.shape, np.float32)
        bias[:, :, :2] = -1_000.0  # flat in float32 for a sigmoid and a tanh, and below zero for relu
        network.stack[1].bias.assign(bias)
        trace = program.probe(np.stack([probe, probe]))
        kernels = [layer.kernel.numpy()[0].astype(float) for layer in network.stack]
        biases = [layer.bias.numpy()[0, 0].astype(float) for layer in network.stack]
    finally:  # as the cohort left it, for the other tests
        for layer, kernel, own_bias in zip(network.stack, cohort.kernels, cohort.biases, strict=True):
            layer.kernel.assign(kernel)
            layer.bias.assign(own_bias[:, None, :])
    with np.errstate(over="ignore", invalid="ignore"):  # exp(1000) in the slope of the slow sigmoid
        expected = backpropagate(kernels, biases, activation, probe)
    received = statistics.signal_statistics(trace, 2, activation, output=False)
    assert received["dead_fraction"][0] >= 2 / 16
    if activation == "relu":
        assert received["dead_fraction"][0] == pytest.approx(expected[1]["dead_fraction"])
        assert "saturated_fraction" not in received
    else:
        assert received["saturated_fraction"][0] > 2 / 16
        assert received["saturated_fraction"][0] == pytest.approx(expected[1]["saturated_fraction"], abs=1e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gains_of_weights_and_slope_multiply_to_the_ratio_of_the_errors(activation: str) -> None:
    cohort = trained(activation=activation)
    for run in cohort.runs:
        for epoch in range(3):
            rows = cohort.rows("layer_stat", run, epoch=epoch)
            for row, following in itertools.pairwise(rows):
                ratio = row["delta_rms"] / following["delta_rms"]
                assert row["weight_gain"] * row["slope_gain"] == pytest.approx(ratio, rel=1e-9)
                assert (row["slope_gain"] == 1.0) == (activation == "linear")


def test_weight_statistics_equal_numpy() -> None:
    cohort = trained(activation="tanh")
    for member, run in enumerate(cohort.runs):
        for layer, (kernels, biases) in enumerate(zip(cohort.kernels, cohort.biases, strict=True), start=1):
            stored = cohort.row("layer_stat", run, epoch=2, layer=layer)
            kernel, bias = kernels[member].astype(float), biases[member].astype(float)
            values = np.linalg.svd(kernel, compute_uv=False)
            shares = values / values.sum()
            expected = {
                "weight_mean": kernel.mean(),
                "weight_std": kernel.std(),
                "weight_min": kernel.min(),
                "weight_max": kernel.max(),
                "weight_norm": np.linalg.norm(kernel),
                "weight_spectral_norm": values[0],
                "weight_effective_rank": np.exp(-(shares * np.log(shares)).sum()),
                "bias_mean": bias.mean(),
                "bias_std": bias.std(),
            }
            for name, value in expected.items():
                assert stored[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name
            profile = cohort.row("singular_value", run, epoch=2, layer=layer)
            assert profile["values"] == pytest.approx(values, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (9, 9)])
def test_singular_values_equal_those_of_numpys_svd(shape: tuple[int, int]) -> None:
    kernels = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    expected = np.linalg.svd(kernels.astype(float), compute_uv=False)
    assert statistics.singular_values(kernels) == pytest.approx(expected, rel=1e-9)


def test_singular_values_of_a_kernel_without_full_rank_end_in_zeros() -> None:
    column, row = np.arange(1.0, 6.0)[:, None], np.arange(1.0, 4.0)[None, :]
    values = statistics.singular_values((column @ row)[None])
    assert values[0, 0] == pytest.approx(np.linalg.norm(column) * np.linalg.norm(row))
    assert values[0, 1:] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("values", "rank"),
    [([2.0, 2.0, 2.0, 2.0], 4.0), ([5.0, 0.0, 0.0], 1.0), ([3.0, 3.0, 0.0], 2.0), ([0.0, 0.0], 1.0)],
)
def test_the_effective_rank_counts_equal_singular_values(values: list[float], rank: float) -> None:
    assert statistics.effective_rank(np.array([values])) == pytest.approx([rank])


def test_the_effective_rank_of_unequal_values_lies_between() -> None:
    shares = np.array([0.75, 0.25])  # entropy 0.5623 nats
    assert statistics.effective_rank(shares[None] * 8) == pytest.approx([np.exp(0.562335)], rel=1e-5)


def test_the_update_ratio_is_the_size_of_the_change_over_the_size_before() -> None:
    before = np.full((2, 2, 2), 2.0, np.float32)
    after = before.copy()
    after[1] += 1.0
    assert statistics.update_ratio(before, after) == pytest.approx([0.0, 0.5])


def test_the_update_ratio_of_a_zero_kernel_does_not_exist() -> None:
    zero = np.zeros((1, 2, 2), np.float32)
    assert np.isnan(statistics.update_ratio(zero, zero + 1)).all()


def test_a_histogram_counts_every_finite_value_once() -> None:
    values = np.random.default_rng(1).normal(size=5_000).astype(np.float32)
    edges, counts = statistics.histogram(np.append(values, [np.nan, np.inf]).astype(np.float32))
    assert counts.sum() == 5_000
    assert len(edges) == len(counts) + 1
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    expected, _ = np.histogram(values, bins=32)
    assert np.abs(counts - expected).max() <= 2  # a value on an edge


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, 1e-30])
def test_a_histogram_of_one_value_is_a_spike_around_it(value: float) -> None:
    edges, counts = statistics.histogram(np.full(10, value, np.float32))
    assert counts.sum() == 10
    assert edges[0] < value < edges[-1]
    assert (np.diff(edges) >= 0).all()


def test_a_histogram_of_nothing_finite_is_empty() -> None:
    edges, counts = statistics.histogram(np.array([np.nan], np.float32))
    assert edges.size == counts.size == 0


def test_a_histogram_of_the_widest_range_does_not_fail() -> None:
    largest = np.finfo(np.float32).max
    with np.errstate(all="ignore"):
        _, counts = statistics.histogram(np.array([-largest, 0, largest], np.float32))
    assert counts.sum() == 3


def test_histograms_hold_every_number_of_a_layer_at_the_profile_epochs() -> None:
    cohort = trained(activation="relu")
    run = cohort.runs[0]
    rows = cohort.rows("layer_histogram", run)
    assert {row["epoch"] for row in rows} == {0, 1, 2}
    sizes = {"weight": 784 * 16, "preactivation": 500 * 16, "activation": 500 * 16}
    for row in rows:
        if row["layer"] == 1:
            count = sum(row["counts"])
            assert count == sizes.get(row["quantity"], count)
            if row["quantity"] == "log10_delta":
                assert 0 < count < 500 * 16  # relu makes exact zeros, which have no logarithm


BETWEEN: dict[str, dict[str, Any]] = {
    "shortcut": {"activation": "tanh", "shortcut": True, "depth": 3},
    "shortcut and layer normalisation": {"activation": "relu", "shortcut": True, "normalization": "layer", "depth": 3},
    "batch normalisation": {"activation": "relu", "normalization": "batch", "initializer": "he_normal"},
    "sigmoid output": {"activation": "sigmoid", "output": "sigmoid", "initializer": "fan_in_normal"},
}


@pytest.mark.parametrize("name", BETWEEN)
def test_gradients_before_training_are_those_that_keras_finds(name: str) -> None:
    """Whatever lies between the layers; δ of an example is the derivative of its loss with respect to the bias."""
    cohort = trained(**BETWEEN[name])
    run = cohort.runs[1]
    images, labels = images_and_labels(datasets.training_indices("mnist", run.train_size, run.seed))
    model, loss = plain_model(run), plain_loss(run)
    layers = dense_layers(model)
    kernels, biases = [layer.kernel.value for layer in layers], [layer.bias.value for layer in layers]
    with tf.GradientTape(persistent=True) as tape:
        losses = loss(labels, model(images, training=True))
        mean = tf.reduce_mean(losses)
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True), start=1):
        stored = cohort.row("layer_stat", run, epoch=0, layer=layer)
        assert stored["gradient_norm"] == pytest.approx(np.linalg.norm(tape.gradient(mean, kernel)), rel=1e-4)
        if run.normalization != "batch":  # a batch's examples share its mean and variance
            deltas = tape.jacobian(losses, bias).numpy()
            assert stored["delta_rms"] == pytest.approx(rms(deltas), rel=1e-4)
            assert stored["bias_gradient_norm"] == pytest.approx(np.linalg.norm(deltas.mean(axis=0)), rel=1e-4)


@pytest.mark.parametrize("name", BETWEEN)
def test_four_gains_multiply_to_the_ratio_of_the_errors_and_are_one_where_nothing_acts(name: str) -> None:
    cohort = trained(**BETWEEN[name])
    run = cohort.runs[0]
    rows = cohort.rows("layer_stat", run, epoch=2)
    for row, following in itertools.pairwise(rows):
        gains = [row[f"{part}_gain"] for part in ("weight", "slope", "normalization", "shortcut")]
        assert np.prod(gains) == pytest.approx(row["delta_rms"] / following["delta_rms"], rel=1e-6)
        assert (row["normalization_gain"] == 1.0) == (run.normalization == "none")
        has_shortcut = run.shortcut and row["layer"] < run.depth  # none leads from the last hidden layer to the output
        assert (row["shortcut_gain"] == 1.0) == (not has_shortcut)
