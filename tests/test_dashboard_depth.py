"""The depth chapter: its pictures on data with known answers, and the page from demanding stores."""

import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.analysis.differences import neighbouring_differences
from dashboard.charts import depth as charts
from dashboard.charts.style import SPLIT_COLOURS, Style
from dashboard.texts import Texts
from dashboard.wording import Wording

TEXTS = Texts("en")
STYLE = Style()
ACCURACY = Wording(TEXTS, "hidden", "accuracy")
SPLITS = ("train", "validation", "test")


def runs(depths: int = 3, seeds: int = 4) -> pd.DataFrame:
    """Accuracy 0.9 + 0.01 · depth for training, 0.05 and 0.1 less for validation and test; seeds differ by 0.001."""
    return pd.DataFrame(
        [
            (activation, depth, seed, split, 0.3, 0.9 + 0.01 * depth - 0.05 * place + 0.001 * seed)
            for activation in ("linear", "relu")
            for depth in range(depths)
            for seed in range(seeds)
            for place, split in enumerate(SPLITS)
        ],
        columns=["activation", "depth", "seed", "split", "loss", "accuracy"],
    )


LINEAR = runs()[lambda frame: frame["activation"] == "linear"]


def named(figure: go.Figure, name: str) -> go.Scatter:
    return next(trace for trace in figure.data if trace.name == name)


def test_every_seed_is_a_dot_near_its_depth() -> None:
    figure = charts.by_depth(LINEAR, SPLITS, ACCURACY, STYLE, TEXTS)
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [len(trace.x) for trace in dots] == [12, 12, 12]
    for trace in dots:
        assert np.abs(np.asarray(trace.x) - np.asarray(trace.customdata)[:, 0]).max() < 0.25


def test_dots_stay_where_they_are_when_the_page_is_drawn_again() -> None:
    first, second = (charts.by_depth(LINEAR, SPLITS, ACCURACY, STYLE, TEXTS) for _ in range(2))
    assert first.to_json() == second.to_json()


def test_the_line_is_the_mean_in_per_cent_in_the_colour_of_its_split() -> None:
    line = named(charts.by_depth(LINEAR, ("test",), ACCURACY, STYLE, TEXTS), "test")
    assert list(line.y) == pytest.approx([80.15, 81.15, 82.15])
    assert line.line.color == SPLIT_COLOURS["test"]


def test_depth_is_counted_as_the_reader_counts() -> None:
    dense = Wording(TEXTS, "dense", "accuracy")
    figure = charts.by_depth(LINEAR, ("test",), dense, STYLE, TEXTS)
    assert list(named(figure, "test").x) == [1, 2, 3]
    assert figure.layout.xaxis.title.text == TEXTS("page.axis_dense")


def test_one_seed_has_dots_and_a_line_but_no_band() -> None:
    figure = charts.by_depth(LINEAR[LINEAR["seed"] == 0], ("test",), ACCURACY, STYLE, TEXTS)
    assert [trace.fill for trace in figure.data] == [None, None]


def test_the_axis_keeps_still_within_given_limits() -> None:
    figure = charts.by_depth(LINEAR, ("test",), ACCURACY, STYLE, TEXTS, (0.1, 0.9))
    assert figure.layout.yaxis.range[0] < 10 < 90 < figure.layout.yaxis.range[1]


def test_each_activation_has_its_line() -> None:
    table = runs()[lambda frame: frame["split"] == "test"]
    figure = charts.by_activation(table, ACCURACY, STYLE, TEXTS)
    assert {trace.name for trace in figure.data if trace.name} == {"none (linear)", "ReLU"}


def test_differences_show_the_interval_and_the_verdict() -> None:
    found = neighbouring_differences(LINEAR[LINEAR["split"] == "test"], "accuracy")
    figure = charts.differences(found, ACCURACY, STYLE, TEXTS)
    (trace,) = figure.data
    assert trace.name == TEXTS("verdict.rise")
    assert list(trace.x) == ["0 → 1", "1 → 2"]
    assert list(trace.y) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("metric", "value", "change", "negligible"),
    [
        ("accuracy", "92.16 %", "-0.06", "0.2 percentage points"),
        ("loss", "0.9216", "-0.0006", "0.005 nats"),
    ],
)
def test_figures_are_written_with_their_unit(metric: str, value: str, change: str, negligible: str) -> None:
    wording = Wording(TEXTS, "hidden", "loss" if metric == "loss" else "accuracy")
    assert wording.value(0.92156) == value
    assert wording.change(-0.0006) == change
    assert wording.negligible == negligible


def test_depths_are_named_in_the_singular_and_plural() -> None:
    assert ACCURACY.depths(1) == "1 hidden layer"
    assert ACCURACY.depths(0) == "0 hidden layers"
    assert Wording(TEXTS, "dense", "loss").depths(0) == "1 Dense layer"
    assert ACCURACY.depths(1, 2) == "1, 2 hidden layers"


def open_depth(monkeypatch: pytest.MonkeyPatch, folder: Path, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("chapters/depth.py").run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.info, *app.caption])


def test_the_table_compares_every_depth_with_the_one_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2, 4) AND seed < 4")
    app = open_depth(monkeypatch, tmp_path)
    assert not app.exception
    assert list(app.dataframe[0].value[TEXTS("depth.table.step")]) == ["1 → 2", "2 → 4"]
    assert list(app.dataframe[0].value[TEXTS("depth.table.seeds")]) == [4, 4]


def test_one_depth_alone_is_shown_and_the_page_says_what_comparing_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth = 3 AND seed < 3")
    app = open_depth(monkeypatch, tmp_path)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    assert TEXTS("depth.needs_differences") in words(app)


def test_an_epoch_that_no_run_reached_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 2")
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE run SET status = 'diverged', diverged_epoch = 4")
        connection.execute("DELETE FROM epoch_metric WHERE epoch >= 4")
    app = open_depth(monkeypatch, tmp_path)
    assert not app.exception
    assert TEXTS("problem.diverged", count=4) in words(app)
    assert TEXTS("depth.needs_epoch", epoch=20) in words(app)
    app = open_depth(monkeypatch, tmp_path, epoch="3")
    assert app.get("plotly_chart")


def test_a_depth_compared_with_itself_asks_for_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 3")
    app = open_depth(monkeypatch, tmp_path, **{"from": "1", "to": "1"})
    assert TEXTS("depth.compare.same", depth="1 hidden layer") in words(app)
