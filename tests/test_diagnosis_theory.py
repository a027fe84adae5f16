"""Theory against closed forms, and against networks drawn at random."""

import numpy as np
import pytest

from dashboard.diagnosis import theory


@pytest.mark.parametrize(
    ("activation", "gain", "factor"),
    [("linear", 1.0, 1.0), ("linear", 2.0, 2.0), ("relu", 2.0, 1.0), ("relu", 1.0, 0.5)],
)
def test_the_factor_of_linear_and_relu_does_not_depend_on_the_signal(
    activation: str, gain: float, factor: float
) -> None:
    for variance in (0.01, 1.0, 9.0):
        assert theory.gradient_factor(activation, gain, variance) == pytest.approx(factor, rel=1e-6)


def test_a_sigmoid_takes_at_least_fifteen_sixteenths() -> None:
    assert theory.gradient_factor("sigmoid", 1.0, 1e-6) == pytest.approx(1 / 16, rel=1e-3)
    assert theory.gradient_factor("sigmoid", 1.0, 4.0) < 1 / 16


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_expectations_hold_in_wide_networks_drawn_at_random(activation: str) -> None:
    width, depth, gain = 1_500, 5, 1.3
    generator = np.random.default_rng(1)
    kernels = [generator.normal(0, np.sqrt(gain / width), (width, width)) for _ in range(depth)]
    hidden = generator.normal(0, 1, (8, width))
    sums = []
    for kernel in kernels:
        sums.append(hidden @ kernel)
        hidden = theory.ACTIVATIONS[activation](sums[-1])
    first = float(np.mean(sums[0] ** 2))
    measured = [float(np.mean(each**2)) for each in sums]
    assert theory.input_sums(activation, gain, first, depth) == pytest.approx(measured, rel=0.1)
    error = generator.normal(0, 1, (8, width))  # δ at the last hidden layer
    start = np.sqrt(np.mean(error**2))
    for layer in range(depth - 1, 0, -1):
        error = (error @ kernels[layer].T) * theory.SLOPES[activation](sums[layer - 1])
    total = np.sqrt(np.mean(error**2)) / start
    assert theory.expected_total(activation, gain, first, depth) == pytest.approx(total, rel=0.1)


def test_signals_settle_where_theory_says() -> None:
    assert theory.fixed_point("tanh", 1.0, 0.5) < 0.01  # at the edge of chaos, slowly
    settled = theory.fixed_point("tanh", 2.0)
    assert settled == pytest.approx(2.0 * theory.mean_square("tanh", settled))
    assert theory.fixed_point("linear", 2.0) == float("inf")


def test_depth_scales() -> None:
    assert theory.depth_scale("linear", 1.0) == float("inf")
    assert theory.depth_scale("relu", 1.0) == pytest.approx(1 / np.log(2), rel=1e-3)
    assert theory.depth_scale("sigmoid", 1.0) == pytest.approx(1 / abs(np.log(1 / 17.5)), rel=0.1)


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_the_product_of_gaussian_layers_shrinks_as_expected(gain: float) -> None:
    width, outputs, depth = 30, 5, 6
    generator = np.random.default_rng(2)
    logs = []
    for _ in range(300):
        product = np.linalg.qr(generator.normal(size=(width, outputs)))[0]
        for _ in range(depth):
            product = generator.normal(0, np.sqrt(gain / width), (width, width)) @ product
        logs.append(np.log(np.linalg.svd(product, compute_uv=False)).mean())
    expected = depth * theory.expected_log_singular_value(gain, width, outputs)
    assert np.mean(logs) == pytest.approx(expected, abs=4 * np.std(logs) / np.sqrt(len(logs)))


def test_two_matrices_learn_in_the_time_of_the_closed_form() -> None:
    strength, start, until = 2.0, 0.01, 0.9
    end = until * strength
    closed = np.log(end * (strength - start) / (start * (strength - end))) / (2 * strength)
    assert theory.learning_time(2, strength, start, until) == pytest.approx(closed, rel=1e-4)


def test_from_a_small_start_deeper_linear_networks_learn_later() -> None:
    times = [theory.learning_time(matrices, 2.0, 1e-4) for matrices in (2, 3, 5, 9)]
    assert times == sorted(times)
