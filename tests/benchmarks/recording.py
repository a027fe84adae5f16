"""What recording costs on the asker's script: `python tests/benchmarks/recording.py [--json]`, run alone.

The script of the README is trained with and without the one line, in turns on one machine. What is compared is the time
of `fit`: measuring, appending and publishing included. The store begins empty, and once more with the shipped results,
whose publication takes longer.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

PROJECT = Path(__file__).parents[2]
LIMIT = 0.10  # share of fit that recording may cost


def fit(depth: int, epochs: int, callbacks: list[Any]) -> float:
    """Seconds of `fit` of the asker's script."""
    with np.load(PROJECT / "data" / "mnist.npz") as mnist:
        x_train, y_train = mnist["x_train"].reshape(-1, 784).astype("float32") / 255, mnist["y_train"]
    keras.utils.set_random_seed(0)
    layers = [*(keras.layers.Dense(128) for _ in range(depth)), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Activation("softmax")])
    model.compile(keras.optimizers.SGD(), "categorical_crossentropy", metrics=["accuracy"])
    targets = keras.utils.to_categorical(y_train, 10)
    started = time.perf_counter()
    model.fit(x_train, targets, batch_size=128, epochs=epochs, validation_split=0.2, verbose=0, callbacks=callbacks)
    return time.perf_counter() - started


def main() -> int:
    from trainer.recorder import Recorder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with np.load(PROJECT / "data" / "mnist.npz") as mnist:
        test = mnist["x_test"].reshape(-1, 784).astype("float32") / 255, keras.utils.to_categorical(mnist["y_test"], 10)
    seconds: dict[str, list[float]] = {"without": [], "recorded": [], "recorded, beside the shipped results": []}
    fit(options.depth, 1, [])  # what is only needed once is not compared
    with tempfile.TemporaryDirectory() as folder:
        empty, shipped = Path(folder) / "empty", Path(folder) / "shipped"
        shipped.mkdir()
        for snapshot in (PROJECT / "data").glob("results-*.duckdb"):
            shutil.copy(snapshot, shipped)
        for _ in range(options.rounds):
            for name, data in zip(seconds, (None, empty, shipped), strict=True):
                callbacks = [Recorder("benchmark", test, data=data)] if data else []
                seconds[name].append(fit(options.depth, options.epochs, callbacks))
    alone = statistics.median(seconds["without"])
    costs = {name: statistics.median(values) / alone - 1 for name, values in seconds.items() if name != "without"}
    if options.json:
        sys.stdout.write(json.dumps({"seconds": seconds, "cost": costs}) + "\n")
    else:
        for name, values in seconds.items():
            cost = f"  {costs[name] * 100:+.1f} %" if name in costs else ""
            print(f"{name:40} {statistics.median(values):6.1f} s{cost}")
        print(f"limit: {LIMIT * 100:.0f} % of fit")
    return int(costs["recorded"] > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
