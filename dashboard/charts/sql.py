"""Pictures of the rows of any query."""

from html import escape
from typing import Any, Literal

import pandas as pd

from dashboard.charts.kept import kept
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import Style

Kind = Literal["line", "points", "bars"]
KINDS: tuple[Kind, ...] = ("line", "points", "bars")
MOST_COLOURS = 12  # more cannot be told apart


def numeric_columns(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows if pd.api.types.is_numeric_dtype(rows[name])]


def colour_columns(rows: pd.DataFrame) -> list[str]:
    """Those with few enough values for a colour each, yet more than one."""
    return [str(name) for name in rows if 1 < rows[name].nunique(dropna=False) <= MOST_COLOURS]


def usual_columns(rows: pd.DataFrame) -> tuple[str, str, str | None]:
    """What to draw until the reader chooses: across, up, and colour. A query tends to give its groups first."""
    across = str(rows.columns[0])
    numbers = numeric_columns(rows)
    up = next((name for name in numbers if name != across), numbers[0])
    words = [name for name in colour_columns(rows) if name not in (across, *numbers)]
    return across, up, words[0] if words else None


def usual_kind(rows: pd.DataFrame, across: str) -> Kind:
    return "line" if across in numeric_columns(rows) else "bars"


@kept
def picture(rows: pd.DataFrame, kind: Kind, across: str, up: str, colour: str | None, style: Style) -> Sketch:
    """The column `up` against `across`, one trace for each value of `colour`."""
    figure = style.figure(escape(across), escape(up), barmode="group")
    groups = [("", rows)] if colour is None else list(rows.groupby(colour, dropna=False, sort=True))
    for number, (value, group) in enumerate(groups):
        name = escape(str(value))
        shared: dict[str, Any] = {
            "x": group[across].to_numpy(),
            "y": group[up].to_numpy(),
            "name": name,
            "showlegend": colour is not None,
            "hovertemplate": f"{name}<br>{escape(across)}: %{{x}}<br>{escape(up)}: %{{y}}<extra></extra>",
        }
        shade = style.depth_colour(number, len(groups) - 1)
        if kind == "bars":
            figure.add_bar(marker_color=shade, **shared)
        else:
            figure.add_scatter(
                mode="lines+markers" if kind == "line" else "markers", line_color=shade, marker_color=shade, **shared
            )
    return figure
