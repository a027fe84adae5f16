"""What theory expects before and of training, for lines beside the measured points.

Mean-field theory takes the weights of a wide layer for independent draws, so that each layer multiplies the mean square
of the signal and of the error by a number that follows from the variance of the weights and the activation alone
(Poole et al. 2016; Schoenholz et al. 2017).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, psi

Numbers = NDArray[np.float64]

WIDTH, INPUTS, OUTPUTS = 128, 784, 10  # of the question's networks
PIXELS = 88.0  # about the mean sum of squared pixels of an MNIST image, scaled to 0-1

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(100)  # means over a standard normal variable; none is at 0
WEIGHTS = WEIGHTS / WEIGHTS.sum()

ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "linear": lambda z: z,
    "sigmoid": lambda z: np.asarray(expit(z)),
    "tanh": lambda z: np.asarray(np.tanh(z)),
    "relu": lambda z: np.maximum(z, 0.0),
}
SLOPES: dict[str, Callable[[Numbers], Numbers]] = {
    "linear": lambda z: np.ones_like(z),
    "sigmoid": lambda z: np.asarray(expit(z) * expit(-z)),
    "tanh": lambda z: np.asarray(1 / np.cosh(z) ** 2),
    "relu": lambda z: np.where(z > 0, 1.0, np.where(z == 0, 0.5, 0.0)),
}
# Variance of the weights times the number of inputs, in a layer with as many units as inputs.
GAINS: dict[str, Callable[[int], float]] = {
    "glorot_uniform": lambda width: 1.0,  # Glorot & Bengio 2010, equation 16
    "he_normal": lambda width: 2.0,  # He et al. 2015, equation 10
    "lecun_normal": lambda width: 1.0,
    "orthogonal": lambda width: 1.0,  # Saxe et al. 2013
    "random_normal": lambda width: 0.05**2 * width,
    "fan_in_normal": lambda width: 1.0,
}


# Variance of the weights of the first layer.
FIRST_VARIANCES: dict[str, float] = {
    "glorot_uniform": 2 / (INPUTS + WIDTH),
    "he_normal": 2 / INPUTS,
    "lecun_normal": 1 / INPUTS,
    "orthogonal": 1 / INPUTS,  # as many orthonormal columns as there are units
    "random_normal": 0.05**2,
    "fan_in_normal": 1 / INPUTS,
}


def first_input_sum(initializer: str) -> float:
    """The expected mean square of the first hidden layer's input sums."""
    return FIRST_VARIANCES[initializer] * PIXELS


def mean_square(activation: str, variance: float) -> float:
    """E[φ(z)²] for z ~ N(0, variance)."""
    return float(WEIGHTS @ ACTIVATIONS[activation](np.sqrt(variance) * NODES) ** 2)


def gradient_factor(activation: str, gain: float, variance: float) -> float:
    """χ₁: the factor by which a layer multiplies the expected squared error on its way back, σ_w² E[φ′(z)²].

    Schoenholz et al. 2017, section 3. A linear layer with gain 1 keeps it (1); one of sigmoids takes at least fifteen
    sixteenths of it, since no slope is above a quarter.

    Args:
        gain: σ_w², the variance of the weights times the number of inputs.
        variance: of the input sums z of that layer.
    """
    if not np.isfinite(variance):  # signals that grow without bound: only linear and relu let them
        variance = 1.0  # their slope does not depend on it
    return float(gain * (WEIGHTS @ SLOPES[activation](np.sqrt(variance) * NODES) ** 2))


def input_sums(activation: str, gain: float, first: float, depth: int) -> Numbers:
    """The expected mean square of the input sums in hidden layers 1 … depth, biases being zero: (depth,).

    qˡ = σ_w² E[φ(z)²], z ~ N(0, qˡ⁻¹): Poole et al. 2016, section 2.

    Args:
        first: that of the first hidden layer, which depends on the images.
    """
    values = [first]
    for _ in range(depth - 1):
        values.append(gain * mean_square(activation, values[-1]))
    return np.array(values)


def fixed_point(activation: str, gain: float, first: float = 1.0) -> float:
    """The mean square that the input sums settle at in a very deep network; 0 or infinity where they do not."""
    value = first
    for _ in range(2_000):
        following = gain * mean_square(activation, value)
        if following > 1e12:
            return float("inf")
        if abs(following - value) <= 1e-12 * max(value, 1e-12):
            return following
        value = following
    return value


def depth_scale(activation: str, gain: float, first: float = 1.0) -> float:
    """In how many layers the expected squared error changes by a factor of e: 1 / |ln χ₁| at the fixed point.

    Schoenholz et al. 2017, section 3. Infinite where χ₁ is 1: at the edge of chaos depth costs nothing.
    """
    settled = fixed_point(activation, gain, first)
    logarithm = abs(np.log(gradient_factor(activation, gain, settled)))
    return float("inf") if logarithm < 1e-3 else float(1 / logarithm)


def expected_total(activation: str, gain: float, first: float, depth: int) -> float:
    """rms(δ) at the first hidden layer over that at the last, as expected before training; 1 below two layers."""
    passed = input_sums(activation, gain, first, depth)[: depth - 1]  # δ meets the slopes of layers depth - 1 … 1
    return float(np.prod([np.sqrt(gradient_factor(activation, gain, variance)) for variance in passed]))


def expected_log_singular_value(gain: float, width: int, outputs: int) -> float:
    """By how much a square Gaussian layer is expected to add to the mean logarithm of the singular values of the map
    from its inputs to the outputs.

    The volume that a Gaussian matrix gives a frame of k vectors is a product of χ variables, so that the expectation is
    exact at any width: half the mean of ψ((n - i + 1) / 2) + ln(2 σ² / n) over i = 1 … k. It is below zero: the typical
    product shrinks even where its expected square does not. An orthogonal layer adds nothing: dynamical isometry (Saxe
    et al. 2013, section 3; Pennington et al. 2017).

    Args:
        outputs: k, the number of singular values; at most the width.
    """
    ranks = np.arange(1, outputs + 1)
    return float(np.mean(psi((width - ranks + 1) / 2) + np.log(2 * gain / width)) / 2)


def learning_time(matrices: int, strength: float, start: float, until: float = 0.9) -> float:
    """How long gradient flow takes to learn one mode of a deep linear network, in units of the time constant.

    du/dt = n u^(2 - 2/n) (s - u) for a product u of n equal factors: Saxe et al. 2013, on deep linear networks.

    Args:
        matrices: n, the number of weight matrices.
        strength: s, the singular value to be learned.
        start: u at the start, below `until` · s.
        until: the share of s that counts as learned.
    """
    places = np.geomspace(start, until * strength, 4_001)  # dense where the flow is slow
    pace = matrices * places ** (2 - 2 / matrices) * (strength - places)
    return float(np.trapezoid(1 / pace, places))
