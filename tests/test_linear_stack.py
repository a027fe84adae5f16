"""A stack of linear layers gives the same logits and gradients in whichever order it is multiplied."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.linear_stack import logits_of

MEMBERS, BATCH, INPUTS, CLASSES = 2, 24, 7, 5


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_logits_and_gradients_are_those_of_one_layer_after_the_other(layers: int) -> None:
    generator = np.random.default_rng(layers)
    sizes = [INPUTS, *range(8, 7 + layers), CLASSES]  # no two alike, so that no product fits by accident

    def random(*shape: int) -> tf.Tensor:
        return tf.constant(generator.normal(size=shape))

    kernels = [random(MEMBERS, *pair) for pair in itertools.pairwise(sizes)]
    biases = [random(MEMBERS, 1, size) for size in sizes[1:]]
    below, labels = random(MEMBERS, BATCH, INPUTS), generator.integers(CLASSES, size=(MEMBERS, BATCH))
    parts = [below, *kernels, *biases]
    judge = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def one_after_the_other() -> tf.Tensor:
        signal = below
        for kernel, bias in zip(kernels, biases, strict=True):
            signal = tf.matmul(signal, kernel) + bias
        return signal

    found = []
    for logits in (one_after_the_other, lambda: logits_of(below, kernels, biases)):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            seen = logits()
            loss = judge(labels, seen)
        found.append([seen, *tape.gradient(loss, parts)])
    for expected, received in zip(*found, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-9, atol=1e-12)
    assert all(np.abs(gradient).max() > 1e-3 for gradient in found[0][1:])  # nothing is alike for being nothing
