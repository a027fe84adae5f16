"""A sketch becomes the figure that Plotly's own methods would have made, call by call."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from dashboard.charts.kept import Picture
from dashboard.charts.sketch import Sketch, panels

X = np.array([1.0, 2.0, 3.0])


def on_one_panel(figure: Any) -> None:
    figure.add_scatter(x=X, y=X**2, name="squares", line_width=2, line={"color": "#ff0000"}, marker_size=4)
    figure.add_bar(x=X, y=X, marker_color="#00ff00", error_y={"type": "data", "array": X})
    figure.add_traces([{"type": "scatter", "x": X, "y": -X}, {"type": "heatmap", "z": [[1.0, None], [2.0, 3.0]]}])
    figure.add_vline(2, line={"dash": "dot"})
    figure.add_hline(1, line={"width": 1})
    figure.add_hrect(-1, 1, fillcolor="#cccccc", line_width=0, layer="below")
    figure.add_annotation(text="here", x=1, y=2, showarrow=False, font={"size": 12})
    figure.update_layout({"margin": {"l": 8, "r": 8}}, height=400, legend_title_text="series", margin_t=50)
    figure.update_layout(coloraxis={"cmin": 0, "colorbar": {"thickness": 12}})
    figure.update_layout(coloraxis_colorbar={"ticktext": ["a"], "tickvals": [1]})
    figure.update_xaxes(title={"text": "x", "font": {"size": 13}}, dtick=None)
    figure.update_xaxes(title_text="another", range=[0, 4])


def on_four_panels(figure: Any) -> None:
    for place, (row, col) in enumerate([(1, 1), (1, 2), (2, 1)]):
        figure.add_heatmap(z=[[place]], coloraxis="coloraxis", row=row, col=col)
    figure.add_trace({"type": "scatter", "x": X, "y": X}, row=2, col=2)
    figure.add_traces([{"type": "scatter", "y": X}, {"type": "bar", "y": X}], rows=[1, 2], cols=[2, 1])
    figure.add_shape(type="rect", x0=0, x1=1, y0=0, y1=1, line={"width": 3}, row=2, col=1)
    figure.update_annotations(font_size=12)
    figure.update_xaxes(showgrid=False)
    figure.update_xaxes(title_text="lowest", row=2)
    figure.update_yaxes(title_text="left", col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=2)


def in_one_form(figure: go.Figure) -> dict[str, Any]:
    """Plotly names the axes of traces and annotations where it knows of panels, and leaves them to their defaults where
    it does not."""
    found: dict[str, Any] = {
        "data": [trace.to_plotly_json() for trace in figure.data],
        "layout": figure.layout.to_plotly_json(),
    }
    for trace in found["data"]:
        trace.setdefault("xaxis", "x")
        trace.setdefault("yaxis", "y")
    return found


@pytest.mark.parametrize("background", [{}, {"height": 300, "xaxis": {"automargin": True}}])
def test_one_panel(background: dict[str, Any]) -> None:
    ours, plotlys = Sketch(background), go.Figure(layout=background)
    on_one_panel(ours)
    on_one_panel(plotlys)
    assert_alike(ours, plotlys)
    assert background in ({}, {"height": 300, "xaxis": {"automargin": True}})  # what was handed in is as it was


@pytest.mark.parametrize(
    "options",
    [
        {"subplot_titles": ["a", "b", "c", "d"], "horizontal_spacing": 0.1, "vertical_spacing": 0.2},
        {"shared_xaxes": True, "row_heights": [0.6, 0.4]},
        {"shared_yaxes": True},
    ],
)
def test_several_panels(options: dict[str, Any]) -> None:
    for _ in range(2):  # what the first one drew does not show in the second
        ours, plotlys = panels(2, 2, **options), make_subplots(2, 2, **options)
        on_four_panels(ours)
        on_four_panels(plotlys)
        assert_alike(ours, plotlys)


def assert_alike(ours: Sketch, plotlys: go.Figure) -> None:
    picture = Picture(ours)  # which is checked to be sent as it would be by Plotly, as in all tests
    np.testing.assert_equal(in_one_form(picture), in_one_form(plotlys))
    assert picture.checked().to_dict()["layout"] == plotlys.to_dict()["layout"]


@pytest.mark.parametrize("wrong", [{"no_such_property": 1}, {"line_colour": "#fff"}])
def test_what_plotly_does_not_know_is_found_by_any_test(wrong: dict[str, Any]) -> None:
    sketch = Sketch({})
    sketch.add_scatter(x=X, y=X, **wrong)
    with pytest.raises(ValueError, match="Invalid property"):
        Picture(sketch)
