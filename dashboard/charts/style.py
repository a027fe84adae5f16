"""One look for all pictures: what a colour means, and how axes and hover texts are drawn."""

from dataclasses import dataclass
from typing import Any

import plotly.colors

from dashboard.charts.sketch import Sketch

# Okabe & Ito's colours, which people with colour-blindness can tell apart.
SPLIT_COLOURS = {"train": "#0072b2", "validation": "#e69f00", "test": "#009e73", "train_running": "#56b4e9"}
ACTIVATION_COLOURS = {"linear": "#0072b2", "sigmoid": "#d55e00", "tanh": "#009e73", "relu": "#cc79a7"}
SPLIT_DASHES = {"train": "solid", "validation": "dash", "test": "dot", "train_running": "dashdot"}
SEQUENTIAL = plotly.colors.get_colorscale("Viridis")  # for depth, and for size on a logarithmic scale
MARK = "#e4572e"  # frames what is looked at
LAYER_SCALE = "Plasma"  # a layer within one network; not the scale of depth, so that the two are not confused

FRAME: dict[str, Any] = {
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    "hovermode": "closest",
}


@dataclass(frozen=True)
class Style:
    """How to draw on the reader's background."""

    dark: bool = False

    @property
    def muted(self) -> str:
        """For what stands behind the data: reference lines, single seeds."""
        return "#9aaab2" if self.dark else "#5a6971"

    @property
    def ink(self) -> str:
        """The colour of the reader's text."""
        return "#e7eef0" if self.dark else "#0c1519"

    @property
    def paper(self) -> str:
        """The colour of the page."""
        return "#10181c" if self.dark else "#ffffff"

    @property
    def faint(self) -> str:
        """For areas that hold nothing to compare."""
        return "#26353d" if self.dark else "#e4eaec"

    def depth_colour(self, depth: int, deepest: int) -> str:
        """The one colour scale for depth: dark is shallow. The ends that the background would swallow are left out."""
        low, high = (0.3, 1.0) if self.dark else (0.0, 0.82)
        share = low + (high - low) * (depth / deepest if deepest else 0.0)
        colour: str = plotly.colors.sample_colorscale(SEQUENTIAL, [share])[0]
        return colour

    def layer_colour(self, layer: int, layers: int) -> str:
        """A layer within one network: dark is near the input. Ends that the background would swallow are left out."""
        low, high = (0.25, 1.0) if self.dark else (0.0, 0.8)
        share = low + (high - low) * ((layer - 1) / (layers - 1) if layers > 1 else 0.0)
        colour: str = plotly.colors.sample_colorscale(LAYER_SCALE, [share])[0]
        return colour

    def figure(self, x_title: str, y_title: str, height: int = 420, **layout: Any) -> Sketch:
        """An empty figure with titled axes, a legend above and a hover label per point."""
        axes = {
            name: {"title": {"text": title, "font": self._title_font}, "automargin": True, "tickfont": self._tick_font}
            for name, title in (("xaxis", x_title), ("yaxis", y_title))
        }
        return Sketch(FRAME | axes | {"height": height, **layout})

    def dress(self, figure: Sketch, height: int, **layout: Any) -> Sketch:
        """Gives a figure of several panels the margins, the legend and the hover label that all pictures have."""
        figure.update_layout(FRAME, height=height, **layout)
        look: dict[str, Any] = {"automargin": True, "tickfont": self._tick_font, "title_font": self._title_font}
        figure.update_xaxes(**look)
        figure.update_yaxes(**look)
        figure.update_annotations(font={"color": self.ink, "size": 14})  # the titles of panels, if there are any
        return figure

    @property
    def _tick_font(self) -> dict[str, Any]:
        return {"color": self.muted, "size": 12}

    @property
    def _title_font(self) -> dict[str, Any]:
        return {"color": self.ink, "size": 13}


def two_lines(title: str) -> str:
    """Breaks a title before its bracket, for where it would be cut on a phone."""
    return title.replace(" (", "<br>(").replace("（", "<br>（")


def with_opacity(colour: str, opacity: float) -> str:
    """A hexadecimal or rgb() colour made translucent."""
    red, green, blue = plotly.colors.hex_to_rgb(colour) if colour.startswith("#") else plotly.colors.unlabel_rgb(colour)
    return f"rgba({red:.0f}, {green:.0f}, {blue:.0f}, {opacity})"


def add_band(figure: Sketch, x: Any, low: Any, high: Any, colour: str, name: str) -> None:
    """A 95 % band, drawn as one closed shape behind a line; it belongs to the line's legend entry."""
    figure.add_scatter(x=x, y=high, mode="lines", line_width=0, hoverinfo="skip", showlegend=False, legendgroup=name)
    figure.add_scatter(
        x=x,
        y=low,
        mode="lines",
        line_width=0,
        fill="tonexty",
        fillcolor=with_opacity(colour, 0.18),
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
    )
