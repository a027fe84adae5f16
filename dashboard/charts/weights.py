"""Pictures of the weights: how they are spread, and what training changed in them."""

import numpy as np
import pandas as pd

from dashboard.analysis.distributions import pooled_density, quantile_range
from dashboard.charts.kept import kept
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import Style, with_opacity
from dashboard.texts import Texts

BINS = 120
HILL = 0.85  # height of the highest hill, in rows
SHOWN_SHARE = 0.9995  # of the weights of each layer: single far outliers would squeeze the picture


@kept
def distributions(histograms: pd.DataFrame, epoch: int, style: Style, texts: Texts) -> Sketch:
    """One hill per layer: its weights at an epoch, and the outline that they had at the start.

    Args:
        histograms: epoch, layer, edges, counts; one row per seed, layer and epoch.
    """
    shown = histograms[histograms["epoch"].isin([0, epoch])]
    low, high = quantile_range([*shown["edges"]], [*shown["counts"]], SHOWN_SHARE)
    limit = max(abs(low), abs(high)) or 1.0
    grid = np.linspace(-limit, limit, BINS + 1)
    middles = (grid[:-1] + grid[1:]) / 2
    layers = np.unique(histograms["layer"].to_numpy(np.int64))
    figure = style.figure(texts("weights.box.x"), texts("page.axis_layer"), height=max(300, 130 + 46 * len(layers)))
    for layer in layers[::-1]:  # the lower hills in front of the higher ones
        now, start = (_density(histograms, int(layer), at, grid) for at in (epoch, 0))
        highest = max(now.max(), start.max()) or 1.0
        colour = style.layer_colour(int(layer), len(layers))
        spread = quantile_range(*_of(histograms, int(layer), epoch), 0.95)
        figure.add_scatter(
            x=np.concatenate([middles, middles[::-1]]),
            y=np.concatenate([layer + HILL * now / highest, np.full(BINS, layer)]),
            mode="lines",
            fill="toself",
            fillcolor=with_opacity(colour, 0.6),
            line={"color": colour, "width": 1},
            text=texts("weights.box.hover", layer=layer, low=f"{spread[0]:.3f}", high=f"{spread[1]:.3f}"),
            hoverinfo="text",
            hoveron="fills+points",
            showlegend=False,
        )
        figure.add_scatter(
            x=middles,
            y=layer + HILL * start / highest,
            mode="lines",
            line={"color": style.ink, "width": 1.2, "dash": "dot"},
            name=texts("weights.box.start"),
            showlegend=bool(layer == layers[-1]),
            hoverinfo="skip",
        )
    figure.update_yaxes(tickvals=layers, range=[layers[0] - 0.15, layers[-1] + 1.05], zeroline=False)
    figure.update_xaxes(range=[-limit, limit], zeroline=True, zerolinecolor=style.muted)
    return figure


def _of(histograms: pd.DataFrame, layer: int, epoch: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rows = histograms[(histograms["layer"] == layer) & (histograms["epoch"] == epoch)]
    return [*rows["edges"]], [*rows["counts"]]


def _density(histograms: pd.DataFrame, layer: int, epoch: int, grid: np.ndarray) -> np.ndarray:
    density: np.ndarray = pooled_density(*_of(histograms, layer, epoch), grid)
    return density


@kept
def spectra(changes: pd.DataFrame, style: Style, texts: Texts) -> Sketch:
    """Above, the singular values of every layer at the start (dotted) and later; below, what became of each.

    Args:
        changes: layer, rank, start, end, change.
    """
    figure = panels(2, 1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.07)
    layers = np.unique(changes["layer"].to_numpy(np.int64))
    for layer in layers:
        rows = changes[changes["layer"] == layer]
        ranks = rows["rank"].to_numpy()
        colour, name = style.layer_colour(int(layer), len(layers)), texts("weights.layer", layer=layer)
        said = texts(
            "weights.spectra.hover",
            layer=layer,
            rank="%{x}",
            start="%{customdata[0]:.3f}",
            end="%{customdata[1]:.3f}",
            change="%{customdata[2]:+.3f}",
        )
        said += "<extra></extra>"
        lines = (("start", 1, "dot", 1.2), ("end", 1, "solid", 2.0), ("change", 2, "solid", 2.0))
        for value, row, dash, width in lines:
            figure.add_scatter(
                x=ranks,
                y=rows[value].to_numpy(),
                mode="lines",
                line={"color": colour, "width": width, "dash": dash},
                name=name,
                legendgroup=name,
                showlegend=value == "end",
                customdata=rows[["start", "end", "change"]].to_numpy(np.float32),
                hovertemplate=said,
                row=row,
                col=1,
            )
    style.dress(figure, height=560)
    doublings = 2 ** np.arange(np.log2(changes["rank"].max()) + 1).astype(int)
    figure.update_xaxes(type="log", tickvals=doublings)
    figure.update_xaxes(title_text=texts("weights.spectra.x"), row=2, col=1)
    figure.update_yaxes(title_text=texts("weights.spectra.y"), rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text=texts("weights.spectra.change"), row=2, col=1)
    return figure
