"""A picture while it is drawn.

Plotly's own figure checks and copies at every call that adds something to it, which readers would wait for. A sketch
takes the same calls, as far as our pictures need them, and gathers plain dictionaries; the figure that Plotly would
make of them is the same.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from plotly.subplots import make_subplots

Properties = dict[str, Any]
ONE_PANEL: Mapping[tuple[int, int], tuple[str, str]] = {(1, 1): ("xaxis", "yaxis")}
WITH_UNDERSCORE = ("error_x", "error_y")  # names of properties, in which "_" leads to no part


class Sketch:
    """Traces and layout, each as Plotly's figure has them in its dictionary form; methods bear the names that they have
    there, and take the same arguments."""

    def __init__(self, layout: Properties, axes: Mapping[tuple[int, int], tuple[str, str]] = ONE_PANEL) -> None:
        """
        Args:
            axes: by row and column of a panel, from 1 on, the names of its two axes.
        """
        self.traces: list[Properties] = []
        self.layout = layout
        self._axes = axes

    def add_trace(self, trace: Properties, row: int = 1, col: int = 1) -> None:
        across, up = self._axes[row, col]
        refer = {"xaxis": across.replace("axis", ""), "yaxis": up.replace("axis", "")} if len(self._axes) > 1 else {}
        self.traces.append(_merged(_nested(trace), refer))

    def add_traces(
        self, traces: Sequence[Properties], rows: Sequence[int] | None = None, cols: Sequence[int] | None = None
    ) -> None:
        ones = [1] * len(traces)
        for trace, row, col in zip(traces, rows or ones, cols or ones, strict=True):
            self.add_trace(trace, row, col)

    def add_scatter(self, row: int = 1, col: int = 1, **trace: Any) -> None:
        self.add_trace({"type": "scatter", **trace}, row, col)

    def add_bar(self, row: int = 1, col: int = 1, **trace: Any) -> None:
        self.add_trace({"type": "bar", **trace}, row, col)

    def add_heatmap(self, row: int = 1, col: int = 1, **trace: Any) -> None:
        self.add_trace({"type": "heatmap", **trace}, row, col)

    def add_vline(self, x: float, **shape: Any) -> None:
        """Of a picture with one panel, as `add_hline` and `add_hrect`."""
        self.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, yref="y domain", **shape)

    def add_hline(self, y: float, **shape: Any) -> None:
        self.add_shape(type="line", x0=0, x1=1, xref="x domain", y0=y, y1=y, **shape)

    def add_hrect(self, y0: float, y1: float, **shape: Any) -> None:
        self.add_shape(type="rect", x0=0, x1=1, xref="x domain", y0=y0, y1=y1, **shape)

    def add_shape(self, row: int = 1, col: int = 1, **shape: Any) -> None:
        across, up = (name.replace("axis", "") for name in self._axes[row, col])
        self._append("shapes", {"xref": across, "yref": up, **shape})

    def add_annotation(self, **annotation: Any) -> None:
        self._append("annotations", annotation)

    def _append(self, name: str, properties: Properties) -> None:
        self.layout = {**self.layout, name: [*self.layout.get(name, []), _nested(properties)]}

    def update_annotations(self, **properties: Any) -> None:
        changed = [_merged(each, _nested(properties)) for each in self.layout.get("annotations", [])]
        self.layout = {**self.layout, "annotations": changed}

    def update_layout(self, layout: Mapping[str, Any] | None = None, **properties: Any) -> None:
        self.layout = _merged(_merged(self.layout, layout or {}), _nested(properties))

    def update_xaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        """Of all panels, or of those in a row, in a column, or both."""
        self._update_axes(0, row, col, properties)

    def update_yaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        self._update_axes(1, row, col, properties)

    def _update_axes(self, which: int, row: int | None, col: int | None, properties: Properties) -> None:
        for (own_row, own_col), names in self._axes.items():
            if row in (None, own_row) and col in (None, own_col):
                self.update_layout({names[which]: _nested(properties)})


def panels(rows: int, columns: int, **options: Any) -> Sketch:
    """An empty picture of several panels; `options` are those of Plotly's `make_subplots`, without `specs`."""
    layout, axes = _panels(rows, columns, tuple((name, _hashable(value)) for name, value in options.items()))
    return Sketch(layout, axes)


@lru_cache(maxsize=100)  # what differs is the number of panels and their titles, in each language
def _panels(
    rows: int, columns: int, options: tuple[tuple[str, Any], ...]
) -> tuple[Properties, dict[tuple[int, int], tuple[str, str]]]:
    figure = make_subplots(rows, columns, **dict(options))
    layout = figure.to_dict()["layout"]
    del layout["template"]  # it gets one as every figure does
    axes = {}
    for place in ((row, column) for row in range(1, rows + 1) for column in range(1, columns + 1)):
        panel = figure.get_subplot(*place)
        axes[place] = panel.xaxis.plotly_name, panel.yaxis.plotly_name
    return layout, axes


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _nested(properties: Mapping[str, Any]) -> Properties:
    """`line_width=1` is `line={"width": 1}`, as everywhere in Plotly."""
    found: Properties = {}
    for name, value in properties.items():
        whole, _, part = (name, "", "") if name.startswith(WITH_UNDERSCORE) else name.partition("_")
        found = _merged(found, {whole: _nested({part: value}) if part else value})
    return found


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Properties:
    """Both, part by part; nothing that was handed in is changed."""
    parts = {
        name: _merged(old[name], value) if isinstance(value, Mapping) and isinstance(old.get(name), Mapping) else value
        for name, value in new.items()
    }
    return {**old, **parts}
