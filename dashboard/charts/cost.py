"""The pictures of the cost chapter."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import bands
from dashboard.charts.kept import kept
from dashboard.charts.scales import log_ticks, tick_text
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import ACTIVATION_COLOURS, Style, two_lines
from dashboard.texts import Texts
from dashboard.wording import Wording

PANELS = ("parameters", "flops_per_example", "epoch_seconds", "training_bytes")
UNITS = {"parameters": 1e3, "flops_per_example": 1e6, "epoch_seconds": 1.0, "training_bytes": 2.0**20}
SMALLEST_SHARE = 1e-4  # one test image: a logarithmic axis has no zero


@kept
def by_depth(runs: pd.DataFrame, wording: Wording, style: Style, texts: Texts) -> Sketch:
    """Parameters, operations, time and memory by depth, a panel each; only time is measured, and has dots and a band.

    Args:
        runs: depth, seed, parameters, flops_per_example, epoch_seconds, training_bytes.
    """
    figure = panels(
        2,
        2,
        subplot_titles=[two_lines(texts(f"cost.panel_{name}")) for name in PANELS],
        horizontal_spacing=0.11,
        vertical_spacing=0.2,
    )
    traces, places = [], []
    for index, name in enumerate(PANELS):
        place = (index // 2 + 1, index % 2 + 1)
        table = bands(runs, ["depth"], name)
        depths, mean = table["depth"].to_numpy() + wording.offset, table["mean"].to_numpy() / UNITS[name]
        if name == "epoch_seconds":
            jitter = (runs["seed"].to_numpy() % 8 - 3.5) * 0.04
            traces.append(
                {
                    "type": "scatter",
                    "x": runs["depth"].to_numpy() + wording.offset + jitter,
                    "y": runs[name].to_numpy() / UNITS[name],
                    "mode": "markers",
                    "marker": {"size": 4, "color": style.muted, "opacity": 0.5},
                    "hoverinfo": "skip",
                }
            )
            places.append(place)
        traces.append(
            {
                "type": "scatter",
                "x": depths,
                "y": mean,
                "mode": "lines+markers",
                "line": {"color": style.depth_colour(1, 2), "width": 2.5},
                "hovertemplate": f"{wording.layers_axis}: %{{x}}<br>%{{y:.3g}} {texts(f'cost.unit_{name}')}"
                "<extra></extra>",
            }
        )
        places.append(place)
        figure.update_yaxes(title_text=texts(f"cost.unit_{name}"), rangemode="tozero", row=place[0], col=place[1])
    figure.add_traces(traces, rows=[row for row, _ in places], cols=[column for _, column in places])
    figure.update_xaxes(title_text=two_lines(wording.layers_axis), row=2)
    figure.update_xaxes(dtick=2 if runs["depth"].max() <= 12 else None)
    figure.update_annotations(font_size=13)
    figure.update_layout(height=600, showlegend=False, margin={"l": 8, "r": 8, "t": 44, "b": 8})
    return figure


@kept
def mistakes_against(
    table: pd.DataFrame,
    cost: str,
    marked: np.ndarray,
    names: Sequence[str],
    style: Style,
    texts: Texts,
) -> Sketch:
    """The share of test images that are wrong against a cost, one point for each setting, and the frontier through
    those that nothing beats. Both scales are logarithmic: accuracies of 90, 96 and 98 % differ in mistakes by factors.

    Args:
        table: activation, depth, the cost, mean, low, high (accuracies as shares), seeds.
        marked: which rows are on the frontier.
        names: each row in words, for the hover label.
    """
    unit = UNITS[cost]
    figure = style.figure(texts(f"cost.axis_{cost}"), texts("cost.axis_mistakes"), height=480)
    wrong, least, most = (1 - table[part].to_numpy(float) for part in ("mean", "high", "low"))
    wrong, least, most = (np.maximum(each, SMALLEST_SHARE) * 100 for each in (wrong, least, most))
    costs, said = table[cost].to_numpy(float) / unit, np.array(names)
    traces = []
    for activation, colour in ACTIVATION_COLOURS.items():
        chosen = (table["activation"] == activation).to_numpy()
        if not chosen.any():
            continue
        traces.append(
            {
                "type": "scatter",
                "x": costs[chosen],
                "y": wrong[chosen],
                "mode": "markers",
                "name": texts(f"activation.{activation}"),
                "marker": {"color": colour, "size": 9, "opacity": 0.85},
                "error_y": {
                    "type": "data",
                    "array": np.nan_to_num(most - wrong)[chosen],
                    "arrayminus": np.nan_to_num(wrong - least)[chosen],
                    "thickness": 1,
                    "width": 0,
                    "color": colour,
                },
                "text": said[chosen],
                "hovertemplate": "%{text}<br>" + f"{texts(f'cost.axis_{cost}')}: %{{x:.4g}}<br>"
                f"{texts('cost.axis_mistakes')}: %{{y:.2f}}<extra></extra>",
            }
        )
    along = np.flatnonzero(marked)[np.argsort(costs[marked], kind="stable")]
    traces.append(
        {
            "type": "scatter",
            "x": costs[along],
            "y": wrong[along],
            "mode": "lines+markers",
            "name": texts("cost.frontier"),
            "line": {"color": style.ink, "width": 1.5, "shape": "hv", "dash": "dot"},
            "marker": {"size": 16, "symbol": "circle-open", "line": {"width": 1.5}},
            "hoverinfo": "skip",
        }
    )
    figure.add_traces(traces)
    shares = np.concatenate([wrong, least, most])  # a single seed has no interval
    for axis, shown in (("x", costs), ("y", shares[np.isfinite(shares)])):
        low, high = shown.min() / 1.15, shown.max() * 1.15
        ticks = log_ticks(low, high)
        figure.update_layout(
            {
                f"{axis}axis": {
                    "type": "log",
                    "range": np.log10([low, high]),
                    "tickvals": ticks,
                    "ticktext": [tick_text(tick) for tick in ticks],
                }
            }
        )
    return figure


@kept
def series(rows: Sequence[tuple[str, float, float, float, str]], axis: str, wording: Wording, style: Style) -> Sketch:
    """The change of accuracy from the smallest network of each series to its largest, with its interval.

    Args:
        rows: name of the series, mean, low, high (shares), and its colour.
        axis: what the names are of.
    """
    names, mean, low, high, colours = (list(column) for column in zip(*rows, strict=True))
    scale = wording.scale
    values, lows, highs = (np.array(column, dtype=float) * scale for column in (mean, low, high))
    known = np.isfinite(lows)
    lines = sum(1 + name.count("<br>") for name in names)
    figure = style.figure(wording.unit, axis, height=110 + 10 * len(rows) + 17 * lines)
    figure.add_trace(
        {
            "type": "scatter",
            "x": values,
            "y": names,
            "mode": "markers",
            "marker": {"size": 11, "color": colours},
            "error_x": {
                "type": "data",
                "array": np.where(known, highs - values, 0),
                "arrayminus": np.where(known, values - lows, 0),
                "thickness": 2,
                "width": 5,
                "color": style.muted,
            },
            "hovertemplate": "%{y}: %{x:+.2f} " + wording.unit + "<extra></extra>",
            "showlegend": False,
        }
    )
    figure.add_vline(0, line={"color": style.muted, "width": 1})
    figure.update_yaxes(type="category", autorange="reversed", automargin=True, tickfont_size=11)
    return figure
