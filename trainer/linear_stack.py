"""Linear layers on top of each other, trained in the order of multiplication that takes the fewest operations.

Without activation functions a stack is a product of matrices, and so is each of its gradients:

    logits = A W² … Wᴸ (+ biases)      ∂/∂Wˡ = (Aˡ⁻¹)ᵀ δᴸ (Wˡ⁺¹ … Wᴸ)ᵀ

Any order of multiplication gives the same but for rounding, not at the same price (Cormen et al., "Introduction to
Algorithms", matrix-chain multiplication). Layer by layer, as backpropagation goes, whole batches pass every layer, with
as many columns as it has units. From the logits' side there are never more than ten columns, one per class, and the
batch is met twice: by the first product and by its transpose.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def logits_of(below: Any, kernels: Sequence[Any], biases: Sequence[Any]) -> Any:
    """What linear layers make of their input, with gradients for all that goes in.

    Args:
        below: what the lowest of these layers is given, (members, batch, inputs).
        kernels: at least one, the lowest layer's first, each (members, inputs, units).
        biases: one per kernel, (members, 1, units).

    Returns:
        (members, batch, units of the last layer).
    """
    return _multiplied_from_the_end(below, *(tf.convert_to_tensor(part) for part in (*kernels, *biases)))


def errors_and_kernel_gradients(
    inputs: Sequence[Any], kernels: Sequence[Any], error: Any
) -> tuple[list[Any], list[Any]]:
    """What the loss asks of every layer, the lowest first.

    Args:
        inputs: of each layer, (members, batch, inputs).
        kernels: see `logits_of`.
        error: δ of the logits, (members, batch, classes).

    Returns:
        Each layer's δ, (members, batch, units), and the gradient of its kernel.
    """
    errors, of_kernels = [], []
    for below, above in zip(inputs[:-1], _maps_to_logits(kernels[1:]), strict=True):
        meeting = tf.matmul(error, below, transpose_a=True)
        of_kernels.append(tf.matmul(meeting, above, transpose_a=True, transpose_b=True))
        errors.append(tf.matmul(error, above, transpose_b=True))
    return [*errors, error], [*of_kernels, tf.matmul(inputs[-1], error, transpose_a=True)]


@tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow ships no types
def _multiplied_from_the_end(below: Any, *kernels_and_biases: Any) -> Any:
    layers = len(kernels_and_biases) // 2
    kernels, biases = kernels_and_biases[:layers], kernels_and_biases[layers:]
    maps = _maps_to_logits(kernels)
    offset = biases[-1] + sum(tf.matmul(bias, above) for bias, above in zip(biases[:-1], maps[1:], strict=True))

    def gradients(error: Any) -> tuple[Any, ...]:
        """Of the loss, for `below`, the kernels and the biases, from δ of the logits, (members, batch, classes)."""
        total = tf.reduce_sum(error, axis=1, keepdims=True)
        meeting = tf.matmul(error, below, transpose_a=True)  # of δ with a layer's input: (members, classes, inputs)
        of_kernels, of_biases = [], []
        for kernel, bias, above in zip(kernels[:-1], biases[:-1], maps[1:], strict=True):
            of_kernels.append(tf.matmul(meeting, above, transpose_a=True, transpose_b=True))
            of_biases.append(tf.matmul(total, above, transpose_b=True))
            meeting = tf.matmul(meeting, kernel) + tf.matmul(total, bias, transpose_a=True)
        of_below = tf.matmul(error, maps[0], transpose_b=True)
        return of_below, *of_kernels, tf.linalg.matrix_transpose(meeting), *of_biases, total

    return tf.matmul(below, maps[0]) + offset, gradients


def _maps_to_logits(kernels: Sequence[Any]) -> list[Any]:
    """What each layer and all above it amount to, the lowest first: (members, inputs, classes)."""
    maps = list(kernels[-1:])
    for kernel in kernels[-2::-1]:
        maps.insert(0, tf.matmul(kernel, maps[0]))
    return maps
