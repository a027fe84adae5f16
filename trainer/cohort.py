"""Trains one cohort from its start to its last epoch, and turns what it measures into the store's tables."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainer import datasets, statistics
from trainer.configuration import CLASSES, RunConfiguration
from trainer.datasets import Indices
from trainer.examples import examples
from trainer.measurements import PROFILE_EPOCHS, Measurements, finite, finite_or_none
from trainer.program import Program, program_for
from trainer.provenance import Provenance

Report = Callable[[int, float], None]  # epoch just finished, mean validation accuracy over the members


def train_cohort(
    runs: Sequence[RunConfiguration],
    provenance: Provenance,
    report: Report = lambda epoch, accuracy: None,
    record: bool = True,
) -> dict[str, pa.Table]:
    """Trains `runs`, which are of one shape, and returns one table per table of the store.

    Args:
        record: without it, training is all that happens: what recording costs is the difference.
    """
    return _Cohort(runs, provenance).train(report, record)


class _Cohort:
    """The state of a cohort while it trains: what each member saw so far, and which members have diverged."""

    def __init__(self, runs: Sequence[RunConfiguration], provenance: Provenance) -> None:
        shape = runs[0]
        self.runs = runs
        self.provenance = provenance
        self.dataset = datasets.load(shape.dataset)
        self.training = [_training(run) for run in runs]
        self.probe = np.stack([datasets.probe_indices(self.dataset.labels, chosen) for chosen in self.training])
        self.sample = _once_if_alike(
            [
                datasets.training_sample(run.dataset, run.seed, chosen)
                for run, chosen in zip(runs, self.training, strict=True)
            ]
        )
        self.last_epoch = shape.epochs
        validation = datasets.validation_indices(shape.validation_size)
        self.held_out = np.concatenate([validation, datasets.test_indices()])
        self.parts = {"validation": slice(0, len(validation)), "test": slice(len(validation), None)}
        self.held_out_examples = examples(shape.dataset, self.held_out[None])
        self.sample_examples = examples(shape.dataset, self.sample)
        self.diverged_epoch: dict[int, int] = {}  # member → the first epoch with a loss that is not finite
        self.seen = Measurements()

    def train(self, report: Report, record: bool = True) -> dict[str, pa.Table]:
        started = time.perf_counter()
        program = program_for(self.runs)
        with np.errstate(all="ignore"):  # a diverged member goes on in its fellows' arrays; its numbers are left out
            if record:
                self._measure(program, epoch=0, update_ratios=None, report=report)
            for before, epoch in itertools.pairwise(self.runs[0].recorded_epochs):
                if len(self.diverged_epoch) == len(self.runs):
                    break
                update_ratios = self._train_epochs(program, before + 1, epoch)
                if record:
                    self._measure(program, epoch, update_ratios, report)
        share = (time.perf_counter() - started) / len(self.runs)
        for member in range(len(self.runs)):
            self._add_run(member, share)
        return self.seen.tables()

    def _train_epochs(self, program: Program, first: int, last: int) -> list[NDArray[np.float64]]:
        """The epochs from `first` to `last`. Returns the update ratio of the last step, per layer: (members,) each."""
        epochs = range(first, last + 1)
        batches = np.stack(
            [np.concatenate([self._batches(member, epoch) for epoch in epochs]) for member in range(len(self.runs))],
            axis=1,
        )
        seen = program.train(batches)
        shape = (len(epochs), -1, len(self.runs))  # epochs, steps of one, members
        losses, accuracies = (part.reshape(shape).mean(axis=1, dtype=np.float64) for part in (seen.loss, seen.accuracy))
        for epoch, loss in zip(epochs, losses, strict=True):
            self._note_divergence(epoch, loss)
        for member, run_id in self._members():
            examples = batches[:, member].size // len(epochs)
            self.seen.add_metric(run_id, last, "train_running", losses[-1, member], accuracies[-1, member], examples)
        pairs = zip(seen.kernels_before_last_step, program.kernels(), strict=True)
        return [statistics.update_ratio(*pair) for pair in pairs]

    def _batches(self, member: int, epoch: int) -> Indices:
        run = self.runs[member]
        order = datasets.batch_order(run.dataset, run.seed, epoch, run.train_size, run.batch_size)
        chosen: Indices = self.training[member][order]
        return chosen

    def _members(self) -> list[tuple[int, str]]:
        """The members that have not diverged, with their run_id."""
        return [(member, run.run_id) for member, run in enumerate(self.runs) if member not in self.diverged_epoch]

    def _note_divergence(self, epoch: int, losses: NDArray[Any]) -> None:
        for member in np.flatnonzero(~np.isfinite(losses)):
            self.diverged_epoch.setdefault(int(member), epoch)

    def _measure(
        self, program: Program, epoch: int, update_ratios: list[NDArray[np.float64]] | None, report: Report
    ) -> None:
        self._measure_metrics(program, epoch, report)
        if self._members():
            self._measure_layers(program, epoch, update_ratios)
            if program.collapses:
                self._measure_collapsed_map(program, epoch)

    def _measure_metrics(self, program: Program, epoch: int, report: Report) -> None:
        train, train_examples = self.sample, self.sample_examples
        if epoch == self.last_epoch:
            train = _once_if_alike(self.training)
            train_examples = examples(self.dataset.name, train)
        train_losses, train_predictions = program.evaluate(train_examples)
        losses, predictions = program.evaluate(self.held_out_examples)
        self._note_divergence(epoch, losses.max(axis=1) + train_losses.max(axis=1))  # not a number where any is
        train_correct = train_predictions == self.dataset.labels[train]
        correct = predictions == self.dataset.labels[self.held_out]
        for member, run_id in self._members():
            self._add_means(run_id, epoch, "train", train_losses[member], train_correct[member])
            for split, part in self.parts.items():
                self._add_means(run_id, epoch, split, losses[member, part], correct[member, part])
            if epoch == self.last_epoch:
                labels = self.dataset.labels[datasets.test_indices()]
                self.seen.add_confusion(run_id, labels, predictions[member, self.parts["test"]], CLASSES)
        alive = [member for member, _ in self._members()]
        report(epoch, float(correct[alive, self.parts["validation"]].mean()) if alive else float("nan"))

    def _add_means(
        self, run_id: str, epoch: int, split: str, losses: NDArray[np.float32], correct: NDArray[np.bool_]
    ) -> None:
        self.seen.add_metric(run_id, epoch, split, losses.mean(dtype=np.float64), correct.mean(), correct.size)

    def _measure_layers(self, program: Program, epoch: int, update_ratios: list[NDArray[np.float64]] | None) -> None:
        trace = program.probe(self.probe)
        profile = epoch in PROFILE_EPOCHS or epoch == self.last_epoch
        for layer, (kernel, bias) in enumerate(zip(program.kernels(), program.biases(), strict=True), start=1):
            values = statistics.singular_values(finite(kernel))
            columns = statistics.weight_statistics(kernel, bias, values)
            columns |= statistics.gradient_statistics(trace, layer)
            columns |= statistics.signal_statistics(trace, layer, self.runs[0].activation, layer == len(trace.errors))
            if update_ratios is not None:
                columns["update_ratio"] = update_ratios[layer - 1]
            self.seen.add_layer(self._members(), epoch, layer, columns)
            if profile:
                self.seen.add_singular_values(self._members(), epoch, layer, values)
                histograms = statistics.histograms(trace, kernel, layer)
                self.seen.add_histograms(self._members(), epoch, layer, histograms)

    def _measure_collapsed_map(self, program: Program, epoch: int) -> None:
        matrix, bias = program.collapsed_map()
        values = statistics.singular_values(finite(matrix))
        for member, run_id in self._members():
            last = epoch == self.last_epoch
            self.seen.add(
                "collapsed_map",
                {
                    "run_id": run_id,
                    "epoch": epoch,
                    "singular_values": [finite_or_none(value) for value in values[member]],
                    "matrix": matrix[member].astype(np.float32).ravel().tolist() if last else None,
                    "bias": bias[member].tolist() if last else None,
                },
            )

    def _add_run(self, member: int, seconds: float) -> None:
        run = self.runs[member]
        self.seen.add(
            "run",
            {
                "run_id": run.run_id,
                "name": run.name,
                "origin": "grid",
                "classes": CLASSES,
                **run.model_dump(),
                "data_checksum": self.dataset.checksum,
                "parameters": run.parameters,
                "flops_per_example": run.flops_per_example,
                "status": "diverged" if member in self.diverged_epoch else "finished",
                "diverged_epoch": self.diverged_epoch.get(member),
                "seconds": seconds,
                "cohort_size": len(self.runs),
                "provenance_id": self.provenance.provenance_id,
            },
        )
        if member == 0:
            self.seen.add("provenance", self.provenance.as_row())


def _training(run: RunConfiguration) -> Indices:
    return datasets.training_indices(run.dataset, run.train_size, run.seed, run.validation_size)


def _once_if_alike(positions: Sequence[Indices]) -> Indices:
    """(members, images), or (1, images) where every member has the same ones."""
    stacked = np.stack(positions)
    return stacked[:1] if (stacked == stacked[0]).all() else stacked
