"""The gradients chapter: its verdicts on data with known answers, its pictures, and the page from demanding stores."""

import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.analysis.distributions import pooled_density, quantile_range
from dashboard.analysis.estimates import Estimate, geometric_bands
from dashboard.analysis.gradients import Shrinkage, flow_of, larger_part, movement, shrinkage, vanishing
from dashboard.charts import gradients as charts
from dashboard.charts import heat, scales
from dashboard.charts.style import Style
from dashboard.texts import Texts

TEXTS = Texts("en")
STYLE = Style()


def layers_of(depth: int, weights: float, slope: float, seeds: int = 4, jitter: float = 0.01) -> pd.DataFrame:
    """Layer statistics whose δ shrinks by weights · slope a layer, but for a little noise in the weights' part."""
    rows = []
    for seed in range(seeds):
        gain = weights * (1 + jitter * (seed - (seeds - 1) / 2))
        for layer in range(1, depth + 2):
            output = layer == depth + 1
            rows.append(
                {
                    "depth": depth,
                    "seed": seed,
                    "layer": layer,
                    "delta_rms": (gain * slope) ** (depth + 1 - layer),
                    "weight_gain": np.nan if output else gain,
                    "slope_gain": np.nan if output else slope,
                    "update_ratio": 1e-4 * layer * (1 + 0.01 * seed),
                }
            )
    return pd.DataFrame(rows).astype({"delta_rms": "float32", "weight_gain": "float32", "slope_gain": "float32"})


def shrinkage_of(*arguments: Any, **options: Any) -> Shrinkage:
    found = shrinkage(layers_of(*arguments, **options), arguments[0])
    assert found is not None
    return found


def certain(low: float, high: float) -> Estimate:
    return Estimate((low * high) ** 0.5, low, high, 8)


# ---- verdicts ------------------------------------------------------------------------------------------------------


def test_the_slope_part_is_exactly_1_without_an_activation_function() -> None:
    found = shrinkage_of(5, 1.1, 1.0)
    assert (found.slope.low, found.slope.mean, found.slope.high) == (1.0, 1.0, 1.0)
    assert scales.number(found.slope.mean) == "1"


def test_weights_times_slope_is_the_factor_a_layer_and_its_power_is_the_total() -> None:
    found = shrinkage_of(5, 1.2, 0.25)
    assert found.weights.mean * found.slope.mean == pytest.approx(found.per_layer.mean)
    assert found.total.mean == pytest.approx(found.per_layer.mean**4)


def passed(factor: Estimate, steps: int = 6) -> Shrinkage:
    """What becomes of δ over some steps with a factor each."""
    return Shrinkage(factor, factor, certain(1, 1), certain(factor.low**steps, factor.high**steps))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.3, "vanishing"),
        (0.2, 0.3, "vanishing"),
        (0.4, 0.6, "cannot_tell"),
        (0.7, 0.8, "fading"),
        (0.97, 0.99, "kept"),
        (0.8, 1.2, "kept"),
        (1.2, 1.4, "growing"),
        (1.2, 2.4, "growing"),
        (2.1, 2.4, "exploding"),
    ],
)
def test_the_verdict_follows_the_whole_interval(low: float, high: float, expected: str) -> None:
    assert flow_of(passed(certain(low, high))) == expected


@pytest.mark.parametrize(
    ("factor", "steps", "expected"),
    [(0.24, 1, "few_steps"), (0.24, 2, "vanishing"), (0.6, 2, "fading"), (0.6, 20, "vanishing")],
)
def test_a_gradient_vanishes_only_where_little_is_left_in_all(factor: float, steps: int, expected: str) -> None:
    assert flow_of(passed(certain(factor * 0.99, factor * 1.01), steps)) == expected


@pytest.mark.parametrize("low", np.linspace(0.05, 2.5, 30))
@pytest.mark.parametrize("width", [1.01, 1.3, 3.0])
def test_the_finer_verdict_never_contradicts_the_plain_one(low: float, width: float) -> None:
    found = passed(certain(low, low * width))
    assert {"vanishing": "yes", "cannot_tell": "cannot_tell"}.get(flow_of(found), "no") == vanishing(found)


def test_one_seed_allows_no_verdict() -> None:
    found = shrinkage_of(5, 1.0, 0.25, seeds=1)
    assert flow_of(found) == "cannot_tell"
    assert larger_part(found) == "cannot_tell"


@pytest.mark.parametrize(
    ("weights", "slope", "expected"),
    [(1.1, 0.25, "slope"), (0.3, 0.9, "weights"), (0.5, 0.5, "cannot_tell")],
)
def test_the_larger_part_is_the_one_that_takes_more(weights: float, slope: float, expected: str) -> None:
    assert larger_part(shrinkage_of(5, weights, slope)) == expected


def test_movement_compares_the_first_hidden_layer_with_the_last() -> None:
    moved = movement(layers_of(5, 1.0, 1.0), 5)
    assert moved is not None
    assert moved.ratio.mean == pytest.approx(1 / 5)
    assert moved.first.mean == pytest.approx(1.015e-4, rel=1e-3)


@pytest.mark.parametrize("depth", [0, 1])
def test_there_is_no_movement_to_compare_below_two_hidden_layers(depth: int) -> None:
    assert movement(layers_of(depth, 1.0, 1.0), depth) is None


def test_there_is_no_movement_where_no_update_is_stored() -> None:
    assert movement(layers_of(5, 1.0, 1.0).assign(update_ratio=np.nan), 5) is None


def test_geometric_bands_stay_positive_and_leave_zeros_out() -> None:
    frame = pd.DataFrame({"layer": [1, 1, 1, 2], "seed": [0, 1, 2, 0], "value": [1e-8, 1e-2, 0.0, 0.0]})
    table = geometric_bands(frame, ["layer"], "value")
    assert table["layer"].tolist() == [1]
    assert table["mean"].item() == pytest.approx(1e-5)
    assert 0 < table["low"].item() < table["mean"].item()
    assert table["seeds"].item() == 2


# ---- pooled histograms ---------------------------------------------------------------------------------------------


def test_a_pooled_density_keeps_all_values_and_weighs_each_histogram_alike() -> None:
    edges = [np.array([0.0, 1.0, 2.0]), np.array([2.0, 4.0])]
    counts = [np.array([1, 1]), np.array([1000])]
    grid = np.linspace(-1, 5, 13)
    density = pooled_density(edges, counts, grid)
    assert (density * np.diff(grid)).sum() == pytest.approx(1.0)
    assert density[(grid[:-1] >= 0) & (grid[:-1] < 2)] == pytest.approx(0.25)
    assert density[(grid[:-1] >= 2) & (grid[:-1] < 4)] == pytest.approx(0.25)
    assert density[grid[:-1] < 0] == pytest.approx(0.0)


def test_histograms_without_values_have_no_density_and_no_range() -> None:
    nothing = [np.zeros(0)], [np.zeros(0, int)]
    assert pooled_density(*nothing, np.linspace(0, 1, 5)).tolist() == [0.0] * 4
    assert quantile_range(*nothing, 0.95) == (0.0, 0.0)


def test_the_range_holds_the_middle_of_every_histogram() -> None:
    edges, counts = [np.array([0.0, 100.0]), np.array([-10.0, 10.0])], [np.array([5]), np.array([7])]
    assert quantile_range(edges, counts, 0.9) == pytest.approx((-9.0, 95.0))


# ---- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (1.0004, "1.00"),
        (0.25, "0.250"),
        (0.00123, "0.00123"),
        (3.94e-9, "3.9 × 10⁻⁹"),
        (0, "0"),
        (123.4, "123"),
    ],
)
def test_a_number_keeps_its_significant_digits(value: float, expected: str) -> None:
    assert scales.number(value) == expected


def test_a_figure_that_does_not_exist_is_a_dash() -> None:
    assert scales.number(float("nan")) == "–"


@pytest.mark.parametrize(("low", "high"), [(0.2, 1.5), (1e-9, 0.1), (0.04, 0.05)])
def test_a_logarithmic_axis_has_ticks_in_sight(low: float, high: float) -> None:
    ticks = scales.log_ticks(low, high)
    assert ((ticks >= low) & (ticks <= high)).any()
    assert len(ticks) < 20


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_the_slope_drawn_is_the_derivative_of_the_function_drawn(activation: str) -> None:
    z = np.array([-30.0, -2.0, -0.5, 0.7, 3.0, 40.0])
    step = 1e-6
    above, below = (charts.activation_function(activation, z + way * step)[0] for way in (1, -1))
    assert charts.activation_function(activation, z)[1] == pytest.approx((above - below) / (2 * step), abs=1e-6)


def test_an_unknown_activation_function_is_an_error() -> None:
    with pytest.raises(KeyError, match="swish"):
        charts.activation_function("swish", np.zeros(1))


def heat_cells() -> pd.DataFrame:
    rows = [
        {"activation": activation, "depth": depth, "layer": layer, "seeds": 3, "value": -float(depth + 1 - layer)}
        for activation in ("linear", "sigmoid")
        for depth in range(4)
        for layer in range(1, depth + 2)
    ]
    return pd.DataFrame(rows)


def heat_figure(cells: pd.DataFrame, offset: int = 0) -> go.Figure:
    names = {"linear": "none", "sigmoid": "sigmoid"}
    marked = ("sigmoid", 2)
    return heat.layer_over_depth(cells, (-3.0, 0.0), names, marked, "Size", offset, "Hidden layers", TEXTS, STYLE)


def test_a_layer_that_does_not_exist_has_no_cell() -> None:
    for panel in heat_figure(heat_cells()).data:
        for layer, depth in np.ndindex(panel.z.shape):
            assert np.isfinite(panel.z[layer, depth]) == (layer + 1 <= depth + 1)


def test_a_layer_without_a_figure_has_no_cell_and_no_hover() -> None:
    cells = heat_cells()
    cells.loc[cells["layer"] == 1, "value"] = np.nan
    panel = heat_figure(cells).data[0]
    assert np.isnan(panel.z[0]).all()
    assert set(panel.text[0]) == {""}


def test_all_panels_share_one_scale_labelled_in_powers_of_ten() -> None:
    figure = heat_figure(heat_cells())
    assert {panel.coloraxis for panel in figure.data} == {"coloraxis"}
    bar = figure.layout.coloraxis
    assert (bar.cmin, bar.cmax) == (-3, 0)
    assert list(bar.colorbar.ticktext) == ["10<sup>−3</sup>", "10<sup>−2</sup>", "10<sup>−1</sup>", "10<sup>0</sup>"]


def test_the_heat_map_counts_depth_as_the_reader_does_but_not_the_layers() -> None:
    figure = heat_figure(heat_cells(), offset=1)
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3", "4"]
    assert list(figure.data[0].y) == [1, 2, 3, 4]


def test_depths_that_are_not_there_take_no_room_in_the_heat_map() -> None:
    cells = heat_cells()
    figure = heat_figure(cells[cells["depth"] != 1])
    assert list(figure.data[0].x) == [0, 1, 2]
    assert list(figure.layout.xaxis.ticktext) == ["0", "2", "3"]
    (frame,) = figure.layout.shapes  # around two hidden layers
    assert (frame.x0, frame.x1) == (0.5, 1.5)


def test_the_frame_stands_around_the_chosen_network() -> None:
    (frame,) = heat_figure(heat_cells()).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 3.5)


def test_each_hidden_layer_has_a_line_with_its_band() -> None:
    rows = [
        {"layer": layer, "epoch": epoch, "seed": seed, "speed": 10.0**-layer * (1 + seed)}
        for layer in (1, 2, 3)
        for epoch in range(3)
        for seed in range(2)
    ]
    bands = geometric_bands(pd.DataFrame(rows), ["layer", "epoch"], "speed")
    figure = charts.speeds(bands, 3, 1, TEXTS, STYLE)
    lines = [trace for trace in figure.data if trace.name]
    assert [line.name for line in lines] == ["layer 1", "layer 2", "layer 3"]
    assert len(figure.data) == 9
    assert len({line.line.color for line in lines}) == 3
    assert figure.layout.yaxis.type == "log"


def test_one_seed_has_lines_without_bands_and_points_without_bars() -> None:
    rows = pd.DataFrame({"layer": [1, 1], "epoch": [0, 1], "seed": [0, 0], "speed": [0.1, 0.2]})
    bands = geometric_bands(rows, ["layer", "epoch"], "speed")
    assert len(charts.speeds(bands, 1, 0, TEXTS, STYLE).data) == 1
    points = charts.splits({"tanh": shrinkage_of(3, 1.0, 0.8, seeds=1)}, {"tanh": "tanh"}, TEXTS, STYLE)
    assert all(trace.error_x.array == pytest.approx(0.0) for trace in points.data)
    assert "one seed" in points.data[0].text[0]


def test_the_split_shows_both_parts_and_their_product() -> None:
    found = {"linear": shrinkage_of(5, 1.1, 1.0), "sigmoid": shrinkage_of(5, 1.1, 0.25)}
    weights, slope, together = charts.splits(found, {"linear": "none", "sigmoid": "sigmoid"}, TEXTS, STYLE).data
    assert weights.x * slope.x == pytest.approx(together.x)
    assert slope.x[0] == 1.0


def histogram_rows(layers: int) -> pd.DataFrame:
    edges = np.linspace(-3, 3, 9, dtype=np.float32)
    counts = np.array([0, 1, 5, 20, 20, 5, 1, 0], np.int32)
    return pd.DataFrame(
        [{"layer": layer, "edges": edges * layer, "counts": counts} for layer in range(1, layers + 1) for _ in range(2)]
    )


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_each_hidden_layer_has_a_hill_under_the_slope(activation: str) -> None:
    figure = charts.slopes(histogram_rows(3), activation, 3, TEXTS, STYLE)
    hills = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(hills) == 3
    for hill, layer in zip(hills, (3, 2, 1), strict=True):
        assert hill.y.min() == layer
        assert hill.y.max() == pytest.approx(layer + charts.RIDGE)


def test_a_layer_without_values_has_no_hill() -> None:
    rows = histogram_rows(2)
    nothing = pd.DataFrame([{"layer": 3, "edges": np.zeros(0, np.float32), "counts": np.zeros(0, np.int32)}])
    figure = charts.slopes(pd.concat([rows, nothing]), "relu", 3, TEXTS, STYLE)
    assert len([trace for trace in figure.data if trace.fill == "toself"]) == 2


# ---- the page from stores that lack something ------------------------------------------------------------------------


def open_page(monkeypatch: pytest.MonkeyPatch, folder: Path, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **address}.items():
        app.query_params[key] = value
    app.context = {"locale": "en-US"}
    app.run()
    app.switch_page("chapters/gradients.py").run()
    assert not app.exception
    return app


def notes(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.info, *app.markdown])


def test_networks_without_two_hidden_layers_have_no_split_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth <= 1")
    app = open_page(monkeypatch, tmp_path)
    needed = TEXTS("gradients.needs_two_hidden", layers=2)
    assert TEXTS("problem.too_few", needed=needed) in notes(app)
    assert len(app.get("plotly_chart")) == 3


def test_softmax_regression_alone_has_only_the_heat_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth = 0")
    app = open_page(monkeypatch, tmp_path)
    assert TEXTS("problem.too_few", needed=TEXTS("gradients.needs_hidden")) in notes(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_network_that_is_not_stored_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth <= 3 OR activation = 'sigmoid' AND depth <= 1")
    app = open_page(monkeypatch, tmp_path, activation="sigmoid")
    assert TEXTS("problem.too_few", needed=TEXTS("gradients.needs_network")) in notes(app)


@pytest.mark.parametrize("missing", ["delta_rms", "weight_gain", "bias_gradient_norm", "update_ratio"])
def test_a_statistic_that_is_nowhere_finite_leaves_a_sentence_not_an_empty_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str
) -> None:
    file = cut_store(tmp_path, "activation = 'linear' AND depth IN (2, 3)")
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"UPDATE layer_stat SET {missing} = NULL")
    app = open_page(monkeypatch, tmp_path)
    if missing == "update_ratio":
        assert TEXTS("gradients.says.moves_not_stored") in notes(app)
    else:
        assert TEXTS("problem.too_few", needed=TEXTS("gradients.needs_statistics")) in notes(app)


def test_without_distributions_the_page_asks_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = cut_store(tmp_path, "activation = 'linear' AND depth IN (2, 3)")
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM layer_histogram")
    app = open_page(monkeypatch, tmp_path)
    assert TEXTS("problem.too_few", needed=TEXTS("gradients.needs_histograms")) in notes(app)
