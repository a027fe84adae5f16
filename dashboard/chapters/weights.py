"""What training does to the weights: how far each layer moves from its random start, and in how many directions."""

from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.estimates import CONFIDENCE, Estimate
from dashboard.analysis.histograms import bin_rows
from dashboard.analysis.weights import UNTOUCHED, Travel, spectrum_change, travel
from dashboard.chapters.page import ACTIVATIONS, Page
from dashboard.chapters.verdicts import show_sweep
from dashboard.charts import weights as charts
from dashboard.charts.heat import layer_over_depth, layer_over_epoch
from dashboard.charts.scales import number

Statistic = Literal["update_ratio", "norm_change", "spectral_norm", "effective_rank"]
STATISTICS: tuple[Statistic, ...] = ("update_ratio", "norm_change", "spectral_norm", "effective_rank")
LOGARITHMIC: tuple[Statistic, ...] = ("update_ratio", "norm_change")
USUAL_DEPTH = 5  # where the asker saw accuracy fall

page = Page.current()
texts = page.texts


def lacks(needed: str) -> None:
    st.info(texts("problem.too_few", needed=texts(f"weights.needs_{needed}")))


def percent(value: float) -> str:
    """A share in per cent, with as many digits as it takes."""
    return f"{number(value * 100)} %"


def interval(found: Estimate, offset: float = 0.0) -> str:
    mean = percent(found.mean + offset)
    if not found.certain:
        return mean
    low, high = percent(found.low + offset), percent(found.high + offset)
    return texts("weights.says.figure", mean=mean, low=low, high=high, confidence=f"{CONFIDENCE * 100:g}")


# ---- the question -------------------------------------------------------------------------------------------------

page.header("weights")
st.markdown(texts("weights.start"))

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
with right:
    depth = page.choose_depth(depths, USUAL_DEPTH) if len(depths) > 1 else depths[0]
network = texts("weights.network", activation=names[activation], axis=page.layers_title, layers=page.layers(depth))


# ---- one network against its start --------------------------------------------------------------------------------


def show_network() -> None:
    histograms = page.fetch(queries.histograms, activation=activation, depth=depth, quantity="weight")
    epochs = sorted(int(epoch) for epoch in histograms["epoch"].unique() if epoch > 0)
    if not epochs or 0 not in set(histograms["epoch"]):
        lacks("network")
        return
    epoch = page.choose("profile", texts("weights.profile"), epochs, epochs[-1], help=texts("weights.profile_help"))
    figure = charts.distributions(histograms, epoch, page.style, texts)
    page.picture("weights.box", figure, lambda: bin_rows(histograms), network=network, epoch=epoch)
    norms = page.fetch(queries.weight_norms, activation=activation, depth=depth)
    show_updates(norms)
    page.says(*say_travel(travel(norms, epoch), epoch))
    show_spectra(epoch)


def show_updates(norms: pd.DataFrame) -> None:
    cells = page.fetch(queries.weight_sizes).rename(columns={"update_ratio": "value"})
    own = cells[(cells["activation"] == activation) & (cells["depth"] == depth) & (cells["epoch"] > 0)]
    own = own.dropna(subset="value")
    if own.empty or norms.empty:
        lacks("updates")
        return
    limits = float(cells["value"].min()), float(cells["value"].max())
    hover = [
        texts("weights.updates.hover", layer=layer, epoch=epoch, value=number(10**value), seeds=seeds)
        for layer, epoch, value, seeds in own[["layer", "epoch", "value", "seeds"]].itertuples(index=False)
    ]
    bar = texts("weights.heat.bar_update_ratio")
    figure = layer_over_epoch(own, limits, hover, bar, texts, page.style)
    page.picture("weights.updates", figure, own, network=network, steps=int(norms["steps"].max()))


def say_travel(found: list[Travel], epoch: int) -> list[str]:
    """Which layers moved, which did not, and by how much they grew."""
    known = [layer for layer in found if layer.path.seeds]
    if not known:
        return [texts("weights.says.nothing", network=network)]
    least, most = (choose(known, key=lambda layer: layer.path.mean) for choose in (min, max))
    untouched = [str(layer.layer) for layer in known if layer.untouched]
    grown = [layer for layer in known if layer.growth.seeds]
    said = [
        texts(
            "weights.says.path",
            network=network,
            epoch=epoch,
            most=most.layer,
            most_path=interval(most.path),
            least=least.layer,
            least_path=interval(least.path),
        )
        if least is not most
        else texts("weights.says.path_one", network=network, epoch=epoch, path=interval(most.path)),
        texts(
            "weights.says.untouched" if untouched else "weights.says.all_moved",
            layers=texts("wording.separator").join(untouched),
            limit=percent(UNTOUCHED),
        ),
    ]
    if grown:
        largest = max(grown, key=lambda layer: abs(layer.growth.mean - 1))
        said.append(texts("weights.says.growth", layer=largest.layer, growth=interval(largest.growth, -1.0)))
    return said


def show_spectra(epoch: int) -> None:
    st.header(texts("weights.spectra.head"))
    changes = spectrum_change(page.fetch(queries.singular_values, activation=activation, depth=depth), epoch)
    if changes.empty:
        lacks("spectra")
        return
    figure = charts.spectra(changes, page.style, texts)
    page.picture("weights.spectra", figure, changes, network=network, epoch=epoch)
    largest = changes.iloc[int(changes["change"].abs().to_numpy().argmax())]
    own = changes[changes["layer"] == largest["layer"]]
    page.says(
        texts(
            "weights.says.spectrum",
            network=network,
            layer=int(largest["layer"]),
            rank=int(largest["rank"]),
            start=number(float(largest["start"])),
            end=number(float(largest["end"])),
            count=int((own["change"].abs() > abs(largest["change"]) / 2).sum()),
            all=len(own),
        )
    )


# ---- all networks -------------------------------------------------------------------------------------------------


def draw(epoch: int) -> None:
    statistic: Statistic = page.choose(
        "weight", texts("weights.statistic"), STATISTICS, STATISTICS[0], lambda name: texts(f"weights.{name}")
    )
    cells = page.fetch(queries.weight_sizes).rename(columns={statistic: "value"})
    shown = cells[cells["epoch"] == epoch]
    if shown["value"].isna().all():
        st.info(texts("weights.not_yet"))
        return
    figure = layer_over_depth(
        shown,
        (float(cells["value"].min()), float(cells["value"].max())),
        names,
        (activation, depth),
        texts(f"weights.heat.bar_{statistic}"),
        page.offset,
        page.layers_title,
        texts,
        page.style,
        statistic in LOGARITHMIC,
    )
    explained = texts(f"weights.explain_{statistic}")
    page.picture(
        "weights.heat", figure, shown, quantity=texts(f"weights.{statistic}"), epoch=epoch, explained=explained
    )


def say_depths() -> list[str]:
    """Whether each layer of a deeper network changes more or less."""
    cells = page.fetch(queries.weight_sizes)
    ends = cells[(cells["activation"] == activation) & (cells["epoch"] == last) & (cells["depth"] > 0)]
    if ends["norm_change"].isna().all():
        return []
    means = (10 ** ends["norm_change"]).fillna(0.0).groupby(ends["depth"]).median()  # missing: it did not change at all
    if len(means) < 2:
        return []
    shallowest, deepest = int(means.index.min()), int(means.index.max())
    return [
        texts(
            "weights.says.depths",
            activation=names[activation],
            shallow=page.layers(shallowest),
            shallow_change=percent(float(means[shallowest])),
            deep=page.layers(deepest),
            deep_change=percent(float(means[deepest])),
            last=last,
        )
    ]


show_network()
st.header(texts("weights.heat.head"))
page.with_epoch(last, draw)
page.says(*say_depths())
show_sweep(page, activation)
page.try_next("weights")
