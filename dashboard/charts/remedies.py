"""The pictures of the remedies chapter."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import bands
from dashboard.charts.depth import VERDICT_LOOKS
from dashboard.charts.kept import kept
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import Style, add_band, two_lines
from dashboard.diagnosis.counterfactuals import Counterfactual
from dashboard.texts import Texts
from dashboard.wording import Wording

OLD, NEW = "#6b7a82", "#0072b2"


@kept
def ranking(
    found: Sequence[Counterfactual], names: Sequence[str], wording: Wording, axis: str, style: Style, texts: Texts
) -> Sketch:
    """Every single change with its effect and interval, the greatest help on top; symbols tell the verdicts."""
    figure = style.figure(two_lines(axis), texts("remedies.change"), height=150 + 34 * len(found))
    traces = []
    for verdict, (symbol, colour) in VERDICT_LOOKS.items():
        chosen = [index for index, each in enumerate(found) if each.verdict == verdict]
        if not chosen:
            continue
        effects = [found[index].effect for index in chosen]
        mean = np.array([effect.mean for effect in effects]) * wording.scale
        low, high = (
            np.array([getattr(effect, part) if effect.certain else effect.mean for effect in effects]) * wording.scale
            for part in ("low", "high")
        )
        traces.append(
            {
                "type": "scatter",
                "x": mean,
                "y": [names[index] for index in chosen],
                "mode": "markers",
                "name": texts(f"remedies.verdict.{verdict}"),
                "marker": {"symbol": symbol, "size": 11, "color": colour or style.muted},
                "error_x": {
                    "type": "data",
                    "array": high - mean,
                    "arrayminus": mean - low,
                    "thickness": 2,
                    "width": 5,
                    "color": style.muted,
                },
                "customdata": np.column_stack([low, high]),
                "hovertemplate": "%{y}<br>%{x:+.2f} (%{customdata[0]:+.2f} … %{customdata[1]:+.2f})<extra></extra>",
            }
        )
    figure.add_traces(traces)
    figure.add_vline(0, line={"color": style.muted, "width": 1})
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=list(names)[::-1], automargin=True, tickfont_size=11
    )
    figure.update_xaxes(title_font_size=11)  # the names leave it little room on a phone
    return figure


@kept
def pairs(rows: pd.DataFrame, old: str, new: str, wording: Wording, axis: str, style: Style, texts: Texts) -> Sketch:
    """Each seed without and with the change, joined by a line.

    Args:
        rows: seed, before, after, as stored.
        old, new: what the two sides are called.
    """
    figure = style.figure(texts("remedies.network_axis"), axis, height=360)
    before, after = (rows[side].to_numpy(float) * wording.scale for side in ("before", "after"))
    nothing = np.full(len(rows), np.nan)
    sides = np.tile([0.0, 1.0, np.nan], len(rows))
    figure.add_traces(
        [
            {
                "type": "scatter",
                "x": sides,
                "y": np.column_stack([before, after, nothing]).ravel(),
                "mode": "lines+markers",
                "line": {"color": style.muted, "width": 1},
                "marker": {"size": 7, "color": np.tile([OLD, NEW, NEW], len(rows))},
                "text": np.repeat([f"{texts('page.seed')} {seed}" for seed in rows["seed"]], 3),
                "hovertemplate": "%{text}: %{y:.2f}<extra></extra>",
                "name": texts("remedies.each_seed"),
            },
            {
                "type": "scatter",
                "x": [0, 1],
                "y": [before.mean(), after.mean()],
                "mode": "lines+markers",
                "line": {"color": NEW, "width": 4},
                "marker": {"size": 12},
                "hovertemplate": texts("page.mean") + ": %{y:.2f}<extra></extra>",
                "name": texts("page.mean"),
            },
        ]
    )
    figure.update_xaxes(tickvals=[0, 1], ticktext=[old, new], range=[-0.4, 1.4])
    return figure


@kept
def by_depth(
    old: pd.DataFrame, new: pd.DataFrame, names: tuple[str, str], depth: int, wording: Wording, style: Style
) -> Sketch:
    """Test accuracy by depth without and with the change: the mean over seeds with its band; the chosen depth marked.

    Args:
        old, new: depth, seed, accuracy.
    """
    figure = style.figure(wording.layers_axis, wording.axis, height=360)
    figure.add_vline(depth + wording.offset, line={"color": style.muted, "dash": "dot", "width": 1})
    for runs, name, colour in zip((old, new), names, (OLD, NEW), strict=True):
        table = bands(runs, ["depth"], "accuracy")
        depths = table["depth"].to_numpy() + wording.offset
        mean, low, high = (table[part].to_numpy() * wording.scale for part in ("mean", "low", "high"))
        # Of a few seeds that differ much, the interval would reach beyond what an accuracy can be.
        low, high = (np.clip(end, 0, wording.scale) for end in (low, high))
        known = np.isfinite(low)
        if known.sum() > 1:
            add_band(figure, depths[known], low[known], high[known], colour, name)
        figure.add_trace(
            {
                "type": "scatter",
                "x": depths,
                "y": mean,
                "mode": "lines+markers",
                "name": name,
                "legendgroup": name,
                "line": {"color": colour, "width": 2.5},
                "hovertemplate": f"{name}<br>{wording.layers_axis}: %{{x}}<br>%{{y:.2f}} %<extra></extra>",
            }
        )
    return figure
