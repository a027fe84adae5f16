"""The pictures of the depth chapter."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.analysis.differences import Difference, Verdict, negligible
from dashboard.analysis.estimates import bands
from dashboard.charts.kept import kept
from dashboard.charts.scales import whole_step
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import ACTIVATION_COLOURS, SPLIT_COLOURS, SPLIT_DASHES, Style, add_band, with_opacity
from dashboard.texts import Texts
from dashboard.wording import Wording

JITTER = 0.11  # of a layer, between the dots of neighbouring splits
VERDICT_LOOKS: dict[Verdict, tuple[str, str]] = {
    "rise": ("triangle-up", "#0072b2"),
    "fall": ("triangle-down", "#d55e00"),
    "flat": ("circle", "#009e73"),
    "cannot_tell": ("circle-open", ""),
}


@kept
def by_depth(
    runs: pd.DataFrame,
    splits: Sequence[str],
    wording: Wording,
    style: Style,
    texts: Texts,
    limits: tuple[float, float] | None = None,
) -> Sketch:
    """A metric by depth, for each split: every run a dot, the mean over the seeds a line with its band.

    Args:
        runs: depth, seed, split, and the metric as stored.
        limits: what the value axis shows at least, as stored; fitted to `runs` without.
    """
    figure = style.figure(wording.layers_axis, wording.axis, height=460)
    metric, scale, digits = wording.metric, wording.scale, wording.digits
    unit = "" if metric == "loss" else " %"
    for place, split in enumerate(splits):
        rows = runs[runs["split"] == split]
        if rows.empty:
            continue
        name, colour = texts(f"split.{split}"), SPLIT_COLOURS[split]
        depths = rows["depth"].to_numpy() + wording.offset
        within = (rows["seed"].to_numpy() % 8 - 3.5) / 8 * JITTER
        figure.add_scatter(
            x=depths + (place - (len(splits) - 1) / 2) * JITTER + within,
            y=rows[metric].to_numpy() * scale,
            mode="markers",
            marker={"size": 5, "color": colour, "opacity": 0.4},
            showlegend=False,
            legendgroup=name,
            customdata=np.column_stack([depths, rows["seed"].to_numpy()]),
            hovertemplate=f"{name}, {texts('page.seed')} %{{customdata[1]}}<br>"
            f"{wording.layers_axis}: %{{customdata[0]}}<br>%{{y:.{digits}f}}{unit}<extra></extra>",
        )
        table = bands(rows, ["depth"], metric)
        _mean_line(figure, table, name, colour, SPLIT_DASHES[split], wording, texts)
    _integer_depths(figure, runs["depth"].to_numpy() + wording.offset)
    if limits is not None:
        margin = 0.03 * (limits[1] - limits[0])
        figure.update_yaxes(range=[(limits[0] - margin) * scale, (limits[1] + margin) * scale])
    return figure


@kept
def by_activation(runs: pd.DataFrame, wording: Wording, style: Style, texts: Texts) -> Sketch:
    """The mean of a metric by depth with its band, one line for each activation.

    Args:
        runs: activation, depth, seed, and the metric as stored, of one split.
    """
    figure = style.figure(wording.layers_axis, wording.axis, height=400)
    for activation in [name for name in ACTIVATION_COLOURS if (runs["activation"] == name).any()]:
        table = bands(runs[runs["activation"] == activation], ["depth"], wording.metric)
        name = texts(f"activation.{activation}")
        _mean_line(figure, table, name, ACTIVATION_COLOURS[activation], "solid", wording, texts)
    _integer_depths(figure, runs["depth"].to_numpy() + wording.offset)
    return figure


@kept
def differences(found: Sequence[Difference], wording: Wording, style: Style, texts: Texts) -> Sketch:
    """Paired differences between depths with their intervals, and the range within which a difference is negligible."""
    figure = style.figure("", wording.unit, height=330)
    small = negligible(wording.metric) * wording.scale
    figure.add_hrect(-small, small, fillcolor=with_opacity(style.muted, 0.16), line_width=0, layer="below")
    figure.add_hline(0, line={"color": style.muted, "width": 1})
    known = [difference for difference in found if difference.estimate.certain]
    labels = [_step(difference, wording) for difference in known]
    for verdict, (symbol, colour) in VERDICT_LOOKS.items():
        chosen = [index for index, difference in enumerate(known) if difference.verdict == verdict]
        if not chosen:
            continue
        mean, low, high = (
            np.array([getattr(known[index].estimate, part) for index in chosen]) * wording.scale
            for part in ("mean", "low", "high")
        )
        word = texts(f"verdict.{verdict}")
        figure.add_scatter(
            x=[labels[index] for index in chosen],
            y=mean,
            error_y={"type": "data", "array": high - mean, "arrayminus": mean - low, "thickness": 2, "width": 5},
            mode="markers",
            name=word,
            marker={"symbol": symbol, "size": 10, "color": colour or style.muted},
            customdata=np.column_stack([low, high]),
            hovertemplate=f"%{{x}}: {word}<br>%{{y:+.{wording.digits}f}} {wording.unit}<br>"
            f"%{{customdata[0]:+.{wording.digits}f}} … %{{customdata[1]:+.{wording.digits}f}}<extra></extra>",
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels, title_text=wording.layers_axis)
    return figure


def _step(difference: Difference, wording: Wording) -> str:
    return f"{wording.layers(difference.before)} → {wording.layers(difference.after)}"


def _mean_line(
    figure: Sketch, table: pd.DataFrame, name: str, colour: str, dash: str, wording: Wording, texts: Texts
) -> None:
    depths = table["depth"].to_numpy() + wording.offset
    mean, low, high = (table[part].to_numpy() * wording.scale for part in ("mean", "low", "high"))
    known = np.isfinite(low)
    if known.sum() > 1:
        add_band(figure, depths[known], low[known], high[known], colour, name)
    figure.add_scatter(
        x=depths,
        y=mean,
        mode="lines+markers",
        name=name,
        legendgroup=name,
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"size": 7},
        customdata=np.column_stack([low, high, table["seeds"].to_numpy()]),
        hovertemplate=f"{name}, {texts('page.mean')} %{{y:.{wording.digits}f}}<br>{wording.layers_axis}: %{{x}}<br>"
        + texts("wording.band", confidence=wording.confidence)
        + f": %{{customdata[0]:.{wording.digits}f}} … %{{customdata[1]:.{wording.digits}f}}<br>"
        + texts("wording.seeds")
        + ": %{customdata[2]:.0f}<extra></extra>",
    )


def _integer_depths(figure: Sketch, depths: np.ndarray) -> None:
    figure.update_xaxes(dtick=whole_step(int(np.ptp(depths)), most=12), range=[depths.min() - 0.5, depths.max() + 0.5])
