"""Heat maps of layer over depth, one panel per activation function."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.charts.kept import kept
from dashboard.charts.scales import number, whole_step
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import MARK, SEQUENTIAL, Style, two_lines
from dashboard.texts import Texts


@kept
def layer_over_depth(
    cells: pd.DataFrame,
    limits: tuple[float, float],
    names: Mapping[str, str],
    marked: tuple[str, int],
    bar: str,
    offset: int,
    layers_axis: str,
    texts: Texts,
    style: Style,
    logarithmic: bool = True,
) -> Sketch:
    """One panel per activation, layer over depth; the colour is a size on a scale that all panels share.

    Each depth that is there has a column as wide as any other, so that fifty layers beside ten leave no gap.

    Args:
        cells: activation, depth, layer, seeds, value (missing where there is nothing to show).
        limits: of `value`, over all that may be compared with this picture, so that colours keep their meaning.
        names: the activations to show, in order, with the title of the panel.
        marked: activation and depth of the network to frame.
        bar: what the colour means.
        offset: what is added to a depth to count it as the reader does; `layers_axis` names that.
        logarithmic: whether `value` is a base-10 logarithm.
    """
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = panels(
        rows,
        columns,
        subplot_titles=list(names.values()),
        horizontal_spacing=0.1,
        vertical_spacing=0.36 / (rows + 1) if rows > 1 else 0.0,
    )
    depths = [int(depth) for depth in np.unique(cells["depth"])]
    places = np.arange(len(depths))
    layers = np.arange(1, depths[-1] + 2)
    for index, activation in enumerate(names):
        row, column = index // columns + 1, index % columns + 1
        own = cells[(cells["activation"] == activation).to_numpy() & np.isfinite(cells["value"].to_numpy(float))]
        values = np.full((len(layers), len(depths)), np.nan)
        said = np.full(values.shape, "", dtype=object)
        for depth, layer, value, seeds in own[["depth", "layer", "value", "seeds"]].to_numpy(float).tolist():
            cell = int(layer) - 1, depths.index(int(depth))
            values[cell] = value
            said[cell] = texts(
                "page.cell",
                activation=names[activation],
                layers=int(depth) + offset,
                layer=int(layer),
                value=number(10**value if logarithmic else value),
                seeds=int(seeds),
            )
        figure.add_heatmap(
            x=places,
            y=layers,
            z=values,
            text=said,
            hovertemplate="%{text}<extra></extra>",
            hoverongaps=False,
            xgap=1,
            ygap=1,
            coloraxis="coloraxis",
            row=row,
            col=column,
        )
        lowest = index + columns >= len(names)
        figure.update_xaxes(title_text=two_lines(layers_axis) if lowest else None, row=row, col=column)
        figure.update_yaxes(title_text=texts("page.axis_layer") if column == 1 else None, row=row, col=column)
        if activation == marked[0] and marked[1] in depths:
            x = depths.index(marked[1])
            corners = {"x0": x - 0.5, "x1": x + 0.5, "y0": 0.5, "y1": marked[1] + 1.5}
            figure.add_shape(type="rect", **corners, line={"color": MARK, "width": 3}, row=row, col=column)
    style.dress(figure, height=150 + (260 if len(layers) < 20 else 420) * rows)
    shown = places[:: 1 if len(depths) < 7 else 2]
    labels = [str(depths[place] + offset) for place in shown]
    figure.update_xaxes(tickvals=shown, ticktext=labels, showgrid=False, zeroline=False)
    figure.update_yaxes(dtick=whole_step(len(layers), most=7), tick0=1, showgrid=False, zeroline=False)
    _add_bar(figure, limits, bar, logarithmic, style)
    return figure


@kept
def layer_over_epoch(
    cells: pd.DataFrame, limits: tuple[float, float], hover: list[str], bar: str, texts: Texts, style: Style
) -> Sketch:
    """One network: layer over epoch; the colour is a base-10 logarithm.

    Args:
        cells: layer, epoch, value; one row for each text of `hover`.
    """
    figure = Sketch({})
    table = cells.assign(hover=hover).pivot_table(
        index="layer", columns="epoch", values=["value", "hover"], aggfunc="first"
    )
    figure.add_heatmap(
        x=table["value"].columns.to_numpy(),
        y=table.index.to_numpy(),
        z=table["value"].to_numpy(float),
        text=table["hover"].to_numpy(object),
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
        coloraxis="coloraxis",
    )
    style.dress(figure, height=max(340, 190 + 26 * len(table)))
    figure.update_xaxes(title_text=texts("page.axis_epoch"), dtick=5, showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=texts("page.axis_layer"), dtick=1, showgrid=False, zeroline=False)
    _add_bar(figure, limits, bar, True, style)
    return figure


def _add_bar(figure: Sketch, limits: tuple[float, float], title: str, logarithmic: bool, style: Style) -> None:
    """A colour scale across the whole width, above all panels, with its title over it."""
    low, high = (np.floor(limits[0] + 1e-9), np.ceil(limits[1] - 1e-9)) if logarithmic else limits
    high = max(high, low + (1 if logarithmic else 1e-9))
    height = figure.layout["height"]
    figure.update_layout(
        margin_t=105,
        title={
            "text": title,
            "font": {"size": 13, "color": style.ink},
            "x": 0.5,
            "xanchor": "center",
            "yref": "container",
            "y": 1 - 4 / height,
            "yanchor": "top",
        },
        coloraxis={
            "colorscale": SEQUENTIAL,
            "cmin": low,
            "cmax": high,
            "colorbar": {
                "orientation": "h",
                "yref": "container",
                "y": 1 - 22 / height,
                "yanchor": "top",
                "len": 1.0,
                "thickness": 12,
                "tickfont": {"color": style.muted, "size": 12},
                **(_powers(low, high) if logarithmic else {}),
            },
        },
    )


def _powers(low: float, high: float) -> dict[str, NDArray[np.float64] | list[str]]:
    powers = np.arange(low, high + 1, max(1, round((high - low) / 8)))
    return {"tickvals": powers, "ticktext": [f"10<sup>{power:.0f}</sup>".replace("-", "−") for power in powers]}
