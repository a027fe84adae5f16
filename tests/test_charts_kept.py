"""A picture that was drawn once is shown again only where it would be the same."""

import ast
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import assert_sent_as_by_plotly
from training import PROJECT

from dashboard.charts import kept
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import Style
from dashboard.texts import Texts

drawn: list[float] = []


@kept.kept
def bar(rows: pd.DataFrame, style: Style, texts: Texts) -> Sketch:
    drawn.append(float(rows["value"].sum()))
    sketch = style.figure("", "")
    sketch.add_bar(y=rows["value"].to_numpy(), name=texts("page.axis_layer"), marker_color=style.ink)
    return sketch


@pytest.fixture(autouse=True)
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_pictures", OrderedDict())
    drawn.clear()


def rows(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"activation": ["relu"] * len(values), "value": values})


def test_what_is_asked_for_again_is_not_drawn_again() -> None:
    first = bar(rows(1.0, 2.0), Style(), Texts("en"))
    assert bar(rows(1.0, 2.0), Style(), Texts("en")) is first
    assert drawn == [3.0]


def test_other_figures_are_another_picture() -> None:
    first = bar(rows(1.0, 2.0), Style(), Texts("en"))
    assert list(bar(rows(1.0, 2.5), Style(), Texts("en")).data[0].y) == [1.0, 2.5]
    assert list(first.data[0].y) == [1.0, 2.0]


def test_each_language_and_each_background_has_its_own() -> None:
    pictures = {
        (bar(rows(1.0), style, texts).data[0].name, bar(rows(1.0), style, texts).data[0].marker.color)
        for style in (Style(), Style(dark=True))
        for texts in (Texts("en"), Texts("ja"))
    }
    assert len(pictures) == 4
    assert len(drawn) == 4


@pytest.mark.parametrize(
    "values",
    [
        np.arange(5),
        np.array([-3, 70_000]),
        np.array([2**40, 1]),
        np.array([1.5, np.nan, np.inf]),
        np.array([0.5], np.float32),
        np.arange(6).reshape(2, 3),
        np.arange(3, dtype=np.uint64),
        np.array([True, False]),
        np.array(["a", None], object),
        np.array(["2026-01-01"], "datetime64[ns]"),
        np.zeros(0),
        pd.Series([1, 2]),
        [1.0, None],
    ],
    ids=str,
)
def test_values_of_any_kind_reach_the_browser_as_from_a_figure_of_plotlys(values: Any) -> None:
    sketch = Sketch({})
    sketch.add_scatter(y=[1] * len(values), customdata=values, error_y={"type": "data", "array": values})
    assert_sent_as_by_plotly(kept.Picture(sketch))


def test_the_one_that_was_not_asked_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for value in (1.0, 2.0, 1.0, 3.0, 1.0, 2.0):
        bar(rows(value), Style(), Texts("en"))
    assert drawn == [1.0, 2.0, 3.0, 2.0]


def test_every_picture_of_a_chapter_is_kept() -> None:
    lacking = [
        f"{file.name}: {function.name}"
        for file in sorted((PROJECT / "dashboard" / "charts").glob("*.py"))
        for function in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef) and function.returns and ast.unparse(function.returns) == "Sketch"
        if not function.name.startswith("_") and function.name != "panels"
        if "kept" not in map(ast.unparse, function.decorator_list)
    ]
    assert lacking == []
