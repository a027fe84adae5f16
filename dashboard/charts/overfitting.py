"""The pictures of the overfitting chapter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import bands
from dashboard.charts.kept import kept
from dashboard.charts.scales import whole_step
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import SPLIT_COLOURS, SPLIT_DASHES, Style, add_band, with_opacity
from dashboard.texts import Texts
from dashboard.wording import Wording

SETTLED = 0.2  # the share of the epoch axis, at the start, that the value axis need not show: there it is steepest
LONG = 60  # epochs; of more, only some are stored


@kept
def over_epochs(
    curves: pd.DataFrame,
    splits: Sequence[str],
    best: int | None,
    wording: Wording,
    style: Style,
    texts: Texts,
    resampled: int | None = None,
) -> Sketch:
    """A metric over the epochs of one configuration, for each split: single seeds thin, the mean with its band.

    The value axis is fitted to the epochs after the steep start.

    Args:
        curves: seed, epoch, split, and the metric as stored.
        best: the epoch to mark.
        resampled: the epoch from which on training figures are over other images than before; the way there is dotted.
    """
    figure = style.figure(texts("page.axis_epoch"), wording.axis, height=430)
    metric, scale, digits = wording.metric, wording.scale, wording.digits
    shown = [split for split in splits if (curves["split"] == split).any()]
    for split in shown:
        x, y = _joined(curves[curves["split"] == split], metric, scale)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": with_opacity(SPLIT_COLOURS[split], 0.22), "width": 1},
            showlegend=False,
            legendgroup=split,
            hoverinfo="skip",
        )
    for split in shown:
        name, colour = texts(f"split.{split}"), SPLIT_COLOURS[split]
        table = bands(curves[curves["split"] == split], ["epoch"], metric)
        epochs = table["epoch"].to_numpy()
        mean, low, high = (table[part].to_numpy() * scale for part in ("mean", "low", "high"))
        known = np.isfinite(low)
        if known.sum() > 1:
            add_band(figure, epochs[known], low[known], high[known], colour, split)
        _add_line(
            figure,
            epochs,
            mean,
            resampled if split == "train" else None,
            name=name,
            legendgroup=split,
            line={"color": colour, "width": 2.5, "dash": SPLIT_DASHES[split]},
            hovertemplate=f"{name}, {texts('page.mean')}<br>{texts('page.axis_epoch')} %{{x}}: %{{y:.{digits}f}}"
            "<extra></extra>",
        )
    if best is not None:
        figure.add_vline(best, line={"color": style.muted, "dash": "dash", "width": 1.5})
        long = curves["epoch"].max() > LONG
        figure.add_annotation(
            text=texts("overfitting.curve.best", epoch=best),
            x=float(np.log10(max(best, 1))) if long else best,  # of an annotation, unlike a line, the logarithm
            y=0.98,
            yref="paper",
            xanchor="left" if best < _settled(curves) else "right",
            xshift=4 if best < _settled(curves) else -4,
            showarrow=False,
            font={"size": 12},
        )
    _integer_epochs(figure, curves)
    figure.update_yaxes(range=_settled_range(curves, shown, metric, scale))
    return figure


@kept
def gap_over_epochs(
    gaps: pd.DataFrame, chosen: int, wording: Wording, style: Style, texts: Texts, resampled: int | None = None
) -> Sketch:
    """The mean gap over the epochs, one line for each depth; the chosen depth is thick and has its band.

    Args:
        gaps: depth, seed, epoch, gap (as stored).
        resampled: as in `over_epochs`.
    """
    figure = style.figure(texts("page.axis_epoch"), texts(f"overfitting.axis_gap_{wording.metric}"), height=430)
    table = bands(gaps, ["depth", "epoch"], "gap")
    depths = sorted(int(depth) for depth in table["depth"].unique())
    figure.add_hline(0, line={"color": style.muted, "width": 1})
    for depth in sorted(depths, key=lambda depth: depth == chosen):
        rows = table[table["depth"] == depth]
        name, colour = wording.layers(depth), style.depth_colour(depth, depths[-1])
        epochs = rows["epoch"].to_numpy()
        mean, low, high = (rows[part].to_numpy() * wording.scale for part in ("mean", "low", "high"))
        if depth == chosen and np.isfinite(low).sum() > 1:
            known = np.isfinite(low)
            add_band(figure, epochs[known], low[known], high[known], colour, name)
        _add_line(
            figure,
            epochs,
            mean,
            resampled,
            name=name,
            legendgroup=name,
            legendrank=depth + 1,
            line={"color": colour, "width": 4 if depth == chosen else 1.5},
            hovertemplate=f"{wording.depths(depth)}<br>{texts('page.axis_epoch')} %{{x}}: "
            f"%{{y:+.{wording.digits}f}} {wording.unit}<extra></extra>",
        )
    figure.update_layout(legend_title_text=wording.layers_axis)
    _integer_epochs(figure, gaps)
    late = table[table["epoch"] >= _settled(table)]["mean"].to_numpy() * wording.scale
    figure.update_yaxes(range=_padded(min(late.min(), 0.0), max(late.max(), 0.0)))
    return figure


@kept
def gap_by_depth(gaps: pd.DataFrame, chosen: int, wording: Wording, style: Style, texts: Texts) -> Sketch:
    """The gap by depth at one epoch: every run a dot, the mean over the seeds with its interval.

    Args:
        gaps: depth, seed, gap (as stored).
    """
    figure = style.figure(wording.layers_axis, texts(f"overfitting.axis_gap_{wording.metric}"), height=380)
    figure.add_hline(0, line={"color": style.muted, "width": 1})
    depths = gaps["depth"].to_numpy() + wording.offset
    figure.add_scatter(
        x=depths + 0.16 + (gaps["seed"].to_numpy() % 8) * 0.02,
        y=gaps["gap"].to_numpy() * wording.scale,
        mode="markers",
        name=texts("overfitting.gap_depth.run"),
        marker={"size": 5, "color": style.muted, "opacity": 0.5},
        customdata=np.column_stack([depths, gaps["seed"].to_numpy()]),
        hovertemplate=f"{wording.layers_axis}: %{{customdata[0]}}<br>{texts('page.seed')} %{{customdata[1]}}<br>"
        f"%{{y:+.{wording.digits}f}} {wording.unit}<extra></extra>",
    )
    table = bands(gaps, ["depth"], "gap")
    deepest = int(table["depth"].max())
    mean, low, high = (table[part].to_numpy() * wording.scale for part in ("mean", "low", "high"))
    colours = [style.depth_colour(int(depth), deepest) for depth in table["depth"]]
    figure.add_scatter(
        x=table["depth"].to_numpy() + wording.offset,
        y=mean,
        error_y={
            "type": "data",
            "array": np.nan_to_num(high - mean),
            "arrayminus": np.nan_to_num(mean - low),
            "thickness": 2,
            "width": 6,
            "color": style.muted,
        },
        mode="markers",
        name=texts("wording.mean_interval", confidence=wording.confidence),
        marker={
            "size": np.where(table["depth"] == chosen, 15, 10),
            "color": colours,
            "line": {"width": 1, "color": style.muted},
        },
        customdata=np.column_stack([low, high]),
        hovertemplate=f"{wording.layers_axis}: %{{x}}<br>{texts('page.mean')} %{{y:+.{wording.digits}f}} {wording.unit}"
        f"<br>%{{customdata[0]:+.{wording.digits}f}} … %{{customdata[1]:+.{wording.digits}f}}<extra></extra>",
    )
    figure.update_xaxes(dtick=whole_step(int(np.ptp(depths)), most=12), range=[depths.min() - 0.5, depths.max() + 0.5])
    return figure


def _add_line(
    figure: Sketch, epochs: np.ndarray, values: np.ndarray, resampled: int | None, line: dict[str, Any], **look: Any
) -> None:
    """A line over epochs; what is measured on other images than before stands as a dot, with a dotted way there."""
    before = epochs < (np.inf if resampled is None else resampled)
    if before.all() or not before.any():
        figure.add_scatter(x=epochs, y=values, mode="lines", line=line, **look)
        return
    way = np.flatnonzero(~before)
    way = np.concatenate([way[:1] - 1, way])
    figure.add_scatter(x=epochs[before], y=values[before], mode="lines", line=line, **look)
    figure.add_scatter(
        x=epochs[way],
        y=values[way],
        mode="lines+markers",
        line=line | {"dash": "dot"},
        marker={"size": np.where(way == way[0], 0, 6)},
        **look | {"showlegend": False},
    )


def _joined(rows: pd.DataFrame, metric: str, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """All seeds as one line with breaks between them."""
    x: list[np.ndarray] = []
    y: list[np.ndarray] = []
    for _, run in rows.groupby("seed", sort=True):
        ordered = run.sort_values("epoch")
        x += [ordered["epoch"].to_numpy(dtype=float), np.array([np.nan])]
        y += [ordered[metric].to_numpy() * scale, np.array([np.nan])]
    return np.concatenate(x), np.concatenate(y)


def _settled_range(curves: pd.DataFrame, splits: Sequence[str], metric: str, scale: float) -> list[float]:
    late = curves[curves["split"].isin(splits) & (curves["epoch"] >= _settled(curves))]
    return _padded(late[metric].min() * scale, late[metric].max() * scale)


def _padded(low: float, high: float) -> list[float]:
    margin = 0.05 * (high - low) or 0.5
    return [low - margin, high + margin]


def _integer_epochs(figure: Sketch, frame: pd.DataFrame) -> None:
    """Long trainings are measured at epochs that are spread logarithmically, and are drawn so; without epoch 0."""
    last = int(frame["epoch"].max())
    if last > LONG:
        figure.update_xaxes(type="log", range=[-0.02, float(np.log10(last)) + 0.02], dtick=1)
    else:
        figure.update_xaxes(range=[0, max(last, 1) + 0.3], dtick=max(1, round(last / 10)))


def _settled(frame: pd.DataFrame) -> float:
    """The epoch up to which the value axis need not show everything."""
    last = float(frame["epoch"].max())
    return float(last**SETTLED) if last > LONG else SETTLED * last
