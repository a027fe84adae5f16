"""The weights chapter: how far layers moved, on data with known answers, its pictures, and the page."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stores import PROJECT, cut_store, shipped_snapshot
from streamlit.testing.v1 import AppTest

from dashboard import queries
from dashboard.analysis.weights import UNTOUCHED, spectrum_change, travel
from dashboard.charts import heat
from dashboard.charts import weights as charts
from dashboard.charts.style import Style
from dashboard.texts import Texts

TEXTS = Texts("en")
STYLE = Style()


def norms(epochs: list[int], ratios: dict[int, float], steps: int = 10, seeds: int = 3) -> pd.DataFrame:
    """Each layer takes `steps` steps an epoch of one relative size, and grows by 1 % of its start in each epoch."""
    return pd.DataFrame(
        [
            (seed, epoch, layer, 2.0 * (1 + 0.01 * epoch), ratio * (1 + 0.1 * seed) if epoch else np.nan, steps)
            for seed in range(seeds)
            for epoch in epochs
            for layer, ratio in ratios.items()
        ],
        columns=["seed", "epoch", "layer", "weight_norm", "update_ratio", "steps"],
    )


def test_the_way_is_the_sum_of_all_steps() -> None:
    first, second = travel(norms([0, 1, 2, 3], {1: 1e-3, 2: 1e-2}), 2)
    assert (first.layer, second.layer) == (1, 2)
    assert first.path.mean == pytest.approx(2 * 10 * 1e-3 * (1.0 * 1.1 * 1.2) ** (1 / 3))
    assert second.path.mean == pytest.approx(10 * first.path.mean)
    assert first.growth.mean == pytest.approx(1.02)


def test_an_epoch_that_is_not_recorded_counts_like_the_next_one_that_is() -> None:
    every, some = travel(norms([0, 1, 2, 3, 4], {1: 1e-3}), 4), travel(norms([0, 1, 4], {1: 1e-3}), 4)
    assert some[0].path.mean == pytest.approx(every[0].path.mean)


@pytest.mark.parametrize(("ratio", "untouched"), [(UNTOUCHED / 100, True), (UNTOUCHED, False)])
def test_a_layer_is_untouched_where_its_whole_way_is_surely_short(ratio: float, untouched: bool) -> None:
    (layer,) = travel(norms([0, 1, 2], {1: ratio}), 2)
    assert layer.untouched is untouched


def test_one_seed_proves_no_standstill() -> None:
    (layer,) = travel(norms([0, 1], {1: 1e-9}, seeds=1), 1)
    assert not layer.untouched


def test_nothing_has_moved_before_training() -> None:
    assert travel(norms([0, 1], {1: 1e-3}), 0) == []


def test_what_became_of_a_singular_value() -> None:
    values = pd.DataFrame(
        [(0, 1, 1, 2.0), (0, 1, 2, 1.0), (20, 1, 1, 3.5), (20, 1, 2, 0.5), (5, 1, 1, 9.0)],
        columns=["epoch", "layer", "rank", "mean"],
    )
    changes = spectrum_change(values, 20)
    assert changes[["rank", "start", "end", "change"]].to_numpy().tolist() == [[1, 2, 3.5, 1.5], [2, 1, 0.5, -0.5]]
    assert spectrum_change(values, 7).empty


def histograms() -> pd.DataFrame:
    edges = np.linspace(-1, 1, 5)
    rows = [
        (epoch, layer, edges * scale, np.array([10, 10, 10, 10]))
        for layer in (1, 2, 3)
        for epoch, scale in ((0, 1.0), (20, 1.0 if layer == 1 else 2.0))
    ]
    return pd.DataFrame(rows, columns=["epoch", "layer", "edges", "counts"])


def test_a_layer_that_kept_its_box_fills_its_outline() -> None:
    figure = charts.distributions(histograms(), 20, STYLE, TEXTS)
    hills, outlines = ([np.asarray(trace.y, float) for trace in figure.data[start::2]] for start in (0, 1))
    for layer, hill, outline in zip((3, 2, 1), hills, outlines, strict=True):
        top = hill[: charts.BINS]
        assert top.max() <= layer + 1
        assert (np.abs(top - outline).max() < 1e-9) == (layer == 1)


def test_the_steps_of_a_network_are_cells_of_layer_and_epoch() -> None:
    cells = pd.DataFrame(
        [(layer, epoch, -float(layer + epoch)) for layer in (1, 2) for epoch in (1, 5, 20)],
        columns=["layer", "epoch", "value"],
    )
    said = [f"{layer}/{epoch}" for layer, epoch in zip(cells["layer"], cells["epoch"], strict=True)]
    (panel,) = heat.layer_over_epoch(cells, (-22, -2), said, "Size", TEXTS, STYLE).data
    assert list(panel.x) == [1, 5, 20]
    assert panel.z.tolist() == [[-2, -6, -21], [-3, -7, -22]]
    assert panel.text[1][2] == "2/20"


def test_the_change_of_the_norm_is_that_since_the_start() -> None:
    sizes = queries.weight_sizes(shipped_snapshot())
    norms_of = queries.weight_norms(shipped_snapshot(), activation="linear", depth=3).query("layer == 2")
    table = norms_of.astype({"weight_norm": float}).pivot_table(index="seed", columns="epoch", values="weight_norm")
    expected = np.log10((table[7] / table[0] - 1).abs()).mean()
    cell = sizes.query("activation == 'linear' and depth == 3 and layer == 2 and epoch == 7")
    assert cell["norm_change"].item() == pytest.approx(expected, rel=1e-4)


def open_weights(monkeypatch: pytest.MonkeyPatch, folder: Path, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("chapters/weights.py").run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.info, *app.caption])


def test_the_first_layers_of_a_deep_sigmoid_network_are_called_untouched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut_store(tmp_path, "activation IN ('linear', 'sigmoid') AND depth IN (1, 7) AND seed < 4")
    app = open_weights(monkeypatch, tmp_path, activation="sigmoid", depth="7", profile="20", weight="norm_change")
    assert not app.exception
    assert "As good as untouched: layer 1, 2" in words(app)
    assert "none can be shown to have stayed" not in words(app)
    app = open_weights(monkeypatch, tmp_path, activation="linear", depth="1")
    assert "none can be shown to have stayed" in words(app)


def test_a_network_that_is_not_stored_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(
        tmp_path, "seed < 2 AND ((activation = 'linear' AND depth = 2) OR (activation = 'sigmoid' AND depth = 1))"
    )
    app = open_weights(monkeypatch, tmp_path, activation="sigmoid", depth="2")
    assert not app.exception
    assert TEXTS("weights.needs_network") in words(app)
    assert len(app.get("plotly_chart")) == 1


def test_before_training_nothing_has_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth = 2 AND seed < 2")
    app = open_weights(monkeypatch, tmp_path, epoch="0")
    assert not app.exception
    assert TEXTS("weights.not_yet") in words(app)
