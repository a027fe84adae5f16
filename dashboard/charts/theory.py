"""Theory as a line, with the measured points on it."""

import numpy as np

from dashboard.charts.kept import kept
from dashboard.charts.scales import whole_step
from dashboard.charts.sketch import Sketch
from dashboard.charts.style import ACTIVATION_COLOURS, Style
from dashboard.diagnosis.expectations import Comparison
from dashboard.texts import Texts


@kept
def by_depth(
    comparisons: dict[str, Comparison], y_title: str, logarithmic: bool, offset: int, style: Style, texts: Texts
) -> Sketch:
    """For each activation the expected line, and the measured means with their intervals as error bars.

    Args:
        comparisons: by activation.
        offset: what is added to a depth to count it as the reader does.
    """
    axis = texts("page.axis_dense" if offset else "page.axis_hidden")
    figure = style.figure(axis, y_title, height=400)
    for activation, found in comparisons.items():
        name, colour = texts(f"activation.{activation}"), ACTIVATION_COLOURS[activation]
        figure.add_scatter(
            x=found.expected["depth"].to_numpy() + offset,
            y=found.expected["value"].to_numpy(),
            mode="lines",
            name=texts("theory.expected", activation=name),
            line={"color": colour, "width": 2, "dash": "dash"},
            hovertemplate=f"{texts('theory.expected', activation=name)}<br>{axis}: %{{x}}<br>%{{y:.3g}}<extra></extra>",
        )
        mean = found.measured["mean"].to_numpy()
        up, down = found.measured["high"].to_numpy() - mean, mean - found.measured["low"].to_numpy()
        figure.add_scatter(
            x=found.measured["depth"].to_numpy() + offset,
            y=mean,
            mode="markers",
            name=texts("theory.measured", activation=name),
            marker={"color": colour, "size": 9, "line": {"color": style.paper, "width": 1}},
            error_y={
                "type": "data",
                "array": np.nan_to_num(up, posinf=0.0),
                "arrayminus": np.nan_to_num(down, posinf=0.0),
                "thickness": 1.5,
            },
            hovertemplate=f"{texts('theory.measured', activation=name)}<br>{axis}: %{{x}}<br>%{{y:.3g}}<extra></extra>",
        )
    if logarithmic:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    else:
        figure.update_yaxes(rangemode="tozero")
    span = max(int(found.expected["depth"].max()) for found in comparisons.values())
    figure.update_xaxes(dtick=whole_step(span, most=12))
    return figure
