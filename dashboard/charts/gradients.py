"""Pictures of the error on its way back: how large it is in each layer, and what makes it smaller."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.analysis.distributions import pooled_density, quantile_range
from dashboard.analysis.estimates import Estimate
from dashboard.analysis.gradients import VANISHING_FACTOR, Shrinkage
from dashboard.charts.kept import kept
from dashboard.charts.scales import log_ticks, number, tick_text
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import Style, add_band, with_opacity
from dashboard.texts import Texts

Floats = NDArray[np.float64]

PART_COLOURS = {"weights": "#0072b2", "slope": "#e69f00"}  # Okabe & Ito
SHOWN_SHARE = 0.998  # of the pre-activations of each layer: single far outliers would squeeze the picture
RIDGE = 0.88  # height of the highest density, in rows


@kept
def speeds(bands: pd.DataFrame, depth: int, epoch: int, texts: Texts, style: Style) -> Sketch:
    """Nielsen's speed of learning: the norm of each hidden layer's bias gradient over the epochs, logarithmic.

    Args:
        bands: layer, epoch, mean, low, high, seeds.
        epoch: marked by a vertical line.
    """
    figure = style.figure(texts("page.axis_epoch"), texts("gradients.speed.y"))
    for layer in np.unique(bands["layer"].to_numpy(np.int64)):
        rows = bands[bands["layer"] == layer]
        colour, name = style.layer_colour(int(layer), depth), texts("gradients.speed.layer", layer=layer)
        if (rows["seeds"] > 1).all():
            add_band(figure, rows["epoch"].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), colour, name)
        figure.add_scatter(
            x=rows["epoch"].to_numpy(),
            y=rows["mean"].to_numpy(),
            mode="lines+markers",
            marker_size=4,
            line={"color": colour, "width": 2},
            name=name,
            legendgroup=name,
            text=[
                texts(
                    "gradients.speed.hover",
                    layer=layer,
                    epoch=f"{at:.0f}",
                    value=number(mean),
                    low=number(low),
                    high=number(high),
                    seeds=f"{seeds:.0f}",
                )
                for at, mean, low, high, seeds in rows[["epoch", "mean", "low", "high", "seeds"]].to_numpy(np.float64)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.add_vline(x=epoch, line={"color": style.muted, "dash": "dot", "width": 1})
    figure.update_xaxes(dtick=5)
    ends = bands[["mean", "low", "high"]].to_numpy(float)
    ticks = log_ticks(float(np.nanmin(ends)), float(np.nanmax(ends)))
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[tick_text(tick) for tick in ticks])
    return figure


@kept
def splits(found: Mapping[str, Shrinkage], names: Mapping[str, str], texts: Texts, style: Style) -> Sketch:
    """Each activation's factors a layer: weights, slope, and their product, with intervals; 1 is nothing lost.

    Args:
        found: by activation, the first on top.
    """
    figure = style.figure(texts("gradients.split.x"), "", height=150 + 90 * len(found))
    looks = {
        "weights": (PART_COLOURS["weights"], "square", 0.22),
        "slope": (PART_COLOURS["slope"], "diamond", 0.0),
        "together": (style.ink, "circle", -0.22),
    }
    heights = {activation: float(len(found) - place) for place, activation in enumerate(found)}
    shown: list[float] = [1.0, VANISHING_FACTOR]
    for part, (colour, symbol, offset) in looks.items():
        estimates = {name: _part(split, part) for name, split in found.items()}
        means = np.array([item.mean for item in estimates.values()])
        certain = np.array([item.certain for item in estimates.values()], dtype=bool)
        lows = np.where(certain, [item.low for item in estimates.values()], means)
        highs = np.where(certain, [item.high for item in estimates.values()], means)
        shown += [*lows, *highs]
        figure.add_scatter(
            x=means,
            y=np.array([heights[name] + offset for name in estimates]),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            error_x={"type": "data", "array": highs - means, "arrayminus": means - lows, "thickness": 2, "width": 5},
            name=texts(f"gradients.split.{part}"),
            text=[
                texts(
                    "gradients.split.hover" if item.certain else "gradients.split.hover_one_seed",
                    activation=names[name],
                    part=texts(f"gradients.split.{part}"),
                    value=number(item.mean),
                    low=number(item.low),
                    high=number(item.high),
                    seeds=item.seeds,
                )
                for name, item in estimates.items()
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    for value, text, dash in ((1.0, "nothing_lost", "solid"), (VANISHING_FACTOR, "limit", "dash")):
        figure.add_vline(x=value, line={"color": style.muted, "width": 1.5, "dash": dash})
        figure.add_annotation(
            x=np.log10(value),
            y=0,
            yref="paper",
            yanchor="bottom",
            xanchor="left" if value == 1 else "right",
            xshift=3 if value == 1 else -3,
            text=texts(f"gradients.split.{text}"),
            showarrow=False,
            font={"size": 12, "color": style.muted},
        )
    positive = [value for value in shown if value > 0]
    low, high = min(positive) / 1.25, max(max(positive), 1.6) * 1.25
    ticks = log_ticks(low, high)
    figure.update_xaxes(
        type="log", range=np.log10([low, high]), tickvals=ticks, ticktext=[tick_text(tick) for tick in ticks]
    )
    figure.update_yaxes(
        tickvals=np.array(list(heights.values())),
        ticktext=[names[name] for name in heights],
        range=[0.1, len(found) + 0.6],
        showgrid=False,
        zeroline=False,
        title_text=texts("page.activation"),
    )
    return figure


def _part(split: Shrinkage, part: str) -> Estimate:
    return {"weights": split.weights, "slope": split.slope, "together": split.per_layer}[part]


def activation_function(activation: str, z: Floats) -> tuple[Floats, Floats]:
    """φ(z) and its slope φ′(z); the slope of relu at 0 is taken as 0, as TensorFlow does.

    Raises:
        KeyError: an activation function that is not among those trained here.
    """
    if activation == "sigmoid":
        value = 0.5 * (1 + np.tanh(z / 2))  # the same as 1 / (1 + exp(-z)), without overflow
        return value, value * (1 - value)
    if activation == "tanh":
        return np.tanh(z), 1 - np.tanh(z) ** 2
    if activation == "relu":
        return np.maximum(z, 0.0), (z > 0).astype(float)
    if activation == "linear":
        return z.copy(), np.ones_like(z)
    raise KeyError(activation)


@kept
def slopes(histograms: pd.DataFrame, activation: str, depth: int, texts: Texts, style: Style) -> Sketch:
    """The activation function, its slope, and below them where the pre-activations of each hidden layer lie.

    Args:
        histograms: layer, edges, counts; one row per seed and layer, at one epoch.
    """
    low, high = quantile_range([*histograms["edges"]], [*histograms["counts"]], SHOWN_SHARE)
    low, high = min(low, -4.0), max(high, 4.0)
    edges = np.linspace(low, high, 161)
    z = np.linspace(low, high, 241)
    heights = [120, 90, 110 + 32 * depth]
    figure = panels(3, 1, shared_xaxes=True, row_heights=heights, vertical_spacing=18 / sum(heights))
    for row, (values, text) in enumerate(
        zip(activation_function(activation, z), ("function", "derivative"), strict=True), start=1
    ):
        figure.add_scatter(
            x=z,
            y=values,
            mode="lines",
            line={"color": style.ink if text == "function" else PART_COLOURS["slope"], "width": 2.5},
            text=[
                texts(f"gradients.slope.hover_{text}", z=f"{at:.2f}", value=number(value))
                for at, value in zip(z, values, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(title_text=texts(f"gradients.slope.{text}"), row=row, col=1)
    figure.update_yaxes(range=[-1.3, 1.5] if activation != "sigmoid" else [-0.1, 1.1], row=1, col=1)
    steepest = float(activation_function(activation, np.array([0.0, 1e-9]))[1].max())
    figure.update_yaxes(range=[-0.1 * steepest, 1.2 * steepest], tickvals=[0, steepest / 2, steepest], row=2, col=1)
    middles = (edges[:-1] + edges[1:]) / 2
    for layer in np.unique(histograms["layer"].to_numpy(np.int64))[::-1]:  # the lower hills in front of the higher ones
        rows = histograms[histograms["layer"] == layer]
        own = [*rows["edges"]], [*rows["counts"]]
        density = pooled_density(*own, edges)
        if not density.any():
            continue
        ridge = int(layer) + RIDGE * density / density.max()
        colour = style.layer_colour(int(layer), depth)
        spread = quantile_range(*own, 0.95)
        figure.add_scatter(
            x=np.concatenate([middles, middles[::-1]]),
            y=np.concatenate([ridge, np.full_like(ridge, int(layer))]),
            mode="lines",
            fill="toself",
            fillcolor=with_opacity(colour, 0.55),
            line={"color": colour, "width": 1.5},
            text=texts("gradients.slope.hover", layer=layer, low=f"{spread[0]:.2f}", high=f"{spread[1]:.2f}"),
            hoverinfo="text",
            hoveron="fills+points",
            row=3,
            col=1,
        )
    figure.update_yaxes(
        title_text=texts("page.axis_layer"),
        tickvals=np.arange(1, depth + 1),
        range=[0.85, depth + 1.05],
        zeroline=False,
        row=3,
        col=1,
    )
    figure.update_xaxes(range=[low, high], zeroline=True, zerolinecolor=style.muted)
    figure.update_xaxes(title_text=texts("gradients.slope.x"), row=3, col=1)
    figure.update_yaxes(automargin=True)
    figure.update_layout(
        height=sum(heights) + 90, showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8}, hovermode="closest"
    )
    return figure
