"""What is measured of each layer, from its weights and from a trace of the probe batch.

Everything is per member: arrays come as (members, …) and go out as (members,).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.program import Floats, Trace

# A unit counts as saturated on an example where its slope is below this share of the activation's steepest slope
# (σ: 1/4 at 0, tanh: 1 at 0). At 5 % that is |z| > 4.37 for the sigmoid and |z| > 2.18 for tanh.
SATURATED_SHARE = 0.05
STEEPEST_SLOPE = {"sigmoid": 0.25, "tanh": 1.0, "linear": 1.0}

HISTOGRAM_BINS = 32

Row = dict[str, Any]


def singular_values(kernel: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Descending singular values (members, min(inputs, units)) of kernels (members, inputs, units).

    As roots of the eigenvalues of the smaller Gram matrix in double precision: several times faster than the SVD, and
    exact to about 1e-8 of the largest one.
    """
    wide = kernel.astype(np.float64)
    transposed = wide.transpose(0, 2, 1)
    gram = transposed @ wide if wide.shape[1] >= wide.shape[2] else wide @ transposed
    eigenvalues = np.asarray(np.linalg.eigvalsh(gram), np.float64)[:, ::-1]
    return np.sqrt(np.maximum(eigenvalues, 0.0))


def effective_rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp of the entropy of the normalised singular values (Roy & Vetterli 2007, section 2): 1 … number of values."""
    shares = values / np.maximum(values.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.exp(-(shares * logs).sum(axis=-1)))


def weight_statistics(kernel: Floats, bias: Floats, values: NDArray[np.float64]) -> Row:
    """Statistics of one layer's kernel (members, inputs, units), bias (members, units) and singular values."""
    mean, std = _mean_and_std(kernel)
    return {
        "weight_mean": mean,
        "weight_std": std,
        "weight_min": kernel.min(axis=(1, 2)),
        "weight_max": kernel.max(axis=(1, 2)),
        "weight_norm": _norm(kernel),
        "weight_spectral_norm": values[:, 0],
        "weight_effective_rank": effective_rank(values),
        "bias_mean": bias.mean(axis=1),
        "bias_std": bias.std(axis=1),
    }


def gradient_statistics(trace: Trace, layer: int) -> Row:
    """Statistics of the gradients with respect to one layer's kernel and bias; `layer` is 1 … depth + 1."""
    gradient = _array(trace.kernel_gradients[layer - 1])
    return {
        "gradient_norm": _norm(gradient),
        "gradient_rms": _rms(gradient),
        "bias_gradient_norm": np.sqrt(np.square(_array(trace.bias_gradients[layer - 1])).sum(axis=1)),
    }


def signal_statistics(trace: Trace, layer: int, activation: str | None, output: bool) -> Row:
    """Statistics of what flows through one layer, forward and backward.

    Args:
        layer: 1 … depth + 1.
        activation: of this layer, where it is known.
        output: whether no layer comes after it; its activation is then the logits.

    The split of the shrinkage is exact: rms(δˡ) / rms(δˡ⁺¹) = weight_gain · slope_gain · normalization_gain ·
    shortcut_gain, where the last two are 1 in a network that has neither. It does not exist for the output layer, which
    has no layer after it; and where the trace lacks a part (in a network that is somebody's own), the factors that need
    it are left out.
    """
    index = layer - 1
    preactivation, hidden, error = trace.preactivations[index], trace.activations[index], trace.errors[index]
    row: Row = {"delta_rms": _rms(_array(error))}
    row["preactivation_mean"], row["preactivation_std"] = entered = _mean_and_std(_array(preactivation))
    left = entered if hidden is preactivation else _mean_and_std(_array(hidden))
    row["activation_mean"], row["activation_std"] = left

    def size_of(other: Any) -> NDArray[np.float64]:
        """The root mean square; known already where the trace holds the error once more."""
        size: NDArray[np.float64] = row["delta_rms"] if other is error else _rms(_array(other))
        return size

    if not output:
        following, normalized = trace.errors[index + 1], trace.normalized[index]
        arriving, entering = size_of(trace.backpropagated[index]), size_of(trace.entering[index])
        if following is not None:
            row["weight_gain"] = _ratio(arriving, size_of(following))
        row["slope_gain"] = _ratio(entering, arriving)
        if normalized is not None:
            through = size_of(normalized)
            row["normalization_gain"] = _ratio(through, entering)
            row["shortcut_gain"] = _ratio(row["delta_rms"], through)
        slope = _array(trace.slopes[index])
        row["dead_fraction"] = (slope == 0).all(axis=1).mean(axis=1)
        if activation in STEEPEST_SLOPE:
            row["saturated_fraction"] = (slope < SATURATED_SHARE * STEEPEST_SLOPE[activation]).mean(axis=(1, 2))
    return row


def update_ratio(before: Floats, after: Floats) -> NDArray[np.float64]:
    """‖ΔW‖ / ‖W‖ of one update, (members,)."""
    return _ratio(_norm(after - before), _norm(before))


def histograms(trace: Trace, kernel: Floats, layer: int) -> dict[str, list[tuple[Floats, NDArray[np.int64]]]]:
    """For each quantity that the trace has, one (edges, counts) per member; gradients and δ as log10 of their size,
    zeros left out."""
    plain = {
        "weight": kernel,
        "preactivation": trace.preactivations[layer - 1],
        "activation": trace.activations[layer - 1],
    }
    sizes = {"log10_gradient": trace.kernel_gradients[layer - 1], "log10_delta": trace.errors[layer - 1]}
    found = {
        name: [histogram(member) for member in _array(values)] for name, values in plain.items() if values is not None
    }
    for name, values in sizes.items():
        if values is not None:
            found[name] = [histogram(_log10_size(member)) for member in _array(values)]
    return found


def histogram(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Equal bins over the whole range: edges (bins + 1,) and counts (bins,); no bin at all where nothing is finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    low, high = float(finite.min()), float(finite.max())
    if high <= low:  # all values are one: a single, narrow spike
        low, high = low - max(abs(low), 1e-6) * 1e-3, high + max(abs(high), 1e-6) * 1e-3
    scale = HISTOGRAM_BINS / (high - low)
    bins = np.clip(((finite - low) * scale).astype(np.int32), 0, HISTOGRAM_BINS - 1)
    counts = np.bincount(bins.ravel(), minlength=HISTOGRAM_BINS)
    return np.linspace(low, high, HISTOGRAM_BINS + 1, dtype=np.float32), counts


def _log10_size(values: Floats) -> Floats:
    size = np.abs(values)
    return np.log10(size[size > 0])


def _array(tensor: Any) -> Floats:
    return np.asarray(tensor)


def _norm(values: Floats) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(_sums_of_squares(values)))


def _rms(values: Floats) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(_sums_of_squares(values) / values[0].size))


def _sums_of_squares(values: Floats) -> NDArray[np.float64]:
    return np.array([wide @ wide for wide in _in_double_precision(values)])


def _mean_and_std(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means, variances = [], []
    for wide in _in_double_precision(values):
        means.append(wide.mean())
        wide -= means[-1]
        variances.append(wide @ wide / wide.size)
    return np.array(means), np.sqrt(variances)


def _in_double_precision(values: Floats) -> Iterator[NDArray[np.float64]]:
    """Each member's numbers, since the squares of small gradients are too small for single precision. One member at a
    time stays in the cache."""
    return (member.astype(np.float64).ravel() for member in values)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Not a number where the denominator is zero: nothing arrives there, so nothing can be said of its share."""
    return np.divide(numerator, denominator, out=np.full_like(denominator, np.nan), where=denominator > 0)
