"""The pictures of single runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dashboard.charts.kept import kept
from dashboard.charts.scales import number
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import SEQUENTIAL, SPLIT_COLOURS, SPLIT_DASHES, Style
from dashboard.texts import Texts
from dashboard.wording import Wording

# Okabe & Ito's colours without black, and a grey: eight runs can be told apart, each with a symbol of its own as well.
RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b8a800")
RUN_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
MISTAKE = "#b5480a"
SHARES = ("saturated_fraction", "dead_fraction")  # the statistics that are shown on a linear scale, from 0 to 1
PANELS_A_ROW = 2
STEEP = 0.1  # the share of the epochs, at the start, that the value axis need not show


@kept
def curves(rows: pd.DataFrame, splits: Sequence[str], wording: Wording, style: Style, texts: Texts) -> Sketch:
    """A metric over the epochs of one run, one line for each split.

    Args:
        rows: epoch, split, and the metric as stored.
    """
    figure = style.figure(texts("page.axis_epoch"), wording.axis, height=360)
    traces = []
    for split in splits:
        own = rows[rows["split"] == split]
        if own.empty:
            continue
        name = texts(f"split.{split}")
        traces.append(
            _line(own, name, wording, texts, {"color": SPLIT_COLOURS[split], "dash": SPLIT_DASHES[split], "width": 2.5})
        )
    figure.add_traces(traces)
    _leave_out_the_start(figure, rows, wording)
    return figure


def _leave_out_the_start(figure: Sketch, rows: pd.DataFrame, wording: Wording) -> None:
    """Fits the value axis to what follows the steep first epochs."""
    late = rows[(rows["epoch"] >= STEEP * rows["epoch"].max()) & (rows["split"] != "train_running")]
    values = late[wording.metric].to_numpy() * wording.scale
    if len(values):
        margin = 0.06 * (values.max() - values.min()) or 0.5
        figure.update_yaxes(range=[values.min() - margin, values.max() + margin])


@kept
def compared(
    rows: pd.DataFrame, labels: Mapping[str, str], split: str, wording: Wording, style: Style, texts: Texts
) -> Sketch:
    """A metric over the epochs of several runs, one line for each.

    Args:
        rows: run_id, epoch, split, and the metric as stored.
        labels: by run_id, in the order of the legend.
    """
    figure = style.figure(texts("page.axis_epoch"), wording.axis, height=430)
    traces = []
    for (run_id, name), colour, symbol in zip(labels.items(), RUN_COLOURS, RUN_SYMBOLS, strict=False):
        own = rows[(rows["run_id"] == run_id) & (rows["split"] == split)]
        line = _line(own, name, wording, texts, {"color": colour, "width": 2})
        traces.append(line | {"mode": "lines+markers", "marker": {"symbol": symbol, "size": 7}})
    figure.add_traces(traces)
    _leave_out_the_start(figure, rows[rows["split"] == split], wording)
    figure.update_layout(legend={"orientation": "v", "y": -0.2, "yanchor": "top"}, height=430 + 22 * len(labels))
    return figure


def _line(rows: pd.DataFrame, name: str, wording: Wording, texts: Texts, line: dict[str, object]) -> dict[str, object]:
    # A figure over other images than those before it stands apart: the step to it is not learning.
    other = rows["examples"].to_numpy() != rows["examples"].iloc[0] if len(rows) else np.zeros(0, dtype=bool)
    gap = np.flatnonzero(other)[:1]
    return {
        "type": "scatter",
        "x": np.insert(rows["epoch"].to_numpy(float), gap, np.nan),
        "y": np.insert(rows[wording.metric].to_numpy(float) * wording.scale, gap, np.nan),
        "mode": "lines+markers",
        "marker": {"size": 4},
        "name": name,
        "line": line,
        "hovertemplate": f"{name}<br>{texts('page.axis_epoch')} %{{x}}: %{{y:.{wording.digits}f}}<extra></extra>",
    }


@kept
def layer_maps(
    rows: pd.DataFrame, labels: Mapping[str, str], statistic: str, title: str, style: Style, texts: Texts
) -> Sketch:
    """A statistic of every layer over the epochs, one panel for each run, all on one colour scale.

    Args:
        rows: run_id, epoch, layer, value.
        labels: by run_id, the title of the panel, where there are several.
        title: of the colour bar.
    """
    logarithmic = statistic not in SHARES
    columns = min(PANELS_A_ROW, len(labels))
    panel_rows = -(-len(labels) // columns)
    tallest = int(rows["layer"].max())
    panel_height = min(440, 120 + 26 * tallest)
    height = (panel_height + 60) * panel_rows + 90
    figure = panels(
        panel_rows,
        columns,
        subplot_titles=list(labels.values()) if len(labels) > 1 else None,
        horizontal_spacing=0.09,
        vertical_spacing=90 / height if panel_rows > 1 else 0.0,
    )
    figure.update_annotations(font_size=12)
    epochs = np.unique(rows["epoch"].to_numpy())
    for place, run_id in enumerate(labels):
        own = rows[rows["run_id"] == run_id].pivot(index="layer", columns="epoch", values="value")
        values = own.reindex(columns=epochs).to_numpy(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            shown = np.where(values > 0, np.log10(values), np.nan) if logarithmic else values
        hover = np.array([[number(each) for each in line] for line in values], dtype=object)
        row, column = place // columns + 1, place % columns + 1
        figure.add_trace(
            {
                "type": "heatmap",
                "x": [str(epoch) for epoch in epochs],  # as categories: long runs are measured at few, uneven epochs
                "y": own.index.to_numpy(),
                "z": shown,
                "text": hover,
                "hovertemplate": f"{texts('page.axis_epoch')} %{{x}}, {texts('runs.layer')} %{{y}}: %{{text}}"
                "<extra></extra>",
                "hoverongaps": False,
                "xgap": 1,
                "ygap": 1,
                "coloraxis": "coloraxis",
            },
            row=row,
            col=column,
        )
        figure.update_yaxes(title_text=texts("page.axis_layer") if column == 1 else None, row=row, col=column)
        last_of_column = place + columns >= len(labels)
        figure.update_xaxes(title_text=texts("page.axis_epoch") if last_of_column else None, row=row, col=column)
    figure.update_xaxes(type="category", showgrid=False, zeroline=False, automargin=True, nticks=11)
    figure.update_yaxes(
        range=[0.5, tallest + 0.5],
        dtick=1 if tallest < 15 else 5,
        tick0=0,
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 50, "b": 8},
        coloraxis={
            "colorscale": SEQUENTIAL,
            "colorbar": {
                "title": {"text": title, "side": "right"},
                "thickness": 12,
                "lenmode": "pixels",
                "len": max(220, panel_height),
                "y": 1,
                "yanchor": "top",
            },
        },
    )
    if logarithmic:
        finite = np.log10(rows["value"].to_numpy(float)[rows["value"].to_numpy(float) > 0])
        low, high = (np.floor(finite.min()), np.ceil(finite.max())) if len(finite) else (0.0, 1.0)
        ticks = np.arange(low, high + 1, max(1, round((high - low) / 8)))
        figure.update_layout(
            coloraxis_colorbar={"tickvals": ticks, "ticktext": [number(10.0**tick) for tick in ticks]},
        )
    else:
        figure.update_layout(coloraxis={"cmin": 0, "cmax": 1})
    return figure


@kept
def confusion(rows: pd.DataFrame, classes: Sequence[str], style: Style, texts: Texts) -> Sketch:
    """How many test images of each class were taken for each other; only the mistakes are coloured.

    Args:
        rows: actual, predicted, count.
        classes: the names of the ten classes.
    """
    table = np.zeros((10, 10), dtype=int)
    table[rows["actual"].to_numpy(int), rows["predicted"].to_numpy(int)] = rows["count"].to_numpy(int)
    mistakes = table.astype(float)
    np.fill_diagonal(mistakes, np.nan)
    figure = style.figure(texts("runs.confusion.predicted"), texts("runs.confusion.actual"), height=470)
    # The right ones in grey, so that they do not drown the mistakes.
    figure.add_traces(
        [
            {
                "type": "heatmap",
                "x": classes,
                "y": classes,
                "z": np.where(np.eye(10, dtype=bool), 1.0, np.nan),
                "colorscale": [[0, style.faint], [1, style.faint]],
                "showscale": False,
                "hoverinfo": "skip",
                "xgap": 1,
                "ygap": 1,
            },
            {
                "type": "heatmap",
                "x": classes,
                "y": classes,
                "z": mistakes,
                "zmin": 0,
                "colorscale": [[0, style.paper], [1, MISTAKE]],
                "colorbar": {"title": {"text": texts("runs.confusion.bar"), "side": "right"}, "thickness": 12},
                "hoverongaps": False,
                "hovertemplate": texts("runs.confusion.hover") + "<extra></extra>",
                "xgap": 1,
                "ygap": 1,
            },
        ]
    )
    strongest = np.nanmax(mistakes) if np.isfinite(mistakes).any() else 1.0
    figure.add_trace(
        {
            "type": "scatter",
            "x": np.tile(np.array(classes), 10),
            "y": np.repeat(np.array(classes), 10),
            "mode": "text",
            "text": [str(count) if count else "" for count in table.ravel()],
            "textfont": {
                "size": 11,
                "color": [
                    "#ffffff" if row != column and table[row, column] > 0.55 * strongest else style.ink
                    for row in range(10)
                    for column in range(10)
                ],
            },
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    figure.update_xaxes(type="category", showgrid=False, side="bottom")
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure
