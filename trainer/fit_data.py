"""The examples on which somebody's own model is measured: where they come from, and which of them are taken."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.datasets import PROBE_SIZE, TRAINING_SAMPLE, probe_indices
from trainer.tracing import mean_loss

BATCH = 1_000  # examples at a time that are evaluated
LARGE_BATCH = 2_000  # the same of a model whose activations are small: a fifth faster
HELD_BYTES = 256e6  # of examples, at most, that are kept from a stream of them
KEPT_BYTES = 128e6  # of inputs, at most, that are kept as tensors for the next evaluation
PROBE_BYTES = 1e9  # of activations, at most, that one pass over the probe batch may keep


@dataclass(frozen=True)
class Examples:
    """Inputs and targets, each an array or a nest of arrays, whose first axis is the examples."""

    inputs: Any
    targets: Any
    whole: bool = True  # whether these are all there are

    def __len__(self) -> int:
        return len(keras.tree.flatten(self.inputs)[0])

    def take(self, positions: Any) -> "Examples":
        """Those at some positions: ascending indices, or a slice."""

        def chosen(array: Any) -> Any:
            return (
                tf.gather(array, positions)
                if tf.is_tensor(array) and not isinstance(positions, slice)
                else array[positions]
            )

        return Examples(*(keras.tree.map_structure(chosen, part) for part in (self.inputs, self.targets)))

    def sample(self) -> "Examples":
        """As many as the grid evaluates after an epoch, the same each time."""
        if len(self) <= TRAINING_SAMPLE:
            return self
        generator = np.random.default_rng(0)
        return self.take(np.sort(generator.permutation(len(self))[:TRAINING_SAMPLE]))

    def batches(self, most: int) -> Iterator["Examples"]:
        """All of them as tensors, up to so many at a time."""
        for start in range(0, len(self), most):
            yield self.take(slice(start, start + most)).as_tensors()

    def as_tensors(self) -> "Examples":
        return Examples(*(keras.tree.map_structure(tf.convert_to_tensor, part) for part in (self.inputs, self.targets)))

    def size(self) -> int:
        """Bytes of the inputs."""
        return sum(math.prod(a.shape) * tf.as_dtype(a.dtype).size for a in keras.tree.flatten(self.inputs))

    def labels(self) -> NDArray[np.int32] | None:
        """The class of each example, where the targets are integers or one-hot rows; None otherwise."""
        targets = keras.tree.flatten(self.targets)
        if len(targets) != 1:
            return None
        array = np.asarray(targets[0])
        if array.ndim == 2 and array.shape[1] > 1 and ((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all():
            array = array.argmax(axis=1)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        whole = np.issubdtype(array.dtype, np.integer) or bool(((array == 0) | (array == 1)).all())
        if array.ndim != 1 or not whole:
            return None
        labels: NDArray[np.int32] = array.astype(np.int32)
        return labels

    def probe(self, most: int = PROBE_SIZE) -> "Examples":
        """A fixed batch of up to 1,024 examples, of every class alike where there are classes."""
        labels = self.labels()
        everything = np.arange(len(self), dtype=np.int32)
        if labels is None:
            return self.take(everything[:most])
        _, numbered = np.unique(labels, return_inverse=True)
        chosen = probe_indices(numbered.astype(np.int32), everything, int(numbered.max()) + 1)
        return self.take(chosen if len(chosen) <= most else chosen[np.linspace(0, len(chosen) - 1, most).astype(int)])


@dataclass(frozen=True)
class FitData:
    """What `fit` was called with, as far as it can be looked at again."""

    training: Examples | None
    validation: Examples | None
    train_size: int | None
    batch_size: int | None
    initial_epoch: int  # epochs that were trained in an earlier call


def of_fit(model: keras.Model) -> FitData:
    """What the running `fit` of a model trains on.

    Keras gives a callback no access to it, so that it is taken from the variables of the running call. Nothing is taken
    from a generator, whose examples would then be missing in training.
    """
    frame = sys._getframe()
    while frame is not None and not (frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model):
        frame = frame.f_back  # type: ignore[assignment]  # None at the end
    found = dict(frame.f_locals) if frame is not None else {}
    training = examples_of(found.get("x"), found.get("y"), most=TRAINING_SAMPLE)
    validation = examples_of(found.get("val_x"), found.get("val_y"))
    batch_size = found.get("batch_size")
    if batch_size is None and not isinstance(found.get("x"), tf.data.Dataset | keras.utils.PyDataset):
        batch_size = 32  # Keras' default for arrays
    size = len(training) if training and training.whole else None
    return FitData(training, validation, size, batch_size if training else None, found.get("initial_epoch") or 0)


def examples_of(inputs: Any, targets: Any = None, most: float = math.inf) -> Examples | None:
    """Arrays as they are; the first `most` examples of a dataset, or as many as fit in `HELD_BYTES`; None for what
    cannot be read without using it up."""
    if isinstance(inputs, tf.data.Dataset):
        endless = inputs.cardinality() == tf.data.INFINITE_CARDINALITY
        return _first_of(iter(inputs), TRAINING_SAMPLE if endless else most)
    if isinstance(inputs, keras.utils.PyDataset):
        return _first_of((inputs[number] for number in range(len(inputs))), most)
    arrays = keras.tree.flatten((inputs, targets))
    if targets is None or not all(hasattr(array, "shape") and len(array.shape) for array in arrays):
        return None
    return Examples(
        *(
            keras.tree.map_structure(lambda a: a if tf.is_tensor(a) else np.asarray(a), part)
            for part in (inputs, targets)
        )
    )


def _first_of(batches: Any, most: float) -> Examples | None:
    """Of a stream of batches (inputs, targets) as many as are wanted, or as fit."""
    kept: list[Any] = []
    examples, size, whole = 0, 0, True
    for batch in batches:
        if examples >= most or size >= HELD_BYTES:
            whole = False
            break
        inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if targets is None:
            return None
        pair = keras.tree.map_structure(np.asarray, (inputs, targets))
        kept.append(pair)
        arrays = keras.tree.flatten(pair)
        examples, size = examples + len(arrays[0]), size + sum(array.nbytes for array in arrays)
    if not kept:
        return None
    inputs, targets = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *kept)
    return Examples(inputs, targets, whole)


@dataclass(frozen=True)
class Evaluated:
    """Means over examples, without dropout and without penalties; accuracy and classes where the model classifies."""

    loss: float
    accuracy: float | None
    actual: NDArray[np.int32] | None  # the class of each example, and what it was taken for
    predicted: NDArray[np.int64] | None
    classes: int | None


Prepared = tuple[Iterable[Examples], NDArray[np.int32] | None]  # batches, and the class of each example


class Evaluation:
    """Evaluates a model; its forward pass is compiled once, in the way in which Keras does it."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._decide = _decision(model)
        self._classes: int | None = None
        # Keras does not let AutoGraph rewrite a model either. To do so would take longer than all else at the start.
        compiled = tf.function(self._evaluate, reduce_retracing=True, autograph=False)
        self._step: Callable[[Any, Any], tuple[Any, Any]] = self._evaluate if model.run_eagerly else compiled
        self._kept: list[tuple[Examples, Prepared]] = []
        self.batch = BATCH  # examples at a time

    @property
    def classifies(self) -> bool:
        """Whether the loss is that of one classification."""
        return self._decide is not None

    def _evaluate(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        predictions = self._model(inputs, training=False)
        if self._decide:
            self._classes = max(2, int(predictions.shape[-1]))
        decided = self._decide(predictions) if self._decide else tf.zeros((), tf.int64)
        return mean_loss(self._model, inputs, targets, predictions), decided

    def __call__(self, examples: Examples, again: bool = False) -> Evaluated:
        """
        Args:
            again: whether the same object will be evaluated again; its tensors are then kept, where they are small.
        """
        batches, labels = self._prepared(examples, again)
        losses, sizes, decided = [], [], []
        for batch in batches:
            loss, classes = self._step(batch.inputs, batch.targets)
            losses.append(float(loss))
            sizes.append(len(batch))
            decided.append(np.asarray(classes))
        loss = float(np.average(losses, weights=sizes))
        if labels is None:
            return Evaluated(loss, None, None, None, None)
        predicted = np.concatenate(decided)
        return Evaluated(loss, float((predicted == labels).mean()), labels, predicted, self._classes)

    def _prepared(self, examples: Examples, again: bool) -> Prepared:
        if again and examples.size() <= KEPT_BYTES:
            if not any(kept is examples for kept, _ in self._kept):
                self._kept.append((examples, (list(examples.batches(self.batch)), self._labels(examples))))
            return next(prepared for kept, prepared in self._kept if kept is examples)
        return examples.batches(self.batch), self._labels(examples)

    def _labels(self, examples: Examples) -> NDArray[np.int32] | None:
        return examples.labels() if self.classifies else None


def _decision(model: keras.Model) -> Callable[[Any], Any] | None:
    """From a model's output to the class it decides for; None where its loss is none of a classification."""
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
    if "crossentropy" not in str(name):
        return None
    border = 0.0 if getattr(loss, "from_logits", False) else 0.5

    def decide(predictions: Any) -> Any:
        if predictions.shape.rank == 2 and predictions.shape[-1] == 1:
            return tf.cast(predictions[:, 0] > tf.cast(border, predictions.dtype), tf.int64)
        return tf.argmax(predictions, axis=-1)

    return decide
