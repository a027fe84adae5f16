"""Several networks of one shape as one Keras model, whose layers hold one kernel per member."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from trainer.configuration import RunConfiguration

INITIALIZERS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "lecun_normal": keras.initializers.LecunNormal,
    "orthogonal": keras.initializers.Orthogonal,
    "random_normal": keras.initializers.RandomNormal,  # standard deviation 0.05, whatever the shape
}


def kernel_initializer(name: str, seed: int, layer: int) -> keras.initializers.Initializer:
    """The initialiser of one layer's kernel. Layer l starts alike in networks of every depth with the same seed."""
    return INITIALIZERS[name](seed=seed * 1_000 + layer)


def make_optimizer(run: RunConfiguration, learning_rates: Any) -> keras.optimizers.Optimizer:
    """A Keras optimiser at its defaults, but for the learning rate (and momentum 0.9 for `momentum`).

    Args:
        learning_rates: a variable (members, 1, 1), which an update multiplies with kernels and biases alike: so each
            member takes steps of its own size. Keras asks a callable for it at every step.
    """
    if run.optimizer == "adam":
        return keras.optimizers.Adam(lambda: learning_rates)
    if run.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(lambda: learning_rates)
    return keras.optimizers.SGD(lambda: learning_rates, momentum=0.9 if run.optimizer == "momentum" else 0.0)


class StackedDense(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """`members` Dense layers side by side.

    Kernel (members, inputs, units), bias (members, 1, units); maps (members, batch, inputs) to (members, batch, units).
    Because each member's output depends on its own slice alone, one backward pass gives every member its own gradient.
    """

    def __init__(self, members: int, units: int, activation: str) -> None:
        super().__init__()
        self.members = members
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Sequence[int | None]) -> None:
        inputs = input_shape[-1]
        self.kernel = self.add_weight(shape=(self.members, inputs, self.units), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.members, 1, self.units), initializer="zeros", name="bias")

    def preactivation(self, inputs: Any) -> Any:
        """z = W h + b: (members, batch, inputs) to (members, batch, units)."""
        return tf.matmul(inputs, self.kernel) + self.bias

    def call(self, inputs: Any) -> Any:
        return self.activation(self.preactivation(inputs))


class StackedNetwork(keras.Model):  # type: ignore[misc]  # keras ships no types
    """Fully connected classifiers of one shape, one per member: `depth` hidden layers and a linear output layer.

    It gives logits; the softmax is part of the loss, as is usual for numerical reasons.
    """

    def __init__(self, run: RunConfiguration, members: int) -> None:
        super().__init__()
        hidden = [StackedDense(members, run.width, run.activation) for _ in range(run.depth)]
        self.stack = [*hidden, StackedDense(members, 10, "linear")]
        for layer, inputs in zip(self.stack, run.layer_sizes[:-1], strict=True):
            layer.build((members, None, inputs))
        self.built = True

    def call(self, images: Any) -> Any:
        """(members, batch, 784) to logits (members, batch, 10)."""
        for layer in self.stack:
            images = layer(images)
        return images

    def start(self, runs: Sequence[RunConfiguration]) -> None:
        """Gives each member the kernels that its own configuration and seed call for, and zero biases."""
        for number, layer in enumerate(self.stack, start=1):
            shape = tuple(layer.kernel.shape[1:])
            kernels = [kernel_initializer(run.initializer, run.seed, number)(shape) for run in runs]
            layer.kernel.assign(tf.stack(kernels))
            layer.bias.assign(tf.zeros_like(layer.bias))
