"""The compiled part of a cohort: training, evaluation and the probe, each one XLA program over all members."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import datasets
from trainer.configuration import RunConfiguration
from trainer.datasets import Dataset, Indices
from trainer.network import StackedNetwork, make_optimizer

EVALUATION_CHUNK = 500  # images at a time: large enough for fast products, small enough to stay in the cache

Floats = NDArray[np.float32]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function as one XLA program, compiled at its first call."""
    return cast(Callable[Arguments, Result], tf.function(function, jit_compile=True))


class Trace(NamedTuple):
    """What a forward and backward pass over the probe batch saw, one entry per layer, the input's side first.

    Arrays are (members, probe, units), but for `kernel_gradients` (members, inputs, units) and `bias_gradients`
    (members, units), the gradients of the mean loss over the probe. `errors` are the δ of each example, and
    `backpropagated` is ∂ℓ/∂h at the layer's output, before the activation's slope is multiplied in.
    """

    preactivations: list[Any]
    activations: list[Any]
    slopes: list[Any]
    errors: list[Any]
    backpropagated: list[Any]
    kernel_gradients: list[Any]
    bias_gradients: list[Any]


class Epoch(NamedTuple):
    """What one epoch of training saw: Keras' running means of loss and accuracy, each (members,), and the kernels
    before its last step, one (members, inputs, units) array per layer."""

    loss: Floats
    accuracy: Floats
    kernels_before_last_step: list[Floats]


class Program:
    """One shape of network, compiled once; `start` readies it for the next cohort of that shape."""

    def __init__(self, run: RunConfiguration, members: int, dataset: Dataset) -> None:
        self.linear = run.activation == "linear"
        self.network = StackedNetwork(run, members)
        self._learning_rates = tf.Variable(tf.zeros((members, 1, 1)))
        self.optimizer = make_optimizer(run, self._learning_rates)
        self.optimizer.build(self.network.trainable_variables)
        self._initial_state = [tf.identity(variable) for variable in self.optimizer.variables]
        self._l2 = run.l2
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
        self._images = tf.constant(dataset.images)
        self._labels = tf.constant(dataset.labels)

    def start(self, runs: Sequence[RunConfiguration]) -> None:
        self.network.start(runs)
        self._learning_rates.assign([[[run.learning_rate]] for run in runs])
        for variable, value in zip(self.optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)

    def kernels(self) -> list[Floats]:
        """One (members, inputs, units) array per layer."""
        return [layer.kernel.numpy() for layer in self.network.stack]

    def biases(self) -> list[Floats]:
        """One (members, units) array per layer."""
        return [layer.bias.numpy()[:, 0, :] for layer in self.network.stack]

    def train(self, batches: Indices) -> Epoch:
        """Takes every step of one epoch.

        Args:
            batches: positions among all images, (steps, members, batch).
        """
        pixels, labels = self._pick(batches)
        steps = len(batches)
        loss, accuracy = self._train(pixels, labels, tf.constant(0), tf.constant(steps - 1))
        before = self.kernels()
        last_loss, last_accuracy = self._train(pixels, labels, tf.constant(steps - 1), tf.constant(steps))
        return Epoch((loss + last_loss).numpy() / steps, (accuracy + last_accuracy).numpy() / steps, before)

    def _pick(self, positions: Indices) -> tuple[Any, Any]:
        """Pixels (…, 784) and labels (…). Outside the compiled program, since XLA copies a row number by number."""
        return tf.gather(self._images, positions), tf.gather(self._labels, positions)

    @compiled
    def _train(self, all_pixels: Any, all_labels: Any, first: Any, stop: Any) -> tuple[Any, Any]:
        """The steps from `first` up to, and without, `stop`: a whole epoch is passed each time, since another number of
        batches would have to be compiled anew. Returns the summed batch means of loss and accuracy, each (members,)."""
        variables = self.network.trainable_variables
        total_loss = tf.zeros(tf.shape(all_labels)[1])
        total_accuracy = tf.zeros(tf.shape(all_labels)[1])
        for step in tf.range(first, stop):
            images, labels = _scaled(all_pixels[step]), all_labels[step]
            with tf.GradientTape() as tape:
                logits = self.network(images)
                loss = tf.reduce_mean(self._loss(labels, logits), axis=1)
                objective = tf.reduce_sum(loss) + self._penalty()
            self.optimizer.apply(tape.gradient(objective, variables), variables)
            total_loss += loss
            total_accuracy += tf.reduce_mean(_correct(labels, logits), axis=1)
        return total_loss, total_accuracy

    def _penalty(self) -> Any:
        if not self._l2:
            return 0.0
        return self._l2 * tf.add_n([tf.reduce_sum(tf.square(layer.kernel)) for layer in self.network.stack])

    def evaluate(self, positions: Indices) -> tuple[Floats, NDArray[np.int32]]:
        """Forward passes alone.

        Args:
            positions: among all images: of each member's own, (members, images), or (1, images) where all members see
                the same ones, which is faster: the first layers of all members are then one large product.
        Returns:
            The loss of, and the digit predicted for, each image: both (members, images).
        """
        kernels: list[Any] = [layer.kernel for layer in self.network.stack]
        biases: list[Any] = [layer.bias for layer in self.network.stack]
        if self.linear:  # the same map in one product; exact up to rounding
            matrix, bias = self.collapsed_map()
            kernels, biases = [matrix.astype(np.float32)], [bias.astype(np.float32)[:, None, :]]
        weights = tuple(map(tf.convert_to_tensor, kernels)), tuple(map(tf.convert_to_tensor, biases))
        images = positions.shape[1]
        padded = np.pad(positions, ((0, 0), (0, -images % EVALUATION_CHUNK)), mode="wrap")
        chunks = np.split(padded, padded.shape[1] // EVALUATION_CHUNK, axis=1)
        losses, predictions = zip(*(self._evaluate(*self._pick(chunk), *weights) for chunk in chunks), strict=True)
        return np.concatenate(losses, axis=1)[:, :images], np.concatenate(predictions, axis=1)[:, :images]

    @compiled
    def _evaluate(self, pixels: Any, labels: Any, kernels: Any, biases: Any) -> tuple[Any, Any]:
        hidden = _first_product(_scaled(pixels), kernels[0]) + biases[0]
        for layer, kernel, bias in zip(self.network.stack, kernels[1:], biases[1:], strict=False):
            hidden = tf.matmul(layer.activation(hidden), kernel) + bias
        labels = tf.broadcast_to(labels, tf.shape(hidden)[:2])
        return self._loss(labels, hidden), tf.argmax(hidden, axis=-1, output_type=tf.int32)

    def collapsed_map(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The one matrix (members, 784, 10) and bias (members, 10) that a linear network's whole stack amounts to."""
        kernels = [kernel.astype(np.float64) for kernel in self.kernels()]
        biases = [bias.astype(np.float64)[:, None, :] for bias in self.biases()]
        matrix, bias = kernels.pop(), biases.pop()
        while kernels:  # from the output's side, where there are ten columns only
            bias = bias + biases.pop() @ matrix
            matrix = kernels.pop() @ matrix
        return matrix, bias[:, 0, :]

    def probe(self, positions: Indices) -> Trace:
        """Forward and backward over the probe batch.

        Args:
            positions: of the probe's examples among all images, (members, probe).
        """
        return Trace(*self._probe(*self._pick(positions)))

    @compiled
    def _probe(self, pixels: Any, labels: Any) -> tuple[list[Any], ...]:
        images = _scaled(pixels)
        preactivations, activations, slopes = [], [], []
        hidden = images
        with tf.GradientTape(persistent=True) as tape:
            for layer in self.network.stack:
                preactivation = layer.preactivation(hidden)
                tape.watch(preactivation)
                hidden = layer.activation(preactivation)
                tape.watch(hidden)
                preactivations.append(preactivation)
                activations.append(hidden)
            objective = tf.reduce_sum(self._loss(labels, hidden))  # a sum, so that each example keeps its own δ
        errors = tape.gradient(objective, preactivations)
        backpropagated = tape.gradient(objective, activations)
        for layer, preactivation in zip(self.network.stack, preactivations, strict=True):
            with tf.GradientTape() as slope_tape:
                slope_tape.watch(preactivation)
                activation = layer.activation(preactivation) * 1.0  # the identity, too, has a gradient to take
            slopes.append(slope_tape.gradient(activation, preactivation))
        inputs = [images, *activations[:-1]]
        examples = tf.cast(tf.shape(images)[1], tf.float32)
        kernel_gradients = [
            tf.matmul(below, error, transpose_a=True) / examples for below, error in zip(inputs, errors, strict=True)
        ]
        bias_gradients = [tf.reduce_mean(error, axis=1) for error in errors]
        return preactivations, activations, slopes, errors, backpropagated, kernel_gradients, bias_gradients


@lru_cache(maxsize=2)
def _compiled(shape: RunConfiguration, members: int) -> Program:
    return Program(shape, members, datasets.load(shape.dataset))


def program_for(runs: Sequence[RunConfiguration]) -> Program:
    """The program for a cohort, started; one that was compiled for another cohort of this shape is used again."""
    program = _compiled(runs[0].shape, len(runs))
    program.start(runs)
    return program


def _first_product(images: Any, kernel: Any) -> Any:
    """(members or 1, images, inputs) times (members, inputs, units) to (members, images, units)."""
    members, inputs, units = kernel.shape
    if images.shape[0] == members:
        return tf.matmul(images, kernel)
    side_by_side = tf.reshape(tf.transpose(kernel, (1, 0, 2)), (inputs, members * units))
    product = tf.reshape(tf.matmul(images[0], side_by_side), (-1, members, units))
    return tf.transpose(product, (1, 0, 2))


def _scaled(images: Any) -> Any:
    return tf.cast(images, tf.float32) * (1 / 255)


def _correct(labels: Any, logits: Any) -> Any:
    return tf.cast(tf.equal(labels, tf.argmax(logits, axis=-1, output_type=tf.int32)), tf.float32)
