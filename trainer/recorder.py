"""Records your own training in Keras: one line in `fit`, and the dashboard explains it.

from trainer.recorder import Recorder
model.fit(x, y, …, callbacks=[Recorder("5 layers", test_data=(x_test, y_test))])
"""

import time
import uuid
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from trainer import provenance, statistics
from trainer.configuration import recorded_epochs
from trainer.datasets import DATA_FOLDER
from trainer.engine import reason_of
from trainer.errors import FathomError
from trainer.fit_data import LARGE_BATCH, PROBE_BYTES, Evaluation, Examples, examples_of, of_fit
from trainer.measurements import PROFILE_EPOCHS, Measurements, finite, finite_or_none
from trainer.notes import say
from trainer.store import Store
from trainer.tracing import KernelLayer, Reading, kernel_layers, read

MEMBERS = 1  # a cohort of one
SPECTRUM_OPERATIONS = 2e9  # multiplications, at most, that the singular values of one kernel may take
# Epochs that are measured in full, beside the start: each costs a small model as much as some hundred steps.
MOST_EPOCHS = 8


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Keeps what happens in a training in the store, and publishes it at the end for the dashboard.

    The same quantities as in the grid are measured on a fixed probe batch, before training and after up to 8 of the
    epochs. What there is of a training that is interrupted or fails is kept as well. It says in the end what it could
    not record, and never stops a training by a trouble of its own.

    Args:
        name: for people; need not be unique.
        test_data: (inputs, targets) that the network never sees, or a `tf.data.Dataset` of both.
        train_data: the same of training examples, where `fit` trains on a generator; otherwise what `fit` was given.
        sweep: a name that trainings of different depth share, so that they are compared.
        seed: what the random numbers were seeded with; runs of one sweep with equal seeds are paired.
        data: folder of the store, where the dashboard looks.
    """

    def __init__(
        self,
        name: str,
        test_data: Any = None,
        *,
        train_data: Any = None,
        sweep: str | None = None,
        seed: int | None = None,
        data: str | Path = DATA_FOLDER,
    ) -> None:
        super().__init__()
        self._test, self._train = (_given(each) for each in (test_data, train_data))
        self._named = {"name": str(name), "sweep": sweep, "seed": seed}
        self._store = Store(Path(data))
        self._recording: _Recording | None = None
        self._finalizer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        try:
            self._recording = _Recording(self.model, self._store, self._named, self._train, self._test, self.params)
        except Exception as error:  # whatever the model or the data are, the training goes on
            _say(f"Fathom cannot record '{self._named['name']}'; the training goes on without. {reason_of(error)}")
            return
        # For a training that is broken off outside of a step: at the latest when Python ends.
        self._finalizer = weakref.finalize(self, self._recording.finish, "interrupted")
        self._recording.watch_steps()
        self._recording.measure(0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._recording:
            self._recording.remember_kernels(batch, self.params.get("steps"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._recording:
            self._recording.end_epoch(logs or {}, stopping=bool(self.model.stop_training))

    def on_train_end(self, logs: Any = None) -> None:
        if self._recording:
            self._finalizer.detach()
            self._recording.finish("finished")
            self._recording = None


def _build(model: keras.Model, one: Any) -> None:
    """Keras builds some models at their first step only; one example can. A Sequential keeps the shape that it was
    built for, which must be that of any batch: and where it cannot be built for that, none."""
    if not isinstance(model, keras.Sequential) or model.built or keras.tree.is_nested(one):
        model(one, training=False)
        return
    layers = model._layers
    try:
        model.build((None, *one.shape[1:]))
    except Exception:
        model._layers = layers
        raise


def _given(data: Any) -> Examples | None:
    if data is None:
        return None
    inputs, targets = data if isinstance(data, tuple | list) else (data, None)
    found = examples_of(inputs, targets)
    if found is None:
        raise FathomError(
            "test_data and train_data should be a pair of arrays (inputs, targets) or a tf.data.Dataset of such pairs, "
            f"but {type(data).__name__} was given. Give one of the two."
        )
    return found


class _Recording:
    """One call of `fit`."""

    def __init__(
        self,
        model: keras.Model,
        store: Store,
        named: dict[str, Any],
        train: Examples | None,
        test: Examples | None,
        params: dict[str, Any],
    ) -> None:
        self.run_id = uuid.uuid4().hex[:16]
        self.model, self.store, self.named = model, store, named
        self.started = time.perf_counter()
        self.fit = of_fit(model)
        self.epochs = max(1, int(params.get("epochs") or 1) - self.fit.initial_epoch)
        self.schedule = set(recorded_epochs(self.epochs, MOST_EPOCHS))
        self.epoch = 0
        self.status = "finished"
        self.diverged_epoch: int | None = None  # 0 where the loss was not finite before training
        self.measured_in_full: int | None = None  # the epoch that was measured as the last
        self.closed = False
        self.seen = Measurements()
        self.notes: dict[str, list[str]] = {}
        self.provenance = replace(provenance.where_trained(provenance.gather()), recipe=None)
        self.training, self.test = train or self.fit.training, test
        self.sample = self.training.sample() if self.training else None
        seen = self.training or self.test
        self.probe = seen.probe() if seen else None
        if self.probe is not None:
            one = self.probe.take(slice(0, 1))
            self._try("failed", lambda: _build(model, one.inputs))
        self.layers = kernel_layers(model)
        self.reading: Reading | None = None
        self.classes: int | None = None
        self.judged: tuple[int, Any, Any] | None = None  # epoch, classes of the test examples, and those taken for them
        self.before: tuple[int, list[Any]] | None = None  # steps taken, and the kernels then
        self.batches: int | None = None
        self.evaluate = Evaluation(model)
        self.train_function: Callable[[Any], Any] = model.train_function
        self.batches_seen = 0  # in this epoch
        self.learning_rate = self._try("failed", lambda: finite_or_none(model.optimizer.learning_rate))
        missing = {
            "no_kernels": not self.layers,
            "no_examples": self.training is None,
            "no_test_data": test is None,
            "no_validation": self.fit.validation is None,
        }
        for note, holds in missing.items():
            if holds:
                self._note(note)
        for split, examples in (("test_data", test), ("validation_data", self.fit.validation)):
            if examples is not None and not examples.whole:
                self._note("cut", f"{split}: {len(examples):,}")
        self._fit_probe_to_memory()

    # ---- while it trains --------------------------------------------------------------------------------------------

    def watch_steps(self) -> None:
        """Keras tells callbacks nothing of a training that is broken off: so its steps are watched."""
        original = self.train_function

        def watched(iterator: Any) -> Any:
            try:
                return original(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):  # the end of the data, as Keras expects it
                raise
            except BaseException:
                self.finish("interrupted")
                raise

        self.model.train_function = watched

    def remember_kernels(self, batch: int, steps: int | None) -> None:
        """Before the last step of an epoch; before each of them where their number is not known."""
        last = steps or self.batches
        self.batches_seen = batch + 1
        if last is None or batch + int(getattr(self.model, "steps_per_execution", 1) or 1) >= last:
            self._try("failed", self._remember_kernels)

    def _remember_kernels(self) -> None:
        kernels = [tf.identity(kernel.value) for layer in self.layers for kernel in layer.kernels]
        self.before = self._steps_taken(), kernels

    def end_epoch(self, logs: dict[str, Any], stopping: bool) -> None:
        self.epoch += 1
        self.batches = self.batches_seen
        loss = logs.get("loss")
        if self.diverged_epoch is None and loss is not None and not np.isfinite(loss):
            self.diverged_epoch = self.epoch
        if self.diverged_epoch is not None:
            return
        self._try("failed", lambda: self._add_logs(logs))
        if self.epoch in self.schedule or stopping:
            self.measure(self.epoch, last=stopping or self.epoch == self.epochs)

    def _add_logs(self, logs: dict[str, Any]) -> None:
        """What Keras has measured itself. Its loss has the penalty on the weights in it, which the store leaves out."""
        if self.epoch not in self.schedule:
            return
        penalized = [weight for weight in self.model.trainable_weights if weight.regularizer]
        penalty = sum(float(weight.regularizer(weight)) for weight in penalized)
        if len(self.model.losses) > len(penalized):
            self._note("added_loss")
        for split, prefix in (("train_running", ""), ("validation", "val_")):
            if f"{prefix}loss" in logs:
                loss = float(logs[f"{prefix}loss"]) - penalty
                examples = len(self.fit.validation) if split == "validation" and self.fit.validation else None
                accuracy = _accuracy(logs, prefix) if self.evaluate.classifies else None
                self.seen.add_metric(self.run_id, self.epoch, split, loss, accuracy, examples)

    def measure(self, epoch: int, last: bool = False) -> None:
        if not self.model.built:  # to call it would build it for batches that may not be those of the training
            return
        with np.errstate(all="ignore"):
            self._try("failed", lambda: self._measure_splits(epoch, last))
            if self.diverged_epoch is None and self.layers:
                self._try("failed", lambda: self._measure_layers(epoch, last))
        if last:
            self.measured_in_full = epoch

    # ---- measuring --------------------------------------------------------------------------------------------------

    def _measure_splits(self, epoch: int, last: bool) -> None:
        whole = last and self.training is not None
        splits = {"train": self.training if whole else self.sample, "test": self.test}
        if epoch == 0:
            splits["validation"] = self.fit.validation
        for split, examples in splits.items():
            if examples is None:
                continue
            try:
                found = self.evaluate(examples, again=examples is self.sample or examples is self.test)
            except Exception as error:  # somebody else's loss: whatever it raises, the training goes on
                self._note("no_loss", reason_of(error))
                return
            if not np.isfinite(found.loss):
                self.diverged_epoch = epoch
                return
            self.seen.add_metric(self.run_id, epoch, split, found.loss, found.accuracy, len(examples))
            if found.accuracy is None:
                self._note("no_accuracy")
            elif found.classes is not None:
                self.classes = found.classes
                if split == "test":
                    self.judged = epoch, found.actual, found.predicted

    def _measure_layers(self, epoch: int, last: bool) -> None:
        reading = None
        if self.probe is not None:
            probe = self.probe
            reading = self._try("no_loss", lambda: read(self.model, self.layers, probe.inputs, probe.targets))
        if reading is not None:
            self.reading = reading
        ratios = self._update_ratios() if epoch else {}
        profile = epoch in PROFILE_EPOCHS or last
        # The order in which they are computed, as it was first seen.
        for number, layer in enumerate(self.reading.layers if self.reading else self.layers, start=1):
            kernel = layer.kernel()
            values = self._singular_values(layer, kernel)
            columns = statistics.weight_statistics(kernel, layer.bias(), values)
            if layer.name in ratios:
                columns["update_ratio"] = ratios[layer.name]
            if reading is not None:
                columns |= self._columns(reading, number)
            self.seen.add_layer([(0, self.run_id)], epoch, number, columns)
            if profile:
                if np.isfinite(values).all():
                    self.seen.add_singular_values([(0, self.run_id)], epoch, number, values)
                if reading is not None:
                    found = statistics.histograms(reading.trace, kernel, number)
                    self.seen.add_histograms([(0, self.run_id)], epoch, number, found)

    def _columns(self, reading: Reading, number: int) -> statistics.Row:
        columns = statistics.gradient_statistics(reading.trace, number)
        if not reading.has_signals(number):
            self._note("no_signals", reading.layers[number - 1].name)
            return columns
        output = reading.outputs[number - 1]
        columns |= statistics.signal_statistics(reading.trace, number, reading.activations[number - 1], output)
        if not output and not reading.one_follows(number):
            columns.pop("weight_gain", None)
        return columns

    def _singular_values(self, layer: KernelLayer, kernel: Any) -> Any:
        _, inputs, units = kernel.shape
        if inputs * units * min(inputs, units) > SPECTRUM_OPERATIONS:
            self._note("no_spectrum", layer.name)
            return np.full((MEMBERS, 1), np.nan)
        return statistics.singular_values(finite(kernel))

    def _update_ratios(self) -> dict[str, Any]:
        """By the name of the layer; nothing where the last step alone was not seen."""
        if self.before is None or self._steps_taken() - self.before[0] != 1:
            self._note("no_update_ratio")
            return {}
        before, found = iter(self.before[1]), {}
        for layer in self.layers:
            earlier = replace(layer, kernels=tuple(next(before) for _ in layer.kernels))
            found[layer.name] = statistics.update_ratio(earlier.kernel(), layer.kernel())
        return found

    def _steps_taken(self) -> int:
        return int(self.model.optimizer.iterations)

    def _fit_probe_to_memory(self) -> None:
        """One example shows how much a pass over the probe batch would keep."""
        if self.probe is None or not self.layers:
            return
        one = self.probe.take(slice(0, 1))
        reading = self._try("no_loss", lambda: read(self.model, self.layers, one.inputs, one.targets))
        if reading is None:
            self.probe = None
            return
        self.reading = reading
        size = 5 * sum(part.nbytes for parts in reading.trace[:2] for part in parts if part is not None)
        most = max(1, int(PROBE_BYTES / max(size, 1)))
        if most < len(self.probe):
            self.probe = self.probe.probe(most)
            self._note("smaller_probe", str(most))
        if most >= LARGE_BATCH:
            self.evaluate.batch = LARGE_BATCH
        self.probe = self._try("no_loss", self.probe.as_tensors)

    # ---- at the end -------------------------------------------------------------------------------------------------

    def finish(self, status: str) -> None:
        """Keeps and publishes what there is; once."""
        if self.closed:
            return
        self.closed = True
        self.model.train_function = self.train_function
        if status == "finished" and self.diverged_epoch is None and self.measured_in_full != self.epoch:
            self._forget(self.epoch)  # it was stopped early: nobody knew that this epoch would be the last
            self.measure(self.epoch, last=True)
        self.status = status if self.diverged_epoch is None else "diverged"
        if self.judged and self.classes and status == "finished" and self.judged[0] == self.epoch:
            self.seen.add_confusion(self.run_id, *self.judged[1:], self.classes)
        name = self.named["name"]
        try:
            self._add_run()
            self.store.prepare()
            self.store.append({name: table for name, table in self.seen.tables().items() if len(table)})
        except Exception as error:
            _say(f"Fathom could not keep the recording '{name}'. {reason_of(error)}")
            return
        try:
            _say(f"Fathom recorded '{name}' and published it as {self.store.publish()}.")
        except FathomError as error:
            _say(f"Fathom recorded '{name}', but could not publish it: it waits for the next refresh. {error}")
        for note, details in self.notes.items():
            _say(f"{say(note, ', '.join(details))}.")

    def _forget(self, epoch: int) -> None:
        """What was measured after an epoch; what Keras has logged stays."""
        rows = self.seen.rows
        for table in ("layer_stat", "singular_value", "layer_histogram"):
            rows[table] = [row for row in rows[table] if row["epoch"] != epoch]
        rows["epoch_metric"] = [
            row for row in rows["epoch_metric"] if row["epoch"] != epoch or row["split"] not in ("train", "test")
        ]

    def _add_run(self) -> None:
        layers = self.reading.layers if self.reading else self.layers
        outputs = self.reading.outputs.count(True) if self.reading else 1
        activations = self.reading.activations if self.reading else [None] * len(layers)
        for number, (layer, activation) in enumerate(zip(layers, activations, strict=True), start=1):
            _, inputs, units = layer.kernel().shape
            described = {"name": layer.name, "kind": layer.kind, "activation": activation}
            place = {"run_id": self.run_id, "layer": number}
            self.seen.add("own_layer", {**place, **described, "inputs": inputs, "units": units})
        for note, details in self.notes.items():
            self.seen.add("own_note", {"run_id": self.run_id, "note": note, "detail": ", ".join(details)})
        self.seen.add("provenance", self.provenance.as_row())
        hidden = range(max(0, len(layers) - outputs))
        optimizer = type(self.model.optimizer).__name__.lower()
        momentum = optimizer == "sgd" and bool(getattr(self.model.optimizer, "momentum", False))
        known = {
            "run_id": self.run_id,
            **self.named,
            "origin": "recorded",
            "train_size": self.fit.train_size,
            "depth": len(hidden) if layers else None,
            "width": _same(layers[each].kernel().shape[2] for each in hidden),
            "classes": self.classes,
            "activation": _same(activations[each] for each in hidden),
            "optimizer": "momentum" if momentum else optimizer,
            "learning_rate": self.learning_rate,
            "batch_size": self.fit.batch_size,
            "epochs": self.epochs,
            "parameters": int(sum(np.prod(weight.shape) for weight in self.model.trainable_weights)),
            "flops_per_example": self.reading.flops if self.reading else None,
            "status": self.status,
            "diverged_epoch": self.diverged_epoch,
            "seconds": time.perf_counter() - self.started,
            "cohort_size": 1,
            "provenance_id": self.provenance.provenance_id,
        }
        # What is not named would get what holds for every run of the grid.
        self.seen.add("run", {**dict.fromkeys(self.store.columns("run")), **known})

    def _note(self, note: str, detail: str = "") -> None:
        details = self.notes.setdefault(note, [])
        if detail and detail not in details:
            details.append(detail)

    def _try(self, note: str, measure: Callable[[], Any]) -> Any:
        """A measurement on somebody else's model. Whatever goes wrong in it, their training must go on."""
        try:
            return measure()
        except Exception as error:
            self._note(note, reason_of(error))
            return None


def _say(sentence: str) -> None:
    """Not on the way to standard output, which may be a table or a progress bar of somebody else's."""
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False).print(sentence)


def _accuracy(logs: dict[str, Any], prefix: str) -> float | None:
    """The accuracy that Keras was asked for, whatever it is called: accuracy, acc, sparse_categorical_accuracy, …"""
    for name, value in logs.items():
        plain = name.removeprefix(prefix)
        is_accuracy = plain == "acc" or plain.endswith("accuracy")
        if name.startswith(prefix) and not plain.startswith(("val_", "top_k", "sparse_top_k")) and is_accuracy:
            return float(value)
    return None


def _same(values: Any) -> Any:
    """The one value that all are; None where they differ, or there is none."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
