"""What recording costs on the asker's script: `python tests/benchmarks/recording.py [--json]`, run alone.

The script of the README is trained without the one line, with it, and with it beside the shipped results, whose
publication takes longer. A machine may be half as fast from one minute to the next: so what recording costs is the
time within the recorder (measuring, appending and publishing included) over the rest of the same `fit`. That nothing is
lost outside of it is shown by the two whole times, as far as the machine is even.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from trainer.recorder import Recorder

PROJECT = Path(__file__).parents[2]
LIMIT = 0.10  # share of fit that recording may cost
WITHOUT, RECORDED = "without", "recorded"


def fit(depth: int, epochs: int, callbacks: list[Any]) -> float:
    """Seconds of `fit` of the asker's script."""
    images, targets = examples("train")
    keras.utils.set_random_seed(0)
    layers = [*(keras.layers.Dense(128) for _ in range(depth)), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Activation("softmax")])
    model.compile(keras.optimizers.SGD(), "categorical_crossentropy", metrics=["accuracy"])
    started = time.perf_counter()
    model.fit(images, targets, batch_size=128, epochs=epochs, validation_split=0.2, verbose=0, callbacks=callbacks)
    return time.perf_counter() - started


class TimedRecorder(Recorder):
    """Counts the seconds that a training spends in it."""

    seconds = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self._time(super().on_train_begin, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._time(super().on_train_batch_begin, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._time(super().on_epoch_end, epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._time(super().on_train_end, logs)

    def _time(self, hook: Callable[..., None], *arguments: Any) -> None:
        started = time.perf_counter()
        hook(*arguments)
        self.seconds += time.perf_counter() - started


@lru_cache
def examples(split: str) -> tuple[Any, Any]:
    """Images and targets, as the script makes them."""
    with np.load(PROJECT / "data" / "mnist.npz") as mnist:
        images, labels = mnist[f"x_{split}"], mnist[f"y_{split}"]
    return images.reshape(-1, 784).astype("float32") / 255, keras.utils.to_categorical(labels, 10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        empty, shipped = Path(folder) / "empty", Path(folder) / "shipped"
        shipped.mkdir()
        for snapshot in (PROJECT / "data").glob("results-*.duckdb"):
            shutil.copy(snapshot, shipped)
        folders = {WITHOUT: None, RECORDED: empty, f"{RECORDED}, beside the shipped results": shipped}
        fit(options.depth, 1, [TimedRecorder("first", examples("test"), data=empty)])  # what is only needed once
        seconds: dict[str, list[float]] = {name: [] for name in folders}
        costs: dict[str, list[float]] = {name: [] for name, data in folders.items() if data}
        for _ in range(options.rounds):
            for name, data in folders.items():
                recorders = [TimedRecorder("benchmark", examples("test"), data=data)] if data else []
                spent = fit(options.depth, options.epochs, recorders)
                seconds[name].append(spent)
                for recorder in recorders:
                    costs[name].append(recorder.seconds / (spent - recorder.seconds))
    if options.json:
        sys.stdout.write(json.dumps({"seconds": seconds, "cost": costs}) + "\n")
    else:
        for name, values in seconds.items():
            print(f"{name:40} {statistics.median(values):6.1f} s ({min(values):.1f}–{max(values):.1f})", end="")
            print(f"  {_shown(costs[name])}" if name in costs else "")
        print(f"limit: {LIMIT:.0%} of fit")
    return int(statistics.median(costs[RECORDED]) > LIMIT)


def _shown(costs: list[float]) -> str:
    return f"{statistics.median(costs):+.1%} ({min(costs):+.1%} to {max(costs):+.1%})"


if __name__ == "__main__":
    raise SystemExit(main())
