"""The overfitting chapter: its pictures on data with known answers, and the page from demanding stores."""

import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.analysis.overfitting import gap
from dashboard.charts import overfitting as charts
from dashboard.charts.style import Style
from dashboard.texts import Texts
from dashboard.wording import Wording

TEXTS = Texts("en")
STYLE = Style()
LOSS = Wording(TEXTS, "hidden", "loss")
SPLITS = ("train", "validation", "test")
LAST = 10


def curves(depths: int = 3, seeds: int = 3) -> pd.DataFrame:
    """A loss that falls steeply from 2 towards 0; held-out loss is 0.1 · depth above training."""
    return pd.DataFrame(
        [
            (depth, seed, epoch, split, 2 / (epoch + 1) + 0.1 * depth * (split != "train") + 0.001 * seed, 0.5)
            for depth in range(depths)
            for seed in range(seeds)
            for epoch in range(LAST + 1)
            for split in SPLITS
        ],
        columns=["depth", "seed", "epoch", "split", "loss", "accuracy"],
    )


ONE = curves()[lambda frame: frame["depth"] == 2]
GAPS = gap(curves(), "loss")


def named(figure: go.Figure, name: str) -> go.Scatter:
    return next(trace for trace in figure.data if trace.name == name)


def test_the_best_epoch_is_marked_and_named() -> None:
    figure = charts.over_epochs(ONE, SPLITS, 7, LOSS, STYLE, TEXTS)
    assert figure.layout.shapes[0].x0 == 7
    assert "7" in figure.layout.annotations[0].text


def test_single_seeds_are_lines_with_breaks_between_them() -> None:
    figure = charts.over_epochs(ONE, ("test",), None, LOSS, STYLE, TEXTS)
    seeds = figure.data[0]
    assert np.isnan(np.asarray(seeds.y)).sum() == 3
    assert len(seeds.x) == 3 * (LAST + 2)


def test_the_value_axis_leaves_out_the_steep_start() -> None:
    figure = charts.over_epochs(ONE, SPLITS, None, LOSS, STYLE, TEXTS)
    low, high = figure.layout.yaxis.range
    late = ONE[ONE["epoch"] >= 2]["loss"]
    assert low < late.min() < late.max() < high < ONE["loss"].max()


def test_the_way_to_figures_over_other_training_images_is_dotted() -> None:
    figure = charts.over_epochs(ONE, SPLITS, None, LOSS, STYLE, TEXTS, resampled=LAST)
    training = [trace for trace in figure.data if trace.line.dash == "dot" and trace.line.color == "#0072b2"]
    assert [list(trace.x) for trace in training] == [[LAST - 1, LAST]]
    assert list(named(figure, "training").x) == list(range(LAST))
    assert list(named(figure, "validation").x) == list(range(LAST + 1))


def test_every_depth_has_its_gap_and_the_chosen_one_stands_out() -> None:
    figure = charts.gap_over_epochs(GAPS, 1, LOSS, STYLE, TEXTS)
    lines = {trace.name: trace for trace in figure.data if trace.name}
    assert list(lines) == ["0", "2", "1"]  # the chosen one is drawn last, above the others
    assert lines["1"].line.width > lines["2"].line.width
    assert np.asarray(lines["2"].y) == pytest.approx(0.2)


def test_a_gap_that_is_the_same_everywhere_still_has_a_scale() -> None:
    figure = charts.gap_over_epochs(GAPS[GAPS["depth"] == 0], 0, LOSS, STYLE, TEXTS)
    low, high = figure.layout.yaxis.range
    assert low < 0 < high


def test_the_gap_by_depth_shows_each_run_and_the_mean() -> None:
    figure = charts.gap_by_depth(GAPS[GAPS["epoch"] == LAST], 1, LOSS, STYLE, TEXTS)
    dots, means = figure.data
    assert len(dots.x) == 9
    assert list(means.y) == pytest.approx([0.0, 0.1, 0.2])
    assert np.asarray(means.marker.size)[1] == max(means.marker.size)


def test_one_seed_has_no_band_and_no_bar() -> None:
    single = GAPS[GAPS["seed"] == 0]
    figure = charts.gap_over_epochs(single, 1, LOSS, STYLE, TEXTS)
    assert all(trace.fill is None for trace in figure.data)
    means = charts.gap_by_depth(single[single["epoch"] == LAST], 1, LOSS, STYLE, TEXTS).data[1]
    assert list(means.error_y.array) == [0, 0, 0]


def open_overfitting(monkeypatch: pytest.MonkeyPatch, folder: Path, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("chapters/overfitting.py").run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.info, *app.caption])


def test_the_page_gives_the_verdict_of_every_depth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (0, 2) AND seed < 4")
    app = open_overfitting(monkeypatch, tmp_path)
    assert not app.exception
    verdicts = {TEXTS(f"overfitting.reading.{reading}") for reading in ("overfits", "unstable", "gap", "none")}
    table = app.dataframe[0].value
    assert list(table[TEXTS("overfitting.table.depth")]) == [0, 2]
    assert set(table[TEXTS("overfitting.table.reading")]) <= verdicts | {TEXTS("overfitting.reading.cannot_tell")}


def test_one_depth_alone_needs_no_slider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth = 3 AND seed < 3")
    app = open_overfitting(monkeypatch, tmp_path)
    assert not app.exception
    assert not app.select_slider
    assert len(app.get("plotly_chart")) == 4


@pytest.mark.parametrize("stopped", [1, 4])
def test_runs_that_diverged_are_shown_as_far_as_they_came(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stopped: int
) -> None:
    file = cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 2")
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE run SET status = 'diverged', diverged_epoch = ?", [stopped])
        connection.execute("DELETE FROM epoch_metric WHERE epoch >= ?", [stopped])
    app = open_overfitting(monkeypatch, tmp_path)
    assert not app.exception
    assert TEXTS("problem.diverged", count=4) in words(app)
    assert TEXTS("overfitting.needs_epoch", epoch=20) in words(app)
    assert len(app.get("plotly_chart")) == 3


def test_figures_as_keras_reports_them_can_be_added(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 2")
    app = open_overfitting(monkeypatch, tmp_path)
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert TEXTS("split.train_running") in app.get("plotly_chart")[0].proto.spec


# ---- other amounts of data ----------------------------------------------------------------------------------------


@pytest.fixture
def two_budgets(tmp_path: Path) -> Path:
    """Linear networks of the question; tanh networks that trained for longer on fewer images, measured now and then."""
    file = cut_store(tmp_path, "activation IN ('linear', 'tanh') AND depth IN (1, 2) AND seed < 3")
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "UPDATE epoch_metric SET epoch = epoch * 16 "
            "WHERE run_id IN (SELECT run_id FROM run WHERE activation = 'tanh')"
        )
        connection.execute("UPDATE run SET train_size = 1000, epochs = 320 WHERE activation = 'tanh'")
    return tmp_path


def test_networks_of_another_amount_of_data_are_shown_at_the_epochs_that_were_measured(
    monkeypatch: pytest.MonkeyPatch, two_budgets: Path
) -> None:
    app = open_overfitting(monkeypatch, two_budgets, budget="1000x320", epoch="160")
    assert not app.exception
    assert app.select_slider(key="epoch").value == 160
    assert app.select_slider(key="epoch").options[:3] == ["0", "16", "32"]
    assert TEXTS("overfitting.note.long").strip() in " ".join(text.value for text in app.caption)


def test_an_epoch_that_the_other_networks_lack_is_forgotten(monkeypatch: pytest.MonkeyPatch, two_budgets: Path) -> None:
    app = open_overfitting(monkeypatch, two_budgets, epoch="7")
    assert app.slider(key="epoch").value == 7
    app.selectbox(key="budget").select("1000x320").run()
    assert not app.exception
    assert app.select_slider(key="epoch").value == 320


def test_networks_that_lack_the_epoch_may_be_chosen_while_it_plays(
    monkeypatch: pytest.MonkeyPatch, two_budgets: Path
) -> None:
    app = open_overfitting(monkeypatch, two_budgets, epoch="7")
    app.button(key="play").click().run()
    assert app.session_state["playing"]
    app.selectbox(key="budget").select("1000x320").run()
    assert not app.exception
    assert not app.session_state["playing"]


def test_the_question_is_shown_first(monkeypatch: pytest.MonkeyPatch, two_budgets: Path) -> None:
    assert open_overfitting(monkeypatch, two_budgets).selectbox(key="budget").value == "48000x20"


def test_a_single_amount_of_data_is_no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 3")
    app = open_overfitting(monkeypatch, tmp_path)
    assert "budget" not in {box.key for box in app.selectbox}


def test_a_long_training_is_drawn_on_a_logarithmic_axis_with_its_best_epoch_in_place() -> None:
    figure = charts.over_epochs(ONE.assign(epoch=ONE["epoch"] * 100), SPLITS, 100, LOSS, STYLE, TEXTS)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.shapes[0].x0 == 100
    assert figure.layout.annotations[0].x == pytest.approx(2.0)  # of an annotation, unlike a line, the logarithm
