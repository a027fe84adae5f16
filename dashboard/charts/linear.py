"""Pictures of the one matrix that a network without activation functions is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.analysis.linear import DIGITS, Dispute
from dashboard.charts.kept import kept
from dashboard.charts.mosaic import Mosaic, keep_square
from dashboard.charts.sketch import Sketch, panels
from dashboard.charts.style import ACTIVATION_COLOURS, MARK, SEQUENTIAL, Style, add_band
from dashboard.texts import Texts

FOR, AGAINST = "#d55e00", "#0072b2"  # Okabe & Ito
IDLE = "#e69f00"
SIDE_COLOURS = {"first_right": "#0072b2", "second_right": "#009e73", "both_wrong": "#999999"}
CLIPPED_SHARE = 0.005  # of the weights: a few extreme ones would make all others pale
MAPS_IN_A_ROW = 5
IMAGES_IN_A_ROW = 6
LABEL_HEIGHT = 11  # pixels of the images


@kept
def collapse(checked: pd.DataFrame, offset: int, style: Style, texts: Texts) -> Sketch:
    """Each network a dot: its accuracy through all of its layers, against that of its one matrix.

    Args:
        checked: depth, seed, stack, matrix, moved.
        offset: what is added to a depth to count it as the reader does.
    """
    figure = style.figure(texts("linear.collapse.x"), texts("linear.collapse.y"), height=430)
    low, high = checked[["stack", "matrix"]].min().min() * 100, checked[["stack", "matrix"]].max().max() * 100
    ends = np.array([low - 0.1, high + 0.1])
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": style.muted, "dash": "dot", "width": 1},
        name=texts("linear.collapse.same"),
        hoverinfo="skip",
    )
    deepest = int(checked["depth"].max())
    for depth, rows in checked.groupby("depth"):
        figure.add_scatter(
            x=rows["stack"].to_numpy() * 100,
            y=rows["matrix"].to_numpy() * 100,
            mode="markers",
            name=str(int(str(depth)) + offset),
            marker={
                "size": 9,
                "color": style.depth_colour(int(str(depth)), deepest),
                "line": {"color": style.paper, "width": 0.5},
            },
            customdata=rows[["seed", "moved"]].to_numpy(),
            hovertemplate=texts(
                "linear.collapse.hover",
                layers=int(str(depth)) + offset,
                seed="%{customdata[0]}",
                stack="%{x:.2f}",
                matrix="%{y:.2f}",
                moved="%{customdata[1]}",
            )
            + "<extra></extra>",
        )
    figure.update_layout(legend_title_text=texts("linear.collapse.legend"))
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return figure


@kept
def maps(
    rows: Mapping[str, NDArray[np.float64]], lit: NDArray[np.bool_], side: int, style: Style, texts: Texts
) -> Sketch:
    """What each map looks for: for each digit a picture of its weights, one map above the other.

    Args:
        rows: by the map's name, (pixels, 10) weights, less what they add to all digits alike.
        lit: (pixels,) whether the pixel is ever brighter than black; the others are left blank.
        side: pixels of a picture, along its edge.
    """
    scaled = [_scaled(matrix, lit).T.reshape(DIGITS, side, side) for matrix in rows.values()]
    blocks = [each[start : start + MAPS_IN_A_ROW] for start in range(0, DIGITS, MAPS_IN_A_ROW) for each in scaled]
    layout = Mosaic(len(blocks) * MAPS_IN_A_ROW, side, MAPS_IN_A_ROW)
    figure = style.figure(texts("linear.maps.x"), texts("linear.maps.y"), height=500)
    figure.add_heatmap(
        z=layout.sheet(np.concatenate(blocks).astype(np.float32)),
        colorscale=[(0, AGAINST), (0.5, style.paper), (1, FOR)],
        zmin=-1,
        zmax=1,
        hovertemplate=texts("linear.maps.hover", weight="%{z:.2f}") + "<extra></extra>",
        hoverongaps=False,
        colorbar={
            "orientation": "h",
            "y": 1.0,
            "yanchor": "bottom",
            "len": 0.7,
            "thickness": 10,
            "outlinewidth": 0,
            "tickvals": [-0.95, 0, 0.95],
            "ticktext": [texts("linear.maps.against"), texts("linear.maps.neither"), texts("linear.maps.for")],
        },
    )
    corners = np.array([layout.corner(index) for index in range(layout.count)])
    digits = [
        index // MAPS_IN_A_ROW // len(rows) * MAPS_IN_A_ROW + index % MAPS_IN_A_ROW for index in range(layout.count)
    ]
    _add_words(figure, corners, [f"<b>{digit}</b>" for digit in digits], "bottom right", 13, style)
    figure.update_yaxes(
        tickvals=[layout.middle(row) for row in range(layout.rows)],
        ticktext=[*rows] * (DIGITS // MAPS_IN_A_ROW),
        tickangle=-90,
    )
    figure.update_xaxes(showticklabels=False)
    keep_square(figure)
    return figure


def _add_words(
    figure: Sketch, places: NDArray[np.float64], words: list[str], position: str, size: int, style: Style
) -> None:
    """Writes many words at places (x, y) as one trace: as annotations they would take most of the page's time."""
    figure.add_scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="text",
        text=words,
        textposition=position,
        textfont={"size": size, "color": style.ink},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )


def _scaled(matrix: NDArray[np.float64], lit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A map in units of its largest weights, so that maps of different size can be compared by their form."""
    largest = np.quantile(np.abs(matrix[lit]), 1 - CLIPPED_SHARE) or 1.0
    return np.where(lit[:, None], np.clip(matrix / largest, -1, 1), np.nan)


@kept
def sizes_by_depth(
    values: pd.DataFrame, offset: int, layers_axis: str, limit: float, style: Style, texts: Texts
) -> Sketch:
    """The singular values of the one matrix by depth, at one epoch: one line per rank.

    Args:
        values: depth, rank, mean, sd.
        limit: the value axis goes up to this, so that it stands still while epochs are played.
    """
    figure = style.figure(layers_axis, texts("linear.sizes.y"), height=400)
    figure.add_traces(
        [_rank_line(rows["depth"].to_numpy() + offset, rows, rank, True, texts) for rank, rows in _by_rank(values)]
    )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(range=[0, limit])
    return figure


@kept
def sizes_by_epoch(values: pd.DataFrame, names: Mapping[int, str], limit: float, style: Style, texts: Texts) -> Sketch:
    """The singular values over the epochs: one panel per depth, one line per rank.

    Args:
        values: depth, epoch, rank, mean, sd.
        names: the depths to show, with the title of the panel.
    """
    figure = panels(1, len(names), shared_yaxes=True, subplot_titles=list(names.values()), horizontal_spacing=0.04)
    lines = [
        (_rank_line(rows["epoch"].to_numpy(), rows, rank, column == 1, texts), column)
        for column, depth in enumerate(names, start=1)
        for rank, rows in _by_rank(values[values["depth"] == depth])
    ]
    figure.add_traces([line for line, _ in lines], rows=[1] * len(lines), cols=[column for _, column in lines])
    style.dress(figure, height=420)
    figure.update_layout(legend_y=1.1)  # above the panels' titles
    figure.update_xaxes(title_text=texts("page.axis_epoch"), dtick=5)
    figure.update_yaxes(range=[0, limit])
    figure.update_yaxes(title_text=texts("linear.sizes.y"), col=1)
    return figure


def _by_rank(values: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    return [(int(str(rank)), rows) for rank, rows in values.groupby("rank")]


def _rank_line(x: NDArray[np.int64], rows: pd.DataFrame, rank: int, named: bool, texts: Texts) -> dict[str, Any]:
    idle = rank == DIGITS
    colour = IDLE if idle else ACTIVATION_COLOURS["linear"]
    name = texts("linear.sizes.idle" if idle else "linear.sizes.rank")
    said = texts("linear.sizes.hover", rank=rank, at="%{x}", mean="%{y:.2f}", spread="%{customdata:.2f}")
    return {
        "type": "scatter",
        "x": x,
        "y": rows["mean"].to_numpy(),
        "mode": "lines+markers",
        "marker": {"size": 4},
        "line": {"color": colour, "width": 2.5 if idle else 1.5, "dash": "dash" if idle else "solid"},
        "name": name,
        "legendgroup": name,
        "showlegend": named and rank in (1, DIGITS),
        "customdata": rows["sd"].to_numpy(),
        "hovertemplate": said + "<extra></extra>",
    }


@kept
def disagreement(
    table: pd.DataFrame,
    offset: int,
    layers_axis: str,
    marked: tuple[int, int],
    style: Style,
    texts: Texts,
) -> Sketch:
    """Depth against depth: the share of test images in which they see different digits.

    Args:
        table: before, after, share, low, high, pairs.
        marked: the two depths to frame.
    """
    depths = sorted(table["before"].unique())
    places = pd.MultiIndex.from_product([depths, depths], names=["before", "after"])
    cells = table.set_index(["before", "after"]).reindex(places).reset_index()
    shape = (len(depths), len(depths))
    labels = [str(int(depth) + offset) for depth in depths]
    percent = cells["share"].to_numpy(float) * 100
    hover = [
        texts(
            "linear.disagreement.hover_same" if before == after else "linear.disagreement.hover",
            before=int(before) + offset,
            after=int(after) + offset,
            share=f"{share * 100:.2f}",
            pairs=pairs,
        )
        if np.isfinite(share)
        else ""
        for before, after, share, pairs in cells[["before", "after", "share", "pairs"]].itertuples(index=False)
    ]
    figure = style.figure(layers_axis, layers_axis, height=500)
    figure.add_heatmap(
        x=labels,
        y=labels,
        z=percent.reshape(shape),
        text=np.array(hover, dtype=object).reshape(shape),
        texttemplate="%{z:.1f}",
        textfont={"size": 11},
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        colorscale=SEQUENTIAL,
        reversescale=not style.dark,
        zmin=0,
        xgap=1,
        ygap=1,
        showscale=False,  # each cell says its figure
    )
    frames = [_frame(index, index, style.ink, 1.5, "dot") for index in range(len(depths))]
    if set(marked) <= set(depths):
        first, second = (depths.index(depth) for depth in marked)
        frames += [_frame(x, y, MARK, 3, "solid") for x, y in ((first, second), (second, first))]
    figure.update_layout(shapes=frames)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False)
    keep_square(figure)
    return figure


def _frame(x: int, y: int, colour: str, width: float, dash: str) -> dict[str, Any]:
    line = {"color": colour, "width": width, "dash": dash}
    return {"type": "rect", "x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5, "line": line}


@kept
def sides(found: Dispute, names: Mapping[str, str], style: Style, texts: Texts) -> Sketch:
    """Who is right where two depths disagree: images a network, by the digit that they show.

    Args:
        names: by first_right, second_right, both_wrong: what it is called.
    """
    figure = style.figure(texts("linear.sides.x"), texts("linear.sides.y"), height=360, barmode="stack")
    for side, name in names.items():
        figure.add_bar(
            x=found.sides["digit"].to_numpy(),
            y=found.sides[side].to_numpy(),
            name=name,
            marker_color=SIDE_COLOURS[side],
            hovertemplate=f"{texts('linear.sides.x')} %{{x}}<br>{name}: %{{y:.1f}}<extra></extra>",
        )
    figure.update_xaxes(dtick=1)
    return figure


@kept
def gallery(shown: pd.DataFrame, pixels: NDArray[np.float32], side: int, style: Style, texts: Texts) -> Sketch:
    """The images that two depths dispute most, with what they are and what either depth sees.

    Args:
        shown: label, first, second, seeds; one row for each row of `pixels`.
        pixels: (images, pixels).
    """
    layout = Mosaic(len(shown), side, IMAGES_IN_A_ROW, below=LABEL_HEIGHT)
    figure = style.figure(texts("linear.gallery.x"), texts("linear.gallery.y"), height=430)
    ink, paper = ("#ffffff", "#1a262c") if style.dark else ("#16242b", "#f1f5f6")
    figure.add_heatmap(
        z=layout.sheet(pixels.reshape(-1, side, side)),
        colorscale=[(0, paper), (1, ink)],
        zmin=0,
        zmax=1,
        showscale=False,
        hoverinfo="skip",
    )
    below = np.array([layout.corner(index) for index in range(len(shown))]) + np.array([(side - 1) / 2, -side])
    labels = [
        texts("linear.gallery.label", label=label, first=first, second=second)
        for label, first, second in shown[["label", "first", "second"]].itertuples(index=False)
    ]
    _add_words(figure, below, labels, "bottom center", 12, style)
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=False)
    keep_square(figure)
    return figure


@kept
def learning(
    means: pd.DataFrame,
    goal: float,
    offset: int,
    chosen: Sequence[int],
    style: Style,
    texts: Texts,
) -> Sketch:
    """Mean test accuracy over the epochs, one line per depth, and the accuracy that the shallowest one ends with.

    Args:
        means: depth, epoch, mean, low, high (shares), from epoch 1 on.
        goal: an accuracy (share).
        chosen: depths whose line is thick and has its band.
    """
    figure = style.figure(texts("page.axis_epoch"), texts("page.axis_accuracy"), height=430)
    deepest = int(means["depth"].max())
    for depth, rows in means.groupby("depth"):
        number = int(str(depth))
        name, colour = str(number + offset), style.depth_colour(number, deepest)
        epochs = rows["epoch"].to_numpy()
        if number in chosen and np.isfinite(rows["low"]).any():
            add_band(figure, epochs, rows["low"].to_numpy() * 100, rows["high"].to_numpy() * 100, colour, name)
        figure.add_scatter(
            x=epochs,
            y=rows["mean"].to_numpy() * 100,
            mode="lines",
            line={"color": colour, "width": 3.5 if number in chosen else 1.5},
            name=name,
            legendgroup=name,
            hovertemplate=texts("linear.learning.hover", layers=number + offset, epoch="%{x}", accuracy="%{y:.2f}")
            + "<extra></extra>",
        )
    figure.add_hline(goal * 100, line={"color": style.muted, "dash": "dot", "width": 1.5})
    figure.add_annotation(
        text=texts("linear.learning.goal"),
        x=1,
        xref="x domain",
        xanchor="right",
        y=goal * 100,
        yanchor="top",
        showarrow=False,
        font={"size": 12, "color": style.muted},
    )
    figure.update_layout(legend_title_text=texts("linear.collapse.legend"))
    figure.update_xaxes(dtick=5)
    return figure
