"""Does the error reach the first layers, and if not, is it lost to the weights or to the slope of the activation?"""

from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.estimates import CONFIDENCE, Estimate, geometric_bands
from dashboard.analysis.gradients import (
    VANISHING_FACTOR,
    VANISHING_LEFT,
    VANISHING_TOTAL,
    Movement,
    Shrinkage,
    flow_of,
    larger_part,
    movement,
    shrinkages,
    vanishing,
)
from dashboard.analysis.histograms import bin_rows
from dashboard.chapters.page import ACTIVATIONS, Page
from dashboard.chapters.theory import show_theory
from dashboard.chapters.verdicts import show_sweep
from dashboard.charts import gradients as charts
from dashboard.charts.heat import layer_over_depth
from dashboard.charts.scales import number

Statistic = Literal["delta_rms", "gradient_norm"]
STATISTICS: tuple[Statistic, ...] = ("delta_rms", "gradient_norm")
USUAL_DEPTH = 5  # where the asker saw accuracy fall
EXAMPLE_STEPS = 10  # for saying what the rule's limit adds up to

page = Page.current()
texts = page.texts


def choose_statistic() -> Statistic:
    return page.choose(
        "statistic",
        texts("gradients.statistic"),
        STATISTICS,
        STATISTICS[0],
        lambda name: texts(f"gradients.{name}"),
        texts("gradients.statistic_help"),
    )


def choose_profile_epoch(epochs: list[int]) -> int:
    """One of the epochs at which whole distributions were stored."""
    return page.choose("profile", texts("gradients.slope.epoch"), epochs, epochs[-1])


def lacks(needed: str) -> None:
    st.info(texts("problem.too_few", needed=texts(f"gradients.needs_{needed}", layers=page.layers(2))))


# ---- the question -------------------------------------------------------------------------------------------------

page.header("gradients")
st.markdown(texts("gradients.delta"))

grid = page.fetch(queries.grid)
if grid.empty:
    st.info(texts("problem.no_runs"))
    st.stop()
if grid["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))
if grid["diverged"].sum():
    st.info(texts("problem.diverged", count=int(grid["diverged"].sum())))

names = {name: texts(f"activation.{name}") for name in ACTIVATIONS if name in set(grid["activation"])}
depths = sorted(int(depth) for depth in grid["depth"].unique())
last = int(grid["epochs"].max())

left, right = st.columns(2, gap="large")
with left:
    activation = page.choose_activation([*names])
    statistic = choose_statistic()
with right:
    depth = page.choose_depth(depths, USUAL_DEPTH)

network = texts("gradients.network", activation=names[activation], axis=page.layers_title, layers=page.layers(depth))
stored = not grid[(grid["activation"] == activation) & (grid["depth"] == depth)].empty


# ---- pictures of one epoch, and what they say ------------------------------------------------------------------------


def draw(epoch: int) -> None:
    draw_heat_maps(epoch)
    if not stored:
        lacks("network")
        return
    draw_speeds(epoch)
    found = splits_at(epoch)
    draw_splits(epoch, found)
    page.says(*sentences(epoch, found))


def draw_heat_maps(epoch: int) -> None:
    cells = page.fetch(queries.layer_logarithms).rename(columns={statistic: "value"})
    if cells["value"].notna().any():
        limits = float(cells["value"].min()), float(cells["value"].max())
        shown = cells[cells["epoch"] == epoch]
        figure = layer_over_depth(
            shown,
            limits,
            names,
            (activation, depth),
            texts(f"gradients.heat.bar_{statistic}"),
            page.offset,
            page.layers_title,
            texts,
            page.style,
        )
        page.picture("gradients.heat", figure, shown, quantity=texts(f"gradients.{statistic}"), epoch=epoch)
    else:
        lacks("statistics")


def draw_speeds(epoch: int) -> None:
    statistics = page.fetch(queries.layer_statistic_over_epochs, activation=activation, depth=depth)
    hidden = statistics[statistics["layer"] <= depth]
    bands = geometric_bands(hidden, ["layer", "epoch"], "bias_gradient_norm")
    if bands.empty:
        lacks("hidden" if depth == 0 else "statistics")
    else:
        figure = charts.speeds(bands, depth, epoch, texts, page.style)
        page.picture("gradients.speed", figure, bands, network=network, epoch=epoch, confidence=confidence())


def splits_at(epoch: int) -> dict[str, Shrinkage]:
    """By activation, at the chosen depth; those without two hidden layers or without runs are left out."""
    found = {
        name: page.conclude(shrinkages, queries.layer_statistics, activation=name, epoch=epoch).get(depth)
        for name in names
    }
    return {name: split for name, split in found.items() if split is not None and split.per_layer.seeds}


def draw_splits(epoch: int, found: dict[str, Shrinkage]) -> None:
    if found:
        page.picture(
            "gradients.split",
            charts.splits(found, names, texts, page.style),
            split_rows(found),
            axis=page.layers_title,
            layers=page.layers(depth),
            epoch=epoch,
            limit=limit(),
            confidence=confidence(),
        )
    else:
        lacks("two_hidden" if depth < 2 else "statistics")


def draw_slopes() -> None:
    histograms = page.fetch(queries.histograms, activation=activation, depth=depth, quantity="preactivation")
    histograms = histograms[histograms["layer"] <= depth]
    if histograms.empty:
        if depth > 0:
            lacks("histograms")
        return
    epoch = choose_profile_epoch(sorted(int(epoch) for epoch in histograms["epoch"].unique()))
    shown = histograms[histograms["epoch"] == epoch]
    figure = charts.slopes(shown, activation, depth, texts, page.style)
    page.picture(
        "gradients.slope", figure, lambda: bin_rows(shown), activation=names[activation], network=network, epoch=epoch
    )


def split_rows(found: dict[str, Shrinkage]) -> pd.DataFrame:
    """The estimates behind the picture of the split: activation, part, mean, low, high, seeds."""
    parts = [(name, part, own) for name, split in found.items() for part, own in vars(split).items()]
    return pd.DataFrame([{"activation": name, "part": part, **vars(own)} for name, part, own in parts])


# ---- in words --------------------------------------------------------------------------------------------------------


def sentences(epoch: int, found: dict[str, Shrinkage]) -> list[str]:
    """What the chosen network says at the chosen epoch, each sentence picked by a computed verdict."""
    split = found.get(activation)
    if split is None:
        return [texts("gradients.says.one_layer" if depth < 2 else "gradients.says.nothing", network=network)]
    statistics = page.fetch(queries.layer_statistics, activation=activation, epoch=epoch)
    return [
        texts(
            "gradients.says.arrives",
            network=network,
            epoch=epoch,
            total=figure_of(split.total),
            per_layer=figure_of(split.per_layer),
        ),
        flow_sentence(split),
        texts("gradients.says.parts", weights=figure_of(split.weights), slope=figure_of(split.slope)),
        slope_sentence(split),
        movement_sentence(movement(statistics, depth), epoch),
        comparison(found),
        texts(
            "gradients.says.rule",
            limit=limit(),
            steps=EXAMPLE_STEPS,
            left=f"{1 / VANISHING_FACTOR**EXAMPLE_STEPS:,.0f}",
            part=number(VANISHING_LEFT),
            rest=number(VANISHING_TOTAL),
        ),
    ]


def figure_of(found: Estimate) -> str:
    """A factor with its interval, as far as there is one."""
    if not found.certain or found.low == found.high:
        return number(found.mean)
    low, high = number(found.low), number(found.high)
    return texts("gradients.says.figure", mean=number(found.mean), low=low, high=high, confidence=confidence())


def limit() -> str:
    return f"{VANISHING_FACTOR:g}"


def confidence() -> str:
    return f"{CONFIDENCE * 100:g}"


def flow_sentence(split: Shrinkage) -> str:
    if not split.per_layer.certain:
        return texts("problem.one_seed")
    return texts(f"gradients.says.flow_{flow_of(split)}", limit=limit(), total=number(split.total.mean))


def slope_sentence(split: Shrinkage) -> str:
    """The direct answer to "is it about the slope?", for this network."""
    if split.slope.low == split.slope.high == 1:
        return texts("gradients.says.slope_is_one")
    if not split.per_layer.certain:
        return texts("gradients.says.part_cannot_tell")
    if split.per_layer.high >= 1:
        return texts("gradients.says.slope_no_loss")
    part = larger_part(split)
    alone = part == "slope" and split.weights.low > 1
    return texts("gradients.says.part_slope_alone" if alone else f"gradients.says.part_{part}")


def movement_sentence(moved: Movement | None, epoch: int) -> str:
    if moved is None:
        return texts("gradients.says.moves_not_stored" if epoch else "gradients.says.moves_not_yet")
    ratio = moved.ratio
    speed = "slower" if ratio.high < 1 else "faster" if ratio.low > 1 else "alike"
    return texts(
        f"gradients.says.moves_{speed}",
        first=number(moved.first.mean),
        last=number(moved.last.mean),
        ratio=figure_of(ratio),
    )


def comparison(found: dict[str, Shrinkage]) -> str:
    """All activations at the same depth and epoch, by the same rule."""
    if len(found) < 2:
        return ""
    verdicts = {name: vanishing(split) for name, split in found.items()}
    groups = []
    for verdict in ("yes", "no", "cannot_tell"):
        together = [names[name] for name, own in verdicts.items() if own == verdict]
        if together:
            groups.append(
                texts(f"gradients.says.compare_{verdict}", names=texts("gradients.says.comma").join(together))
            )
    return texts("gradients.says.compare", groups=texts("gradients.says.semicolon").join(groups))


page.with_epoch(last, draw)
if stored:
    st.fragment(draw_slopes)()
show_theory(page)
show_sweep(page, activation, about="vanishing")
page.try_next("gradients")
