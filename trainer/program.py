"""The compiled part of a cohort: training, evaluation and the probe, each one XLA program over all members."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import datasets, linear_stack
from trainer.configuration import EVERY_EPOCH, RunConfiguration
from trainer.datasets import Dataset, Indices
from trainer.examples import CHUNK, Examples
from trainer.network import StackedNetwork, loss_of, make_optimizer

BLOCK_STEPS = 512  # steps whose images are gathered together, at most; an epoch of the asker's has 375
BLOCK_BYTES = 64e6  # of pixels, at most
LANES = 16  # single-precision numbers that a processor works on at once

Floats = NDArray[np.float32]
Map = tuple[NDArray[np.float64], NDArray[np.float64]]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function as one XLA program, compiled at its first call."""
    return cast(Callable[Arguments, Result], tf.function(function, jit_compile=True))


class Trace(NamedTuple):
    """What a forward and backward pass over the probe batch saw, one entry per layer, the input's side first.

    Arrays are (members, probe, units), but for `kernel_gradients` (members, inputs, units) and `bias_gradients`
    (members, units), the gradients of the mean loss over the probe, and for `slopes` of an activation that has the same
    everywhere, (members, 1, 1). What must be the same is the same array. `preactivations` is what enters the activation
    function, normalised where the network normalises; `errors` are the δ of each example, taken before that.
    On its way back an error is `backpropagated` = ∂ℓ/∂a at the layer's output, `entering` = ∂ℓ/∂u once the activation's
    slope is multiplied in, `normalized` once it has passed the normalisation, and δ with what the shortcut adds.
    """

    preactivations: list[Any]
    activations: list[Any]
    slopes: list[Any]
    errors: list[Any]
    backpropagated: list[Any]
    entering: list[Any]
    normalized: list[Any]
    kernel_gradients: list[Any]
    bias_gradients: list[Any]


class Steps(NamedTuple):
    """What training saw: the mean loss and accuracy of each step's batch, each (steps, members), and the kernels before
    the last step, one (members, inputs, units) array per layer."""

    loss: Floats
    accuracy: Floats
    kernels_before_last_step: list[Floats]


class Program:
    """One shape of network, compiled once; `start` readies it for the next cohort of that shape."""

    def __init__(self, run: RunConfiguration, members: int, dataset: Dataset) -> None:
        self.collapses = run.collapses
        self._reorders_products = run.reorders_products
        self.network = StackedNetwork(run, members)
        self._learning_rates = tf.Variable(tf.zeros((members, 1, 1)))
        self.optimizer = make_optimizer(run, self._learning_rates)
        # A pixel that is blank in every image adds to no product and has no gradient: its weights stay as they began,
        # unless a penalty moves them.
        self._inked = np.arange(784) if run.l2 else _inked_columns(dataset)
        first, *others = self.network.trainable_variables
        self._first_kernel = keras.Variable(tf.gather(first, self._inked, axis=1), name="inked_kernel")
        self._trained = [self._first_kernel, *others]
        self.optimizer.build(self._trained)
        self._initial_state = [tf.identity(variable) for variable in self.optimizer.variables]
        self._l2 = run.l2
        self._loss = loss_of(run)
        self._block = _block_steps(run, members)
        self._steps_taken = 0
        self._map: Map | None = None  # for as long as the weights stay as they are
        self._dataset = dataset
        self._images = tf.constant(dataset.images[:, self._inked])
        self._labels = tf.constant(dataset.labels)

    def start(self, runs: Sequence[RunConfiguration]) -> None:
        self.network.start(runs)
        self._learning_rates.assign([[[run.learning_rate]] for run in runs])
        self._steps_taken, self._map = 0, None
        for variable, value in zip(self.optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)

    def kernels(self) -> list[Floats]:
        """One (members, inputs, units) array per layer."""
        return [layer.kernel.numpy() for layer in self.network.stack]

    def biases(self) -> list[Floats]:
        """One (members, units) array per layer."""
        return [layer.bias.numpy()[:, 0, :] for layer in self.network.stack]

    def train(self, batches: Indices) -> Steps:
        """Takes one step per batch.

        Args:
            batches: positions among all images, (steps, members, batch).
        """
        seen, before = [], self.kernels()
        self._first_kernel.assign(before[0][:, self._inked])
        for at in range(0, len(batches), self._block):
            block = batches[at : at + self._block]
            pixels, labels = self._pick(np.resize(block, (self._block, *block.shape[1:])))  # filled up, to one shape
            if at + len(block) < len(batches):
                seen.append(self._steps(pixels, labels, 0, len(block)))
            else:
                seen.append(self._steps(pixels, labels, 0, len(block) - 1))
                self._give_back_first_kernel()
                before = self.kernels()
                seen.append(self._steps(pixels, labels, len(block) - 1, len(block)))
        self._give_back_first_kernel()
        losses, accuracies = zip(*seen, strict=True)
        return Steps(np.concatenate(losses), np.concatenate(accuracies), before)

    def _give_back_first_kernel(self) -> None:
        """Writes what was trained of it into the network's, which is measured."""
        whole = self.network.stack[0].kernel.numpy()
        whole[:, self._inked] = self._first_kernel.numpy()
        self.network.stack[0].kernel.assign(whole)

    def _pick(self, positions: Indices) -> tuple[Any, Any]:
        """Pixels (…, inked) and labels (…). Outside the compiled program, since XLA copies a row number by number."""
        return tf.gather(self._images, positions), tf.gather(self._labels, positions)

    def _steps(self, pixels: Any, labels: Any, first: int, stop: int) -> tuple[Floats, Floats]:
        """Loss and accuracy of the steps from `first` up to, and without, `stop` of a block: each (steps, members)."""
        taken, self._map = self._steps_taken, None
        losses, accuracies = self._train(pixels, labels, *map(tf.constant, (first, stop, taken)))
        self._steps_taken += stop - first
        return losses.numpy()[first:stop], accuracies.numpy()[first:stop]

    @compiled
    def _train(self, all_pixels: Any, all_labels: Any, first: Any, stop: Any, taken: Any) -> tuple[Any, Any]:
        """The steps from `first` up to, and without, `stop`, after `taken` others: a whole block is passed each time,
        since another number of batches would have to be compiled anew. Returns the batch means of loss and accuracy,
        each (block, members), of which only the rows of these steps are filled."""
        steps, members = all_labels.shape[:2]
        losses = tf.TensorArray(tf.float32, steps, element_shape=(members,))
        accuracies = tf.TensorArray(tf.float32, steps, element_shape=(members,))
        step = first
        while step < stop:  # over a `tf.range` XLA compiles once more for every `first` and `stop`
            images, labels = _scaled(all_pixels[step]), all_labels[step]
            with tf.GradientTape() as tape:
                logits = self._training_logits(images, taken + step - first)
                loss = tf.reduce_mean(self._loss(labels, logits), axis=1)
                objective = tf.reduce_sum(loss) + self._penalty()
            self.optimizer.apply(tape.gradient(objective, self._trained), self._trained)
            losses = losses.write(step, loss)
            accuracies = accuracies.write(step, tf.reduce_mean(_correct(labels, logits), axis=1))
            step += 1
        return losses.stack(), accuracies.stack()

    def _training_logits(self, images: Any, step: Any) -> Any:
        first, *others = self.network.stack
        below = tf.matmul(images, self._first_kernel) + first.bias
        if self._reorders_products:
            return linear_stack.logits_of(below, [layer.kernel for layer in others], [layer.bias for layer in others])
        return self.network.signals(below, own_statistics=True, remember=True, step=step)[-1].activation

    def _penalty(self) -> Any:
        if not self._l2:
            return 0.0
        kernels = [self._first_kernel, *(layer.kernel for layer in self.network.stack[1:])]
        return self._l2 * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels])

    def evaluate(self, examples: Examples) -> tuple[Floats, NDArray[np.int32]]:
        """Forward passes alone: the loss of, and the digit predicted for, each example, both (members, images).

        The first layer's product, most of the work, is left to TensorFlow itself, whose products may have any shape.
        """
        if self.collapses:
            losses, predictions = self._evaluate_collapsed(examples)
        else:
            losses, predictions = self._evaluate_layers(examples)
        return examples.in_order(losses), examples.in_order(predictions)

    def _evaluate_layers(self, examples: Examples) -> tuple[Floats, NDArray[np.int32]]:
        """Chunk by chunk, so that what goes from layer to layer stays in the cache."""
        kernel = tf.convert_to_tensor(self.network.stack[0].kernel)
        found = [
            self._evaluate(chunk.times(kernel), tf.broadcast_to(chunk.labels, (len(kernel), CHUNK)))
            for chunk in examples
        ]
        losses, predictions = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        return losses, predictions

    def _evaluate_collapsed(self, examples: Examples) -> tuple[Floats, NDArray[np.int32]]:
        """The same for a linear network, by the one map that it is; exact up to rounding.

        A chunk's logits are so few that the price of a call would be most of it: all are judged in one. Losses and
        predictions are compiled apart, since XLA makes of both together what takes twice as long.
        """
        kernel, bias = (part.astype(np.float32) for part in self.collapsed_map())
        logits = tf.constant(examples.times(kernel) + bias[:, None, :])
        return self._losses(examples.labels(len(kernel)), logits).numpy(), self._predictions(logits).numpy()

    @compiled
    def _evaluate(self, product: Any, labels: Any) -> tuple[Any, Any]:
        """From the images' product with the first kernel."""
        first = product + self.network.stack[0].bias
        logits = self.network.signals(first)[-1].activation
        return self._loss(labels, logits), _predicted(logits)

    @compiled
    def _losses(self, labels: Any, logits: Any) -> Any:
        return self._loss(labels, logits)

    @compiled
    def _predictions(self, logits: Any) -> Any:
        return _predicted(logits)

    def collapsed_map(self) -> Map:
        """The one matrix (members, 784, 10) and bias (members, 10) that a linear network's whole stack amounts to."""
        if self._map is None:
            self._map = _multiplied(self.kernels(), self.biases())
        return self._map

    def probe(self, positions: Indices) -> Trace:
        """Forward and backward over the probe batch.

        Args:
            positions: of the probe's examples among all images, (members, probe).
        """
        found = dict(self._probe(self._dataset.images[positions], self._dataset.labels[positions]))
        if self.collapses:
            found |= {"activations": found["preactivations"], "backpropagated": found["errors"]}
            found["slopes"] = [np.ones((len(positions), 1, 1), np.float32)] * len(self.network.stack)
        if self._is_plain:
            found |= dict.fromkeys(("entering", "normalized"), found["errors"])
        return Trace(**found)

    @property
    def _is_plain(self) -> bool:
        """Nothing stands between a layer's product and its activation function, and nothing passes them by."""
        return not (self.network.normalizations or self.network.shortcut)

    @compiled
    def _probe(self, pixels: Any, labels: Any) -> dict[str, list[Any]]:
        """As a training step sees it, but for dropout: batches are normalised by their own mean and variance.

        Without the parts of the trace that are others once more, since a compiled program gives each thing that it
        returns memory of its own.
        """
        images = _scaled(pixels)
        with tf.GradientTape(persistent=True) as tape:
            signals = self.network.signals(self.network.stack[0].preactivation(images), own_statistics=True)
            loss = self._loss(labels, signals[-1].activation)
            objective = tf.reduce_sum(loss)  # a sum, so that each example keeps its own δ
        preactivations, normalized, activations = (list(column) for column in zip(*signals, strict=True))
        inputs = [images, *activations[:-1]]
        found = {"preactivations": preactivations}
        if self.collapses:
            kernels = [layer.kernel for layer in self.network.stack]
            error = tape.gradient(objective, preactivations[-1])
            errors, kernel_gradients = linear_stack.errors_and_kernel_gradients(inputs, kernels, error)
        else:
            errors = tape.gradient(objective, preactivations)
            kernel_gradients = [
                tf.matmul(below, error, transpose_a=True) for below, error in zip(inputs, errors, strict=True)
            ]
            found |= {"activations": activations, "backpropagated": tape.gradient(objective, activations)}
            found["slopes"] = [
                self._slope(layer, entering) for layer, entering in zip(self.network.stack, normalized, strict=True)
            ]
        if not self._is_plain:
            entering = tape.gradient(objective, normalized)
            found |= {"entering": entering, "normalized": self._past_normalization(errors, entering)}
        examples = tf.cast(tf.shape(images)[1], tf.float32)
        return found | {
            "errors": errors,
            "kernel_gradients": [gradient / examples for gradient in kernel_gradients],
            "bias_gradients": [tf.reduce_mean(error, axis=1) for error in errors],
        }

    def _past_normalization(self, errors: list[Any], entering: list[Any]) -> list[Any]:
        """What of each layer's error came through its normalisation, and not over the shortcut."""
        if not self.network.normalizations:
            return entering
        if not self.network.shortcut:
            return errors
        # What arrived over a shortcut is the δ of the next hidden layer, as it is.
        return [*(own - following for own, following in itertools.pairwise(errors[:-1])), *errors[-2:]]

    def _slope(self, layer: Any, inputs: Any) -> Any:
        """φ′ at each of `inputs`."""
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            activation = layer.activation(inputs) * 1.0  # the identity, too, has a gradient to take
        return tape.gradient(activation, inputs)


def _inked_columns(dataset: Dataset) -> Indices:
    """Which of the 784 pixels have ink in any image, ascending; with some that have none, up to whole lanes."""
    inked = dataset.images.any(axis=0)
    number = math.ceil(inked.sum() / LANES) * LANES
    return np.sort(np.argsort(~inked, kind="stable")[:number]).astype(np.int32)


def _multiplied(kernels: list[Floats], biases: list[Floats]) -> Map:
    """One affine map for a stack of them."""
    matrix, bias = kernels.pop().astype(np.float64), biases.pop().astype(np.float64)[:, None, :]
    while kernels:  # from the output's side, where there are ten columns only
        bias = bias + biases.pop().astype(np.float64)[:, None, :] @ matrix
        matrix = kernels.pop().astype(np.float64) @ matrix
    return matrix, bias[:, 0, :]


def _compiled(shape: RunConfiguration, members: int) -> Program:
    """However long it is trained, if it is measured after each epoch: the number of epochs is no part of a program."""
    return _program(shape.model_copy(update={"epochs": 1}) if shape.epochs <= EVERY_EPOCH else shape, members)


@lru_cache(maxsize=2)
def _program(shape: RunConfiguration, members: int) -> Program:
    return Program(shape, members, datasets.load(shape.dataset))


def program_for(runs: Sequence[RunConfiguration]) -> Program:
    """The program for a cohort, started; one that was compiled for another cohort of this shape is used again."""
    program = _compiled(runs[0].shape, len(runs))
    program.start(runs)
    return program


def _block_steps(run: RunConfiguration, members: int) -> int:
    """How many steps are taken from one gathering of images: those between two measurements, in equal parts."""
    batch = min(run.batch_size, run.train_size)
    recorded = run.recorded_epochs
    longest = max(after - before for before, after in itertools.pairwise(recorded)) * (run.train_size // batch)
    most = max(1, min(BLOCK_STEPS, int(BLOCK_BYTES / (members * batch * 784))))
    return math.ceil(longest / math.ceil(longest / most))


def _scaled(images: Any) -> Any:
    return tf.cast(images, tf.float32) * (1 / 255)


def _predicted(logits: Any) -> Any:
    """The digit with the largest of its logits (…, 10): (…)."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def _correct(labels: Any, logits: Any) -> Any:
    return tf.cast(tf.equal(labels, _predicted(logits)), tf.float32)
