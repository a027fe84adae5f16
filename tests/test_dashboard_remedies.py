"""The chapter of remedies, from stores with and without single changes."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from stores import cut_store
from test_dashboard_app import open_chapter, words

from dashboard.charts import remedies as charts
from dashboard.charts.style import Style
from dashboard.texts import Texts
from dashboard.wording import Wording

TEXTS = Texts("en")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Sigmoid networks that learn nothing with five hidden layers, and linear ones that do; three seeds in common."""
    return cut_store(tmp_path, "activation IN ('linear', 'sigmoid') AND depth IN (1, 5) AND seed < 3")


def test_it_opens_at_the_depth_that_has_the_most_to_compare_with(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE run SET depth = 6 WHERE depth = 5 AND activation = 'linear'")
        connection.execute("UPDATE run SET activation = 'sigmoid', optimizer = 'momentum' WHERE depth = 6")
        connection.execute("UPDATE run SET depth = 1 WHERE depth = 6")
    app = open_chapter(monkeypatch, store.parent, "remedies", "en", activation="sigmoid")
    assert not app.exception
    assert app.select_slider(key="depth").value == 1  # and not 5, the usual one


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("trouble", ["accuracy", "training", "gap"])
def test_a_single_change_is_shown_with_its_effect(
    monkeypatch: pytest.MonkeyPatch, store: Path, language: str, trouble: str
) -> None:
    app = open_chapter(monkeypatch, store.parent, "remedies", language, trouble=trouble, moment="end")
    assert not app.exception
    assert len(app.get("plotly_chart")) == 4
    assert "{" not in words(app)


def test_what_rescues_the_sigmoid_network_is_said(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_chapter(monkeypatch, store.parent, "remedies", "en")
    assert "**It helps.** Activation: sigmoid → none (linear)" in words(app)
    assert list(app.dataframe[0].value[TEXTS("remedies.table.seeds")]) == [3]
    assert TEXTS("setting.dropout") in words(app)  # among what is not stored


def test_a_network_without_a_gap_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """Sigmoid networks of five layers guess, on new images as on their own."""
    app = open_chapter(monkeypatch, store.parent, "remedies", "en", trouble="gap", activation="sigmoid", depth="5")
    assert "**This network does not have this trouble**" in words(app)
    app = open_chapter(monkeypatch, store.parent, "remedies", "en", trouble="accuracy", activation="sigmoid", depth="5")
    assert "**This network does not have this trouble**" not in words(app)


def test_seeds_that_only_one_side_has_are_left_out(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE run SET seed = 77 WHERE activation = 'linear' AND seed = 2")
    app = open_chapter(monkeypatch, store.parent, "remedies", "en")
    assert list(app.dataframe[0].value[TEXTS("remedies.table.seeds")]) == [2]


def test_a_network_without_stored_changes_is_still_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed < 3")
    app = open_chapter(monkeypatch, tmp_path, "remedies", "en", change="nothing=1")
    assert not app.exception
    assert "As it is, the network (2 hidden layers" in words(app)
    assert not app.get("plotly_chart")


def test_no_band_reaches_beyond_what_an_accuracy_can_be() -> None:
    runs = pd.DataFrame({"depth": [1, 1, 2, 2], "seed": [0, 1, 0, 1], "accuracy": [0.1, 0.97, 0.9, 0.91]})
    figure = charts.by_depth(runs, runs, ("old", "new"), 1, Wording(TEXTS, "hidden", "accuracy"), Style())
    values = [value for trace in figure.data for value in trace.y]
    assert (min(values), max(values)) == (0, 100)
