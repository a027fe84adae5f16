"""The script that a run's page offers really trains the same network."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stores import PROJECT
from training import trained

from dashboard.reproduction import script

FOUND = re.compile(r"(\w+): loss ([\d.]+) \(stored ([\d.]+)\), accuracy ([\d.]+) \(stored ([\d.]+)\)")


def source_of(**settings: Any) -> str:
    """The script of a small run that was trained here."""
    cohort = trained(seeds=(3, 4), **settings)
    run = cohort.runs[1]
    last = cohort.rows("epoch_metric", run, epoch=run.epochs)
    stored = {row["split"]: (row["loss"], row["accuracy"]) for row in last}
    return script(cohort.row("run", run), stored)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 2, "activation": "sigmoid", "optimizer": "adam", "initializer": "he_normal", "learning_rate": 0.01},
        {"depth": 0},
    ],
    ids=["two hidden layers, a subset of the images", "softmax regression"],
)
def test_the_script_of_a_run_prints_the_figures_that_are_stored(tmp_path: Path, settings: dict[str, Any]) -> None:
    (tmp_path / "mnist.npz").symlink_to(PROJECT / "data" / "mnist.npz")
    (tmp_path / "run.py").write_text(source_of(**settings), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "run.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = {split: tuple(map(float, figures)) for split, *figures in FOUND.findall(done.stdout)}
    assert found.keys() == {"train", "validation", "test"}
    for loss, stored_loss, accuracy, stored_accuracy in found.values():
        assert loss == pytest.approx(stored_loss, abs=2e-4)
        assert accuracy == pytest.approx(stored_accuracy, abs=2e-3)  # an image or two of 500 on the brink


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"shortcut": True}, "keras.layers.Add()([summed, below])"),
        ({"normalization": "batch"}, "keras.layers.BatchNormalization()"),
        ({"dropout": 0.3}, "keras.layers.Dropout(0.3, seed=4000 + layer)"),
        ({"l2": 0.001}, "keras.regularizers.L2(0.001)"),
        ({"output": "sigmoid"}, "keras.losses.binary_crossentropy"),
        ({"optimizer": "momentum"}, "momentum=0.9"),
        ({"bias_initializer": "standard_normal"}, "RandomNormal(stddev=1.0, seed=4000 + layer + 500)"),
        ({"initializer": "fan_in_normal"}, "VarianceScaling"),
    ],
)
def test_the_script_holds_what_a_run_was_trained_with_and_nothing_else(settings: dict[str, Any], line: str) -> None:
    cohort = trained(seeds=(3, 4))
    plain = cohort.row("run", cohort.runs[1])
    assert line not in script(plain, {})
    source = script({**plain, **settings}, {})
    assert line in source
    compile(source, "run.py", "exec")
