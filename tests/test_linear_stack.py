"""A stack of linear layers gives the same logits and gradients in whichever order it is multiplied."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.linear_stack import errors_and_kernel_gradients, logits_of

MEMBERS, BATCH, INPUTS, CLASSES = 2, 24, 7, 5
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")


class Stack:
    """Random layers, no two of one size, so that no product fits by accident; and what a tape sees, layer by layer."""

    def __init__(self, layers: int) -> None:
        self._generator = np.random.default_rng(layers)
        sizes = [INPUTS, *range(8, 7 + layers), CLASSES]
        self.kernels = [self._random(MEMBERS, *pair) for pair in itertools.pairwise(sizes)]
        self.biases = [self._random(MEMBERS, 1, size) for size in sizes[1:]]
        self.below = self._random(MEMBERS, BATCH, INPUTS)
        self.labels = self._generator.integers(CLASSES, size=(MEMBERS, BATCH))
        self.parts = [self.below, *self.kernels, *self.biases]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(self.parts)
            self.signals = [self.below]
            for kernel, bias in zip(self.kernels, self.biases, strict=True):
                self.signals.append(tf.matmul(self.signals[-1], kernel) + bias)
            loss = LOSS(self.labels, self.signals[-1])
        self.gradients = tape.gradient(loss, self.parts)
        self.errors = tape.gradient(loss, self.signals[1:])

    def _random(self, *shape: int) -> tf.Tensor:
        return tf.constant(self._generator.normal(size=shape))


def assert_alike(received: list[tf.Tensor], expected: list[tf.Tensor]) -> None:
    for own, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)
        assert np.abs(other).max() > 1e-3  # nothing is alike for being nothing


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_logits_and_gradients_are_those_of_one_layer_after_the_other(layers: int) -> None:
    stack = Stack(layers)
    with tf.GradientTape() as tape:
        tape.watch(stack.parts)
        logits = logits_of(stack.below, stack.kernels, stack.biases)
        loss = LOSS(stack.labels, logits)
    assert_alike([logits], stack.signals[-1:])
    assert_alike(tape.gradient(loss, stack.parts), stack.gradients)


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_every_layer_is_asked_for_what_backpropagation_asks_of_it(layers: int) -> None:
    stack = Stack(layers)
    errors, of_kernels = errors_and_kernel_gradients(stack.signals[:-1], stack.kernels, stack.errors[-1])
    assert_alike(errors, stack.errors)
    assert_alike(of_kernels, stack.gradients[1 : layers + 1])
