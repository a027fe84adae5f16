"""`python -m trainer.tensorboard import LOGDIR`: TensorBoard's event files into the store; `export DIR`: out of it."""

import argparse
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from trainer import provenance
from trainer.datasets import DATA_FOLDER
from trainer.errors import FathomError
from trainer.event_files import Buckets, EventFile, Logged, read_folder
from trainer.interruption import stoppable
from trainer.measurements import Measurements
from trainer.notes import say
from trainer.startup import start_tensorflow
from trainer.store import Store
from trainer.tags import SPLITS, Meaning, Rule, meaning, split_of

HISTOGRAM_BINS = 32
MOST_STEPS = 500  # of one run that are kept: more than a picture can show
SETTINGS = (
    "dataset",
    "depth",
    "width",
    "activation",
    "initializer",
    "shortcut",
    "normalization",
    "dropout",
    "l2",
    "optimizer",
    "learning_rate",
    "batch_size",
    "train_size",
    "epochs",
    "seed",
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    start_tensorflow()  # TensorBoard's package would load it
    out, err = (
        Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False) for stderr in (False, True)
    )
    try:
        store = Store(options.data, notify=err.print)
        if options.command == "import":
            return _import(options, store, out, err)
        runs = export(store, options.study, options.folder)
    except FathomError as error:
        err.print(str(error))
        return 2
    out.print(f"Wrote {runs} runs of {options.study}. To see them, run 'tensorboard --logdir {options.folder}'.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.tensorboard", description="TensorBoard's event files into the store, and out of it."
    )
    parser.add_argument("--data", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store")
    commands = parser.add_subparsers(dest="command", required=True)
    into = commands.add_parser(
        "import", help="read event files: each folder is a run, train and validation one together"
    )
    into.add_argument("folder", type=Path, metavar="LOGDIR")
    into.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="PATTERN=TARGET",
        help="what the tags mean in which a regular expression is found: test.loss, weight, ignore, …; repeatable",
    )
    into.add_argument(
        "--sweep", default=None, metavar="NAME", help="compare the runs over their depth, under this name"
    )
    into.add_argument("--depth", type=int, default=None, metavar="N", help="hidden layers, where no histogram tells")
    into.add_argument("--classes", type=int, default=None, metavar="N", help="classes, if the loss is a cross-entropy")
    into.add_argument("--dry-run", action="store_true", help="print the mapping, and keep nothing")
    out = commands.add_parser("export", help="write a study, or a sweep of your own runs, as event files")
    out.add_argument("folder", type=Path, metavar="DIR")
    out.add_argument("study", nargs="?", default="question", metavar="STUDY", help="default: question")
    return parser


# ---- in -------------------------------------------------------------------------------------------------------------


def _import(options: argparse.Namespace, store: Store, out: Console, err: Console) -> int:
    rules = [Rule.parse(text) for text in options.map]
    if not options.folder.is_dir():
        raise FathomError(f"A folder with TensorBoard's event files was expected, but {options.folder} is none.")
    folders, problems = read_folder(options.folder)
    for problem in problems:
        err.print(problem)
    if not folders:
        raise FathomError(
            f"No scalars or histograms were found in the files *tfevents* under {options.folder}. Give the folder that "
            "TensorBoard is started with (--logdir)."
        )
    runs: dict[Path, list[Logged]] = {}
    for logged in folders:
        runs.setdefault(logged.folder.parent if split_of(logged.folder.name) else logged.folder, []).append(logged)
    out.print(_mapping(folders, options.folder, rules))
    if options.dry_run:
        return 0
    store.prepare()
    for folder, parts in runs.items():
        imported = _Imported(folder, options)
        offset = _offset(parts, rules)
        for logged in parts:
            imported.take(logged, rules, offset)
        for twice in imported.doubled:
            err.print(f"{twice} Give one of the two another meaning with --map.")
        if not (imported.metrics or imported.stats):
            err.print(f"Nothing in {folder} has a meaning for Fathom. Say with --map what its tags mean.")
            continue
        store.append(imported.tables(), replace=True)
        out.print(f"Imported {imported.name}.")
        for note in imported.notes:
            out.print(f"{say(note, '')}.")
    out.print(f"Published as {store.publish()}.")
    return 0


def _mapping(folders: Sequence[Logged], logdir: Path, rules: Sequence[Rule]) -> Table:
    """Every tag with what it is taken for."""
    table = Table("folder", "tag", "taken for", box=None, pad_edge=False)
    for logged in folders:
        name = str(logged.folder.relative_to(logdir))
        for histogram, tags in ((False, logged.scalars), (True, logged.histograms)):
            for tag in tags:
                table.add_row(name, tag, str(meaning(tag, logged.folder.name, histogram, rules)))
    return table


class _Imported:
    """One run, as its event files tell it."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.run_id = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]  # imported anew, it is replaced
        self.name = str(folder.resolve().relative_to(options.folder.resolve().parent))
        self.doubled: list[str] = []  # a sentence for each tag that says what another has said
        self.options = options
        self.seen = Measurements()
        self.metrics: dict[tuple[int, str], dict[str, float]] = {}
        self.layers: dict[str, int] = {}
        self.stats: dict[tuple[int, int], dict[str, Any]] = {}

    @property
    def notes(self) -> list[str]:
        return ["from_histograms" if self.layers else "no_layers"]

    def take(self, logged: Logged, rules: Sequence[Rule], offset: int) -> None:
        """Adds one folder; `offset` makes epochs of its steps."""
        folder = logged.folder.name
        taken: dict[Meaning, str] = {}
        # Keras logs epochs beside batches where it is asked for both: what counts epochs comes first.
        for tag, scalars in sorted(logged.scalars.items(), key=lambda item: "epoch" not in item[0]):
            found = meaning(tag, folder, False, rules)
            if found.what == "metric":
                first = taken.setdefault(found, tag)
                if first != tag:
                    self.doubled.append(f"{first} and {tag} both mean {found}; {tag} is left out.")
                    continue
                for step in _thinned(sorted(scalars)):
                    self.metrics.setdefault((step + offset, found.split), {})[found.metric] = scalars[step]
        for tag, histograms in logged.histograms.items():
            found = meaning(tag, folder, True, rules)
            if found.what != "ignore" and len(found.layer):
                if taken.setdefault(found, tag) != tag:
                    continue  # the first kernel of a layer stands for it
                for step in _thinned(sorted(histograms)):
                    self._take_histogram(found, step + offset, histograms[step])

    def _take_histogram(self, found: Meaning, epoch: int, buckets: Buckets) -> None:
        if not len(buckets) or not buckets[:, 2].sum() > 0:
            return
        layer = self.layers.setdefault(found.layer, len(self.layers) + 1)
        middles, counts = buckets[:, :2].mean(axis=1), buckets[:, 2]
        square = float(np.average(middles**2, weights=counts))
        row = self.stats.setdefault((epoch, layer), {})
        if found.what == "gradient":
            row.update(gradient_norm=np.sqrt(square * counts.sum()), gradient_rms=np.sqrt(square))
            return
        mean = float(np.average(middles, weights=counts))
        row.update(
            weight_mean=mean,
            weight_std=np.sqrt(max(0.0, square - mean**2)),
            weight_min=buckets[0, 0],
            weight_max=buckets[-1, 1],
            weight_norm=np.sqrt(square * counts.sum()),
        )
        edges, even = _evenly(buckets)
        self.seen.add_histograms([(0, self.run_id)], epoch, layer, {"weight": [(edges, even)]})

    def tables(self) -> dict[str, Any]:
        for (epoch, split), values in sorted(self.metrics.items()):
            finite = {name: value for name, value in values.items() if np.isfinite(value)}
            self.seen.add_metric(self.run_id, epoch, split, finite.get("loss"), finite.get("accuracy"), None)
        for (epoch, layer), row in sorted(self.stats.items()):
            columns = {name: np.array([value]) for name, value in row.items()}
            self.seen.add_layer([(0, self.run_id)], epoch, layer, columns)
        for name, number in self.layers.items():
            described = {"name": name, "kind": "unknown", "activation": None, "inputs": None, "units": None}
            self.seen.add("own_layer", {"run_id": self.run_id, "layer": number, **described})
        for note in self.notes:
            self.seen.add("own_note", {"run_id": self.run_id, "note": note, "detail": ""})
        source = replace(provenance.gather(), recipe=None)  # of the import: what wrote the log is not known
        self.seen.add("provenance", source.as_row())
        depth = self.options.depth if self.options.depth is not None else len(self.layers) - 1 if self.layers else None
        broken = [epoch for (epoch, _), values in self.metrics.items() if not np.isfinite(values.get("loss", 0.0))]
        known = {
            "run_id": self.run_id,
            "name": self.name,
            "origin": "tensorboard",
            "sweep": self.options.sweep,
            "depth": depth,
            "classes": self.options.classes,
            "epochs": max((epoch for epoch, _ in [*self.metrics, *self.stats]), default=0),
            "status": "diverged" if broken else "finished",
            "diverged_epoch": min(broken, default=None),
            "provenance_id": source.provenance_id,
        }
        self.seen.add("run", {**dict.fromkeys(Store.columns("run")), **known})
        return self.seen.tables()


def _offset(parts: Sequence[Logged], rules: Sequence[Rule]) -> int:
    """Epochs are counted from 1: what is added to the steps of all folders of a run, one of which may begin later."""
    steps = [
        step
        for logged in parts
        for histogram, tags in ((False, logged.scalars), (True, logged.histograms))
        for tag, values in tags.items()
        if meaning(tag, logged.folder.name, histogram, rules).what != "ignore"
        for step in values
    ]
    return 1 if min(steps, default=1) == 0 else 0


def _thinned(steps: Sequence[int]) -> list[int]:
    """At most so many of them, the first and last among them."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    return [steps[place] for place in np.linspace(0, len(steps) - 1, MOST_STEPS).astype(int)]


def _evenly(buckets: Buckets) -> tuple[Any, Any]:
    """Equally wide bins over the same range; a count is spread evenly over its bucket, and the total is kept."""
    low, high = buckets[0, 0], buckets[-1, 1]
    if high <= low:
        low, high = low - max(abs(low), 1e-6) * 1e-3, high + max(abs(high), 1e-6) * 1e-3
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    below = np.interp(edges, [low, *buckets[:-1, 1], high], [0, *np.cumsum(buckets[:, 2])])
    return edges.astype(np.float32), np.diff(np.round(below)).astype(np.int64)


# ---- out ------------------------------------------------------------------------------------------------------------


def export(store: Store, study: str, folder: Path) -> int:
    """Writes each run of a study into a folder of its own: scalars, histograms and hyperparameters. Returns how many.

    Raises:
        FathomError: there is no such study, or the folder cannot be written.
    """
    runs = 0
    try:
        for tables in store.study_runs(study):
            (run,) = tables["run"]
            name = re.sub(r"[^\w.,=+-]+", "_", run["name"])
            target = folder / f"{name}_{run['run_id'][:6]}"
            for older in target.glob("*tfevents*"):  # of an earlier export: TensorBoard would show both
                older.unlink()
            with EventFile(target) as file:
                _write(file, run, tables)
            runs += 1
    except OSError as error:
        raise FathomError(
            f"The event files cannot be written into {folder} ({error}). Make room or make it writable, or give "
            "another folder."
        ) from error
    return runs


def _write(file: EventFile, run: dict[str, Any], tables: dict[str, list[dict[str, Any]]]) -> None:
    file.settings({name: run[name] for name in SETTINGS if run.get(name) is not None})
    for row in sorted(tables["epoch_metric"], key=lambda row: (row["split"] not in SPLITS, row["epoch"])):
        for metric in ("loss", "accuracy"):
            if row[metric] is not None:
                file.scalar(f"{metric}/{row['split']}", row["epoch"], row[metric])
    for row in sorted(tables["layer_stat"], key=lambda row: (row["layer"], row["epoch"])):
        for statistic, value in row.items():
            if statistic not in ("run_id", "epoch", "layer") and value is not None:
                file.scalar(f"{statistic}/layer_{row['layer']}", row["epoch"], value)
    for row in sorted(tables["layer_histogram"], key=lambda row: (row["layer"], row["epoch"])):
        if row["low"] is not None:
            counts = np.asarray(row["counts"], np.float64)
            file.histogram(f"{row['quantity']}/layer_{row['layer']}", row["epoch"], row["low"], row["high"], counts)


if __name__ == "__main__":
    raise SystemExit(stoppable(main))
