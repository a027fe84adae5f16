"""The pictures of the answer page."""

import numpy as np
import pandas as pd

from dashboard.charts.kept import kept
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import ACTIVATION_COLOURS, Style, add_band
from dashboard.texts import Texts


@kept
def accuracy_by_depth(
    table: pd.DataFrame, runs: pd.DataFrame, drawn: pd.DataFrame | None, offset: int, style: Style, texts: Texts
) -> Sketch:
    """Test accuracy by depth: every run a dot, the mean with its band, and the line of one drawn experiment.

    Args:
        table: depth, mean, low, high (shares).
        runs: depth, seed, accuracy.
        drawn: depth, accuracy of the drawn experiment.
        offset: what is added to a depth to count it as the reader does.
    """
    colour = ACTIVATION_COLOURS["linear"]
    axis = texts("page.axis_dense" if offset else "page.axis_hidden")
    figure = style.figure(axis, texts("page.axis_accuracy"), height=430)
    depths = table["depth"].to_numpy() + offset
    mean = texts("answer.curve.mean")
    if np.isfinite(table["low"]).any():
        add_band(figure, depths, table["low"].to_numpy() * 100, table["high"].to_numpy() * 100, colour, mean)
    jitter = (runs["seed"].to_numpy() % 8 - 3.5) * 0.03
    figure.add_scatter(
        x=runs["depth"].to_numpy() + offset + jitter,
        y=runs["accuracy"].to_numpy() * 100,
        mode="markers",
        name=texts("answer.curve.run"),
        marker={"size": 5, "color": style.muted, "opacity": 0.55},
        customdata=np.column_stack([runs["depth"].to_numpy() + offset, runs["seed"].to_numpy()]),
        hovertemplate=f"{axis}: %{{customdata[0]}}<br>{texts('page.seed')} %{{customdata[1]}}<br>%{{y:.2f}} %"
        "<extra></extra>",
    )
    figure.add_scatter(
        x=depths,
        y=table["mean"].to_numpy() * 100,
        mode="lines+markers",
        name=mean,
        legendgroup=mean,
        line={"color": colour, "width": 3},
        hovertemplate=f"{axis}: %{{x}}<br>{texts('page.mean')} %{{y:.2f}} %<extra></extra>",
    )
    if drawn is not None:
        figure.add_scatter(
            x=drawn["depth"].to_numpy() + offset,
            y=drawn["accuracy"].to_numpy() * 100,
            mode="lines+markers",
            name=texts("answer.curve.drawn"),
            line={"color": "#d55e00", "width": 2, "dash": "dot"},
            marker={"size": 9, "symbol": "diamond"},
            hovertemplate=f"{axis}: %{{x}}<br>%{{y:.2f}} %<extra></extra>",
        )
    figure.update_xaxes(dtick=1)
    return figure


@kept
def arrival(frames: dict[str, pd.DataFrame], offset: int, style: Style, texts: Texts) -> Sketch:
    """How much of δ arrives at the first hidden layer, by depth, one line per activation, on a logarithmic scale.

    Args:
        frames: per activation: depth, mean, low, high of the total factor from the last hidden layer to the first.
    """
    axis = texts("page.axis_dense" if offset else "page.axis_hidden")
    figure = style.figure(axis, texts("answer.arrival.axis"), height=380)
    for activation, table in frames.items():
        name, colour = texts(f"activation.{activation}"), ACTIVATION_COLOURS[activation]
        depths = table["depth"].to_numpy() + offset
        if np.isfinite(table["low"]).any():
            add_band(figure, depths, table["low"].to_numpy(), table["high"].to_numpy(), colour, name)
        figure.add_scatter(
            x=depths,
            y=table["mean"].to_numpy(),
            mode="lines+markers",
            name=name,
            legendgroup=name,
            line={"color": colour, "width": 2.5},
            hovertemplate=f"{name}<br>{axis}: %{{x}}<br>× %{{y:.2g}}<extra></extra>",
        )
    figure.add_hline(y=1, line={"color": style.muted, "dash": "dot", "width": 1})
    figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    figure.update_xaxes(dtick=1)
    return figure
