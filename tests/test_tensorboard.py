"""Real event files come in and show up diagnosed; what goes out is what TensorBoard's own server shows."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import keras
import numpy as np
import pytest
from stores import PROJECT, cut_store

from trainer.errors import FathomError
from trainer.event_files import EventFile, read_folder
from trainer.tags import Rule, meaning
from trainer.tensorboard import main

PYTORCH = PROJECT / "tests" / "event_files" / "pytorch"


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    file = max((folder / "local").glob("results-*.duckdb"), key=lambda path: path.name)
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_pytorch_log_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "import", str(PYTORCH), "--classes", "2", "--sweep", "torch"]) == 0
    said = capsys.readouterr().out
    assert "2.weight.grad" in said
    assert "gradient of 2" in said
    assert rows(tmp_path, "SELECT name, origin, sweep, depth, epochs, classes, dataset, output FROM run") == [
        ("pytorch", "tensorboard", "torch", 1, 4, 2, None, None)
    ]
    metrics = rows(tmp_path, "SELECT split, count(loss), count(accuracy), min(epoch) FROM epoch_metric GROUP BY ALL")
    assert sorted(metrics) == [("test", 4, 0, 1), ("train_running", 4, 4, 1)]
    assert rows(tmp_path, "SELECT layer, name FROM own_layer ORDER BY layer") == [(1, "0"), (2, "2")]
    assert rows(tmp_path, "SELECT count(weight_norm), count(gradient_norm) FROM layer_stat") == [(8, 8)]
    assert rows(
        tmp_path,
        "SELECT DISTINCT sum(c) FROM (SELECT epoch, layer, unnest(counts) AS c FROM layer_histogram "
        "WHERE layer = 1) GROUP BY epoch, layer",
    ) == [(30,)]


def test_it_is_imported_once_however_often_it_is_read(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["--data", str(tmp_path), "import", str(PYTORCH)]) == 0
    assert rows(tmp_path, "SELECT count(*) FROM run") == [(1,)]
    assert rows(tmp_path, "SELECT count(*) FROM epoch_metric") == [(8,)]


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' callback hands its variables to NumPy so
def test_a_log_of_keras_own_callback_is_one_run_of_two_folders(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).random((64, 6)).astype(np.float32)
    labels = (inputs.sum(axis=1) > 3).astype(np.int32)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    log = tmp_path / "keras log"
    callback = keras.callbacks.TensorBoard(log, histogram_freq=1, write_graph=False)
    model.fit(inputs, labels, epochs=3, validation_split=0.25, verbose=0, callbacks=[callback])
    assert main(["--data", str(tmp_path), "import", str(log)]) == 0
    assert rows(tmp_path, "SELECT name, depth, epochs FROM run") == [("keras log", 1, 3)]
    counts = rows(tmp_path, "SELECT split, count(loss), count(accuracy) FROM epoch_metric GROUP BY ALL ORDER BY ALL")
    assert counts == [("train_running", 3, 3), ("validation", 3, 3)]
    ((norm,),) = rows(tmp_path, "SELECT weight_norm FROM layer_stat WHERE layer = 1 AND epoch = 3")
    assert norm == pytest.approx(float(np.linalg.norm(model.layers[0].kernel.numpy())), rel=0.1)  # from a histogram


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when an LSTM is built
def test_a_keras_log_with_batches_normalisation_and_rare_validation_keeps_epochs_and_layers_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = np.random.default_rng(0).random((64, 4, 3)).astype(np.float32)
    labels = (inputs.sum(axis=(1, 2)) > 6).astype(np.int32)
    layers = [keras.layers.LSTM(5), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4, 3)), *layers])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    callback = keras.callbacks.TensorBoard(tmp_path / "log", histogram_freq=1, write_graph=False, update_freq="batch")
    fitting = {"epochs": 4, "batch_size": 8, "validation_split": 0.25, "validation_freq": 2}
    model.fit(inputs, labels, verbose=0, callbacks=[callback], **fitting)
    assert main(["--data", str(tmp_path), "import", str(tmp_path / "log")]) == 0
    assert rows(tmp_path, "SELECT depth, epochs FROM run") == [(1, 4)]
    epochs = rows(tmp_path, "SELECT split, list(epoch ORDER BY epoch) FROM epoch_metric GROUP BY ALL ORDER BY ALL")
    assert epochs == [("train_running", [1, 2, 3, 4]), ("validation", [2, 4])]
    assert "batch_loss is left out" in capsys.readouterr().err


def test_a_damaged_and_a_foreign_file_give_a_sentence_and_the_rest_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    shutil.copytree(PYTORCH, log / "good")
    whole = next((log / "good").iterdir()).read_bytes()
    (log / "cut").mkdir()
    (log / "cut" / "events.out.tfevents.1").write_bytes(whole[:3_000])
    (log / "foreign").mkdir()
    (log / "foreign" / "events.out.tfevents.2").write_bytes(b"a shopping list, and nothing else in it")
    assert main(["--data", str(tmp_path), "import", str(log)]) == 0
    problems = capsys.readouterr().err
    assert "foreign/events.out.tfevents.2 should be an event file" in problems
    assert "It is left out." in problems
    assert "events before that are used" in problems
    assert "Traceback" not in problems
    assert rows(tmp_path, "SELECT name FROM run ORDER BY name") == [("log/cut",), ("log/good",)]


@pytest.mark.parametrize(
    ("tag", "folder", "histogram", "meant"),
    [
        ("epoch_loss", "validation", False, "validation.loss"),
        ("epoch_accuracy", "train", False, "train_running.accuracy"),
        ("evaluation_loss_vs_iterations", "validation", False, "ignored"),
        ("Loss/test", "log", False, "test.loss"),
        ("valAcc", "log", False, "validation.accuracy"),
        ("glossary", "log", False, "ignored"),
        ("learning_rate", "log", False, "ignored"),
        ("sequential/dense_1/kernel/histogram", "train", True, "weight of sequential/dense_1"),
        ("sequential/dense_1/bias/histogram", "train", True, "ignored"),
        ("sequential/batch_normalization/gamma/histogram", "train", True, "ignored"),
        ("bn1.running_var", "log", True, "ignored"),
        ("sequential/lstm/lstm_cell/recurrent_kernel/histogram", "train", True, "weight of sequential/lstm/lstm_cell"),
        ("gradients/fc1.weight", "log", True, "gradient of fc1"),
        ("my_error", "log", False, "test.loss"),
    ],
)
def test_tags_are_understood_and_can_be_given_a_meaning(tag: str, folder: str, histogram: bool, meant: str) -> None:
    assert str(meaning(tag, folder, histogram, [Rule.parse("my_err=test.loss")])) == meant


@pytest.mark.parametrize("wrong", ["my_error", "my_error=loss", "(=test.loss"])
def test_a_wrong_mapping_is_refused(wrong: str) -> None:
    with pytest.raises(FathomError, match="--map expects PATTERN=TARGET"):
        Rule.parse(wrong)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    with EventFile(tmp_path / "run") as file:
        file.scalar("loss/test", 3, 0.5)
        file.histogram("weight/layer_1", 3, -1.0, 1.0, np.array([1, 0, 2, 1]))
        file.settings({"depth": 3, "activation": "relu"})
    (logged,), problems = read_folder(tmp_path)
    assert problems == []
    assert logged.scalars == {"loss/test": {3: 0.5}}
    assert logged.histograms["weight/layer_1"][3].tolist() == [[-1, -0.5, 1], [-0.5, 0, 0], [0, 0.5, 2], [0.5, 1, 1]]


@contextmanager
def tensorboard(logdir: Path) -> Iterator[str]:
    """TensorBoard's server on a free port: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--load_fast", "false"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def asked(address: str, patience: float = 90) -> Any:
    """The server's answer, once it has one that is not empty."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # our own server
                if found := json.load(answer):
                    return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{address} gave nothing"
        time.sleep(0.3)


def test_an_exported_study_opens_in_tensorboard(tmp_path: Path) -> None:
    cut_store(tmp_path, "depth IN (1, 2) AND activation = 'linear' AND seed = 0 AND width = 128 AND epochs = 20")
    log = tmp_path / "log"
    assert main(["--data", str(tmp_path), "export", str(log)]) == 0
    snapshot = next(tmp_path.glob("results-*.duckdb"))
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        stored = connection.execute(
            "SELECT epoch, accuracy FROM run JOIN epoch_metric USING (run_id) "
            "WHERE depth = 2 AND split = 'test' ORDER BY epoch"
        ).fetchall()
    with tensorboard(log) as address:
        runs = asked(f"{address}/data/runs")
        assert len(runs) == 2
        run = next(name for name in runs if "depth_2" in name)
        scalars = asked(f"{address}/data/plugin/scalars/scalars?tag=accuracy/test&run={run}")
        assert {step: value for _, step, value in scalars} == pytest.approx(dict(stored), rel=1e-6)
        tags = asked(f"{address}/data/plugin/histograms/tags")
        assert "weight/layer_3" in tags[run]


def test_a_study_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_store(tmp_path, "depth = 1 AND seed = 0")
    assert main(["--data", str(tmp_path), "export", str(tmp_path / "log"), "nothing"]) == 2
    assert "Those that are stored: " in capsys.readouterr().err
