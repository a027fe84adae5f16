"""The chapter of runs: found, looked into, and compared."""

import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.charts import runs as charts
from dashboard.charts.style import Style
from dashboard.settings_wording import SettingsWording
from dashboard.texts import Texts

TEXTS = Texts("en")


def open_runs(monkeypatch: pytest.MonkeyPatch, folder: Path, **state: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **state}.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("chapters/runs.py").run()


def words(app: AppTest) -> str:
    elements = [*app.header, *app.markdown, *app.info, *app.warning, *app.caption]
    return "\n".join(element.value for element in elements)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Linear networks with one and two hidden layers and sigmoid ones with one, three seeds each."""
    return cut_store(
        tmp_path, "(activation = 'linear' AND depth IN (1, 2) OR activation = 'sigmoid' AND depth = 1) AND seed < 3"
    )


def identifiers(store: Path, condition: str) -> list[str]:
    with duckdb.connect(str(store), read_only=True) as connection:
        return [row[0] for row in connection.execute(f"SELECT run_id FROM run WHERE {condition}").fetchall()]


def test_every_run_is_listed_with_its_results(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_runs(monkeypatch, store.parent)
    assert not app.exception
    table = app.dataframe[0].value
    assert len(table) == 9
    assert table[TEXTS("runs.test_accuracy")].between(10, 100).all()
    assert sorted(table[TEXTS("page.axis_hidden")].unique()) == [1, 2]


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ({"search": "sigmoid"}, 3),
        ({"search": "LINEAR 2 seed"}, 4),  # depth 2, and seed 2 of depth 1
        ({"with_activation": "linear"}, 6),
        ({"with_activation": "linear", "with_depth": "2"}, 3),
        ({"with_activation": "linear,sigmoid"}, 9),
        ({"with_activation": "nonsense", "with_depth": "99", "order": "x", "runs": "nobody"}, 9),
    ],
)
def test_search_and_filters_of_a_link_narrow_the_table(
    monkeypatch: pytest.MonkeyPatch, store: Path, state: dict[str, str], left: int
) -> None:
    app = open_runs(monkeypatch, store.parent, **state)
    assert not app.exception
    assert len(app.dataframe[0].value) == left


def test_nothing_found_is_said(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_runs(monkeypatch, store.parent, search="resnet")
    assert TEXTS("runs.none") in words(app)


def test_the_best_run_comes_first_when_ordered_so(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    found = open_runs(monkeypatch, store.parent, order="best").dataframe[0].value[TEXTS("runs.test_accuracy")]
    assert found.is_monotonic_decreasing


def test_one_run_has_its_page(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    (run_id,) = identifiers(store, "activation = 'sigmoid' AND seed = 1")
    app = open_runs(monkeypatch, store.parent, runs=run_id)
    assert app.header[0].value == "Hidden layers 1, Activation sigmoid, seed 1"
    assert len(app.get("plotly_chart")) == 4
    assert "number **" in words(app)
    assert "keras.Model(" in app.code[0].value
    assert run_id in set(app.dataframe[-1].value[TEXTS("runs.value")])


def test_runs_of_two_settings_are_compared_over_the_seeds_they_share(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    chosen = identifiers(store, "depth = 1 AND seed = 0")
    app = open_runs(monkeypatch, store.parent, runs=",".join(chosen))
    assert TEXTS("runs.compared", count=2) in words(app)
    assert "Over the 3 seeds" in words(app)
    assert len(app.get("plotly_chart")) == 2


def test_runs_that_differ_in_their_seed_alone_differ_by_chance(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    chosen = identifiers(store, "activation = 'sigmoid'")
    app = open_runs(monkeypatch, store.parent, runs=",".join(chosen), metric="loss", split="train")
    assert TEXTS("runs.says.only_seeds") in words(app)


def test_at_most_eight_runs_are_compared(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_runs(monkeypatch, store.parent, runs=",".join(identifiers(store, "true")))
    assert not app.exception
    assert TEXTS("runs.compared", count=8) in words(app)


def test_a_run_that_diverged_before_anything_was_measured_is_shown(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    (run_id,) = identifiers(store, "activation = 'linear' AND depth = 1 AND seed = 0")
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE run SET status = 'diverged', diverged_epoch = 1 WHERE run_id = ?", [run_id])
        connection.execute("DELETE FROM epoch_metric WHERE run_id = ?", [run_id])
        connection.execute("DELETE FROM layer_stat WHERE run_id = ?", [run_id])
        connection.execute("DELETE FROM confusion WHERE run_id = ?", [run_id])
    app = open_runs(monkeypatch, store.parent, runs=run_id)
    assert not app.exception
    assert TEXTS("runs.diverged", epoch=1) in words(app)
    assert "nan" not in words(app).lower().split()


def test_the_confusion_matrix_shows_every_count_and_colours_the_mistakes_alone() -> None:
    rows = pd.DataFrame({"actual": [0, 0, 3], "predicted": [0, 1, 5], "count": [90, 10, 7]})
    figure = charts.confusion(rows, [str(digit) for digit in range(10)], Style(), TEXTS)
    mistakes, counts = figure.data[1], figure.data[2]
    assert mistakes.z[0][1] == 10
    assert mistakes.z[3][5] == 7
    assert pd.isna(mistakes.z[0][0])
    assert {text for text in counts.text if text} == {"90", "10", "7"}


def test_layer_maps_share_one_logarithmic_scale() -> None:
    rows = pd.DataFrame(
        [(run, epoch, layer, 10.0**-layer) for run in "ab" for epoch in (0, 1) for layer in (1, 2)],
        columns=["run_id", "epoch", "layer", "value"],
    )
    figure = charts.layer_maps(rows, {"a": "A", "b": "B"}, "gradient_norm", "size", Style(), TEXTS)
    assert [trace.coloraxis for trace in figure.data] == ["coloraxis", "coloraxis"]
    assert figure.data[0].z.tolist() == [[-1, -1], [-2, -2]]


def test_settings_are_written_in_the_readers_words() -> None:
    run = {"depth": 3, "activation": "linear", "train_size": 48_000, "learning_rate": 0.01, "shortcut": True, "seed": 7}
    wording = SettingsWording(TEXTS, "dense")
    assert wording.value("depth", run["depth"]) == "4"
    assert wording.value("train_size", run["train_size"]) == "48,000"
    assert wording.described(run, ["learning_rate", "shortcut"]) == "Learning rate 0.01, Shortcuts yes"
    assert wording.run(run, ["activation"]) == "Activation none (linear), seed 7"
