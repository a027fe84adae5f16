"""Several networks of one shape as one Keras model, whose layers hold one kernel per member.

A hidden layer l maps the activations below to its own, a⁰ being the pixels:

    zˡ = Wˡ aˡ⁻¹ + bˡ  (+ zˡ⁻¹ with a shortcut)      uˡ = N(zˡ)      aˡ = φ(uˡ)  (dropped out in training)

N is the normalisation, or nothing. Read from zˡ⁻¹ to zˡ this is the full pre-activation block of He et al. 2016
("Identity Mappings in Deep Residual Networks", figure 4 e), with one weight layer a block: normalisation, activation,
weights, and the shortcut around all three. Without the shortcut it is the usual order of weights, normalisation and
activation, so that switching the shortcut on changes nothing else. The first layer has another width below it, and no
shortcut; the output layer follows the last activation, without one.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from trainer.configuration import RunConfiguration

INITIALIZERS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "lecun_normal": keras.initializers.LecunNormal,
    "orthogonal": keras.initializers.Orthogonal,
    "random_normal": keras.initializers.RandomNormal,  # standard deviation 0.05, whatever the shape
    "fan_in_normal": lambda seed: keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=seed),
}

_KERAS_BATCH_NORMALIZATION = keras.layers.BatchNormalization()
EPSILON: float = _KERAS_BATCH_NORMALIZATION.epsilon  # Keras' default for both kinds
MOMENTUM: float = _KERAS_BATCH_NORMALIZATION.momentum


def kernel_initializer(name: str, seed: int, layer: int) -> keras.initializers.Initializer:
    """The initialiser of one layer's kernel. Layer l starts alike in networks of every depth with the same seed."""
    return INITIALIZERS[name](seed=layer_seed(seed, layer))


def bias_initializer(name: str, seed: int, layer: int) -> keras.initializers.Initializer:
    if name == "zeros":
        return keras.initializers.Zeros()
    return keras.initializers.RandomNormal(stddev=1.0, seed=layer_seed(seed, layer) + 500)


def layer_seed(seed: int, layer: int) -> int:
    """Of a layer's starting kernel, and of what it drops out."""
    return seed * 1_000 + layer


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


def loss_of(run: RunConfiguration) -> Callable[[Any, Any], Any]:
    """The loss of each example, (…), from labels (…) and logits (…, 10), in nats.

    With a softmax the cross-entropy of the right digit; with sigmoid outputs that of ten yes-or-no questions, summed.
    """
    if run.output == "softmax":
        loss: Callable[[Any, Any], Any] = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
        return loss
    return lambda labels, logits: 10 * keras.losses.binary_crossentropy(tf.one_hot(labels, 10), logits, True)


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


class StackedNormalization(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """`members` BatchNormalization or LayerNormalization layers side by side, at Keras' defaults.

    Scale and shift are (members, 1, units), as are the moving averages of the batch kind, which evaluation uses.
    """

    def __init__(self, members: int, units: int, kind: str) -> None:
        super().__init__()
        shape = (members, 1, units)
        self.axis = 1 if kind == "batch" else 2
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")
        if kind == "batch":
            self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="moving_mean")
            self.moving_variance = self.add_weight(
                shape=shape, initializer="ones", trainable=False, name="moving_variance"
            )
        self._initial_values = [tf.identity(variable) for variable in self.variables]
        self.built = True

    def call(self, inputs: Any, own_statistics: bool, remember: bool) -> Any:
        """(members, batch, units) to the same.

        Args:
            own_statistics: normalise a batch by its own mean and variance, as training does.
            remember: let the moving averages follow this batch.
        """
        batch_kind = self.axis == 1
        if batch_kind and not own_statistics:
            mean, variance = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
        else:
            mean, variance = tf.nn.moments(inputs, axes=[self.axis], keepdims=True)
        if batch_kind and remember:
            self.moving_mean.assign(self.moving_mean * MOMENTUM + mean * (1 - MOMENTUM))
            self.moving_variance.assign(self.moving_variance * MOMENTUM + variance * (1 - MOMENTUM))
        return (inputs - mean) * tf.math.rsqrt(variance + EPSILON) * self.scale + self.shift

    def start(self) -> None:
        for variable, value in zip(self.variables, self._initial_values, strict=True):
            variable.assign(value)


class Signal(NamedTuple):
    """What one layer computes, each (members, batch, units): z, what enters the activation function, and its output.

    Three tensors even where they hold the same numbers, so that an error can be asked for at each place. At the output
    layer all three are the logits.
    """

    preactivation: Any
    normalized: Any
    activation: Any


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
        self.normalizations = [
            StackedNormalization(members, run.width, run.normalization)
            for _ in range(run.depth if run.normalization != "none" else 0)
        ]
        self.shortcut = run.shortcut
        self.dropout = run.dropout
        self.dropout_seeds = tf.Variable(tf.zeros((members,), tf.int32), trainable=False)
        self.built = True

    def call(self, images: Any) -> Any:
        """(members, batch, 784) to logits (members, batch, 10), as in evaluation."""
        return self.signals(self.stack[0].preactivation(images))[-1].activation

    def signals(
        self, first: Any, own_statistics: bool = False, remember: bool = False, step: Any = None
    ) -> list[Signal]:
        """What every layer computes, the input's side first.

        Args:
            first: W a + b of the first layer, (members, batch, units).
            own_statistics, remember: see `StackedNormalization`.
            step: how many steps were taken before, to drop out what Keras would drop at this one; None drops nothing.
        """
        found: list[Signal] = []
        preactivation = first
        for number, (layer, following) in enumerate(zip(self.stack[:-1], self.stack[1:], strict=True)):
            normalized = tf.identity(preactivation)
            if self.normalizations:
                normalization = self.normalizations[number]
                normalized = normalization(normalized, own_statistics=own_statistics, remember=remember)
            activation = tf.identity(layer.activation(normalized))
            found.append(Signal(preactivation, normalized, activation))
            if self.dropout and step is not None:
                activation = self._drop(activation, number + 1, step)
            bypassed = preactivation if self.shortcut and following is not self.stack[-1] else None
            preactivation = following.preactivation(activation)
            if bypassed is not None:
                preactivation = preactivation + bypassed
        found.append(Signal(preactivation, preactivation, preactivation))
        return found

    def _drop(self, activation: Any, layer: int, step: Any) -> Any:
        """Each member drops what `keras.layers.Dropout` with the layer's seed drops at this step, once Keras has
        compiled it with XLA, whose random numbers are not those of TensorFlow's own kernels."""
        kept = [
            tf.nn.experimental.stateless_dropout(
                activation[member],
                rate=self.dropout,
                seed=tf.stack([self.dropout_seeds[member] + layer, step]),
            )
            for member in range(activation.shape[0])
        ]
        return tf.stack(kept)

    def start(self, runs: Sequence[RunConfiguration]) -> None:
        """Gives each member the kernels and biases that its own configuration and seed call for."""
        for number, layer in enumerate(self.stack, start=1):
            shape = tuple(layer.kernel.shape[1:])
            kernels = [kernel_initializer(run.initializer, run.seed, number)(shape) for run in runs]
            biases = [bias_initializer(run.bias_initializer, run.seed, number)((1, shape[1])) for run in runs]
            layer.kernel.assign(tf.stack(kernels))
            layer.bias.assign(tf.stack(biases))
        for normalization in self.normalizations:
            normalization.start()
        self.dropout_seeds.assign([layer_seed(run.seed, 0) for run in runs])
