"""The chapter of own runs: how to begin, one run, a sweep, and the grid's chapters beside it."""

import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard import queries
from dashboard.analysis.own import nearest, with_training
from dashboard.texts import Texts
from trainer import tensorboard
from trainer.notes import NOTES
from trainer.recorder import Recorder

PYTORCH = PROJECT / "tests" / "event_files" / "pytorch"
GRID = "depth IN (1, 2) AND activation IN ('linear', 'sigmoid') AND seed < 2 AND width = 128 AND epochs = 20"


def open_own(monkeypatch: pytest.MonkeyPatch, folder: Path, chapter: str = "own", **state: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **state}.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page(f"chapters/{chapter}.py").run()


def words(app: AppTest) -> str:
    return "\n".join(each.value for each in [*app.subheader, *app.markdown, *app.info, *app.caption])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few runs of the grid, a recorded sweep of two depths and two seeds, and one imported run."""
    folder = tmp_path_factory.mktemp("own")
    cut_store(folder, GRID)
    inputs = np.random.default_rng(0).random((200, 12)).astype(np.float32)
    labels = (inputs[:, :4].argmax(axis=1)).astype(np.int32)
    for depth in (1, 3):
        for seed in (0, 1):
            keras.utils.set_random_seed(seed)
            hidden = [keras.layers.Dense(8, activation="sigmoid") for _ in range(depth)]
            model = keras.Sequential([keras.Input((12,)), *hidden, keras.layers.Dense(4, activation="softmax")])
            model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
            recorder = Recorder(f"{depth} layers", (inputs, labels), sweep="mine", seed=seed, data=folder)
            model.fit(inputs, labels, epochs=3, validation_split=0.2, verbose=0, callbacks=[recorder])
    tensorboard.main(["--data", str(folder), "import", str(PYTORCH), "--classes", "2"])
    return folder


@pytest.mark.parametrize("language", ["en", "ja"])
def test_without_own_runs_the_page_shows_the_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    cut_store(tmp_path, GRID)
    app = open_own(monkeypatch, tmp_path, lang=language)
    assert not app.exception
    assert "Recorder(" in app.code[0].value
    assert app.info[0].value == Texts(language)("own.empty")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_recorded_run_and_its_sweep_are_diagnosed(monkeypatch: pytest.MonkeyPatch, data: Path, language: str) -> None:
    texts = Texts(language)
    app = open_own(monkeypatch, data, lang=language)
    assert not app.exception
    said = words(app)
    assert texts("own.sweep_title", sweep="mine") in said
    assert texts("diagnosis.title") in said
    assert texts("own.sweep_verdict") in said
    assert len(app.get("plotly_chart")) == 4  # by depth, accuracy, loss, layers
    assert texts("own.says.no_grid") not in said


def test_an_imported_run_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    snapshot = max((data / "local").glob("results-*.duckdb"), key=lambda path: path.name)
    (run_id,) = queries.own_runs(snapshot).query("origin == 'tensorboard'")["run_id"]
    app = open_own(monkeypatch, data, own=run_id)
    assert not app.exception
    texts, said = Texts("en"), words(app)
    assert texts("diagnosis.title") in said
    assert texts("own.note.from_histograms") in said
    assert texts("own.says.running") in said


@pytest.mark.parametrize("chapter", ["answer", "runs", "cost"])
def test_the_chapters_of_the_grid_do_not_show_own_runs(
    monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, chapter: str
) -> None:
    cut_store(tmp_path, GRID)
    with_own, without = (open_own(monkeypatch, folder, chapter) for folder in (data, tmp_path))
    assert not with_own.exception
    shown = [
        [*(table.value.to_csv() for table in app.dataframe), *(each.value for each in app.markdown)]
        for app in (with_own, without)
    ]
    assert shown[0] == shown[1]


def test_every_note_has_its_words() -> None:
    for language in ("en", "ja"):
        for note in NOTES:
            assert Texts(language)(f"own.note.{note}")


def test_the_nearest_of_the_grid_is_found() -> None:
    grid = pd.DataFrame(
        [
            (depth, 128, activation, "sgd", 0.01, seed, 0.9, False)
            for depth in (1, 3, 8)
            for activation in ("linear", "sigmoid")
            for seed in (0, 1)
        ],
        columns=["depth", "width", "activation", "optimizer", "learning_rate", "seed", "accuracy", "diverged"],
    )
    found = nearest(grid, {"depth": 4, "width": 100, "activation": "sigmoid", "learning_rate": None})
    assert found[["depth", "activation", "seed"]].to_numpy().tolist() == [[3, "sigmoid", 0], [3, "sigmoid", 1]]
    assert nearest(grid, {"depth": None}).empty
    assert nearest(grid, {"depth": 8, "activation": None})["activation"].unique().tolist() == ["linear"]


def test_the_running_mean_stands_in_where_nothing_else_was_measured() -> None:
    running = pd.DataFrame({"split": ["train_running", "test"], "loss": [1.0, 2.0]})
    assert with_training(running)["split"].tolist() == ["train_running", "test", "train"]
    both = pd.DataFrame({"split": ["train_running", "train"], "loss": [1.0, 2.0]})
    assert with_training(both) is both
