"""Without activation functions a network is one matrix, however deep: the proof, and what depth still changes."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis import linear as analysis
from dashboard.analysis.estimates import CONFIDENCE, Estimate, bands
from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.chapters.verdicts import show_sweep
from dashboard.charts import linear as charts
from dashboard.images import SIDE, Images, ImagesError, read_test_images

USUAL_DEPTH = 5  # where the asker saw accuracy fall
EVERY_SEED = "mean"
SHOWN_IMAGES = 24
IDLE_SHARE = 0.1  # of the growth of the largest singular value: the smallest hardly takes part
ROUNDING = 0.001  # of the images may stand elsewhere: two logits that differ in the last digit only

page = Page.current()
texts = page.texts


def choose_other(depths: list[int]) -> int:
    return address.remember(
        "against",
        depths[0],
        address.one_of(depths),
        lambda: int(
            st.select_slider(
                texts("linear.against"), depths, format_func=lambda depth: str(page.layers(depth)), key="against"
            )
        ),
    )


def choose_map(seeds: list[int]) -> str:
    """The mean over all seeds, or one seed."""
    options = [EVERY_SEED, *map(str, seeds)]
    return page.pick(
        "map",
        texts("linear.map"),
        options,
        lambda seed: texts("linear.map_mean") if seed == EVERY_SEED else f"{texts('page.seed')} {seed}",
        texts("linear.map_help"),
        width=320,
    )


@st.cache_data(max_entries=4, show_spinner=False)
def decide(snapshot: str) -> tuple[pd.DataFrame, analysis.Decisions] | None:
    """Every linear network (depth, seed), and what its one matrix decides; None without maps.

    Raises:
        ImagesError: there are no test images.
    """
    maps = queries.collapsed_maps(Path(snapshot))
    return None if maps.empty else (maps[["depth", "seed"]], analysis.decide(maps, read_test_images().pixels))


@st.cache_data(max_entries=4, show_spinner=False)
def compare(snapshot: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Every linear network's one matrix against its layers, and how far depths disagree; None without maps.

    Raises:
        ImagesError: there are no test images.
    """
    decided = decide(snapshot)
    if decided is None:
        return None
    stored = queries.confusions(Path(snapshot), activation="linear")
    return analysis.check_collapse(*decided, read_test_images().labels, stored), analysis.disagreement(*decided)


@st.cache_data(max_entries=200, show_spinner=False)
def dispute(snapshot: str, first: int, second: int) -> analysis.Dispute | None:
    """Who is right where two depths disagree; None where they cannot be compared.

    Raises:
        ImagesError: there are no test images.
    """
    decided = decide(snapshot)
    if decided is None or first == second:
        return None
    return analysis.dispute(*decided, read_test_images().labels, first, second)


def named(depth: int) -> str:
    """A network by its depth, and softmax regression by its name."""
    return texts("linear.softmax") if depth == 0 else texts("linear.network", layers=page.layers(depth))


def interval(found: Estimate, digits: int, scale: float = 1.0) -> str:
    mean = f"{found.mean * scale:.{digits}f}"
    if not found.certain:
        return mean
    low, high = (f"{end * scale:.{digits}f}" for end in (found.low, found.high))
    return texts("linear.says.figure", mean=mean, low=low, high=high, confidence=f"{CONFIDENCE * 100:g}")


# ---- the question -------------------------------------------------------------------------------------------------

page.header("linear")
st.markdown(texts("linear.product"))

grid = page.fetch(queries.grid)
linear = grid[grid["activation"] == "linear"]
if linear.empty:
    st.info(texts("problem.no_runs"))
    st.stop()
if linear["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))
if linear["diverged"].sum():
    st.info(texts("problem.diverged", count=int(linear["diverged"].sum())))
depths = sorted(int(depth) for depth in linear["depth"])
last = int(linear["epochs"].max())
left, right = st.columns(2, gap="large")
with left:
    depth = page.choose_depth(depths, USUAL_DEPTH) if len(depths) > 1 else depths[0]
with right:
    other = choose_other(depths) if len(depths) > 1 else depths[0]


# ---- one matrix ---------------------------------------------------------------------------------------------------


def show_collapse(checked: pd.DataFrame, images: Images) -> None:
    if checked.empty:
        st.info(texts("problem.too_few", needed=texts("linear.needs_confusions")))
        return
    figure = charts.collapse(checked, page.offset, page.style, texts)
    page.picture("linear.collapse", figure, checked, images=f"{len(images.labels):,}")
    worst, same = int(checked["moved"].max()), int((checked["moved"] == 0).sum())
    verdict = "all" if worst == 0 else "nearly" if worst <= ROUNDING * len(images.labels) else "no"
    page.says(
        texts(
            f"linear.says.collapse_{verdict}",
            networks=len(checked),
            same=same,
            worst=worst,
            images=f"{len(images.labels):,}",
        ),
        texts("linear.says.parameters", **{name: f"{count:,}" for name, count in parameters().items()})
        if verdict != "no"
        else "",
    )


def parameters() -> dict[str, int]:
    """How many numbers the chosen network learns, and how many its one matrix has."""
    counts = page.fetch(queries.parameters_by_depth, activation="linear").set_index("depth")["parameters"]
    return {"stack": int(counts[depth]), "layers": page.layers(depth), "matrix": (SIDE**2 + 1) * analysis.DIGITS}


def show_maps(images: Images) -> None:
    st.header(texts("linear.maps.head"))
    own, others = (page.fetch(queries.collapsed_maps_of, depth=each) for each in (depth, other))
    shared = sorted({int(seed) for seed in own["seed"]} & {int(seed) for seed in others["seed"]})
    if not shared:
        st.info(texts("problem.too_few", needed=texts("linear.needs_maps", layers=page.layers(depth))))
        return
    chosen = choose_map(shared)
    rows = {
        texts("linear.network", layers=page.layers(each)): analysis.mean_map(
            maps if chosen == EVERY_SEED else maps[maps["seed"] == int(chosen)]
        )
        for each, maps in ((other, others), (depth, own))
    }
    picture, reading = st.columns([3, 2], gap="large")
    with picture:
        page.picture(
            "linear.maps",
            charts.maps(rows, images.spread > 0, SIDE, page.style, texts),
            which=texts("linear.maps.which_mean", seeds=len(shared))
            if chosen == EVERY_SEED
            else texts("linear.maps.which_seed", seed=chosen),
            names=texts("wording.separator").join(rows),
        )
    if depth == other:
        return
    with reading:
        page.says(
            texts(
                "linear.says.likeness",
                first=named(other),
                second=named(depth),
                cosine=interval(analysis.likeness(own, others, images.spread), 2),
                same_first=f"{analysis.likeness_of_seeds(others, images.spread):.2f}",
                same_second=f"{analysis.likeness_of_seeds(own, images.spread):.2f}",
            )
        )


# ---- its singular values ------------------------------------------------------------------------------------------


def show_sizes() -> None:
    st.header(texts("linear.sizes.head"))
    values = page.fetch(queries.collapsed_singular_values)
    if values.empty:
        st.info(texts("problem.too_few", needed=texts("linear.needs_maps", layers=page.layers(depth))))
        return
    limit = float(values["mean"].max()) * 1.05
    chosen = {each: named(each) for each in sorted({other, depth})}
    panels = {each: texts("linear.network", layers=page.layers(each)) for each in chosen}
    figure = charts.sizes_by_epoch(values[values["depth"].isin(chosen)], panels, limit, page.style, texts)
    together = texts("wording.separator").join(chosen.values())
    page.picture("linear.sizes_epochs", figure, values, names=together)

    def draw(epoch: int) -> None:
        shown = values[values["epoch"] == epoch]
        figure = charts.sizes_by_depth(shown, page.offset, page.layers_title, limit, page.style, texts)
        page.picture("linear.sizes_depths", figure, shown, epoch=epoch)

    page.with_epoch(last, draw)
    largest, smallest = (
        values[values["rank"] == rank].set_index(["depth", "epoch"])["mean"] for rank in (1, analysis.DIGITS)
    )
    if not {(each, epoch) for each in chosen for epoch in (0, 1, last)} <= set(largest.index):
        return
    page.says(
        *(
            texts(
                "linear.says.growth",
                network=name,
                start=f"{largest[each, 0]:.1f}",
                first=f"{largest[each, 1]:.1f}",
                end=f"{largest[each, last]:.1f}",
                last=last,
            )
            for each, name in chosen.items()
        ),
        texts(
            "linear.says.idle",
            network=named(depth),
            start=f"{smallest[depth, 0]:.2f}",
            end=f"{smallest[depth, last]:.2f}",
            last=last,
        )
        if smallest[depth, last] - smallest[depth, 0] < IDLE_SHARE * (largest[depth, last] - largest[depth, 0])
        else "",
    )


# ---- where depths disagree ----------------------------------------------------------------------------------------


def show_disagreement(table: pd.DataFrame, images: Images) -> None:
    st.header(texts("linear.disagreement.head"))
    if len(depths) < 2 or not {depth, other} <= set(table["before"]):
        st.info(texts("problem.too_few", needed=texts("linear.needs_depths")))
        return
    picture, reading = st.columns([3, 2], gap="large")
    figure = charts.disagreement(table, page.offset, page.layers_title, (other, depth), page.style, texts)
    with picture:
        page.picture("linear.disagreement", figure, table, images=f"{len(images.labels):,}")
    found = dispute(str(page.snapshot), other, depth)
    if found is None:
        reading.info(texts("linear.choose_two"))
        return
    with reading:
        page.says(*say_dispute(found, analysis.cells(table)))
    names: dict[str, Any] = {"first": named(other), "second": named(depth)}
    bars, pictures = st.columns(2, gap="large")
    with bars:
        sides = {side: texts(f"linear.sides.{side}", **names) for side in charts.SIDE_COLOURS}
        page.picture("linear.sides", charts.sides(found, sides, page.style, texts), found.sides, **names)
    with pictures:
        shown = found.images.head(SHOWN_IMAGES)
        figure = charts.gallery(shown, images.pixels[shown["image"]], SIDE, page.style, texts)
        page.picture("linear.gallery", figure, found.images, shown=len(shown), seeds=found.seeds, **names)


def say_dispute(found: analysis.Dispute, cells: dict[tuple[int, int], Estimate]) -> list[str]:
    """Whether the two depths disagree more than two seeds do, and who is right."""
    between, first, second = cells[other, depth], cells[other, other], cells[depth, depth]
    names = {"first": named(other), "second": named(depth)}
    right = {side: f"{found.sides[side].sum():.0f}" for side in charts.SIDE_COLOURS}
    return [
        texts(
            f"linear.says.disagree_{analysis.more_than_luck(between, first, second)}",
            share=f"{between.mean * 100:.2f}",
            low=f"{between.low * 100:.2f}",
            high=f"{between.high * 100:.2f}",
            confidence=f"{CONFIDENCE * 100:g}",
            same_first=f"{first.mean * 100:.2f}",
            same_second=f"{second.mean * 100:.2f}",
            **names,
        ),
        texts("linear.says.sides", **right, **names),
    ]


# ---- why deeper still trains differently --------------------------------------------------------------------------


def show_learning() -> None:
    st.header(texts("linear.learning.head"))
    st.markdown(texts("linear.learning.why"))
    curves = page.fetch(queries.metric_over_epochs, activation="linear")
    tests = curves[(curves["split"] == "test") & (curves["epoch"] > 0)]
    means = bands(tests, ["depth", "epoch"], "accuracy")
    ends = means[means["epoch"] == last].set_index("depth")["mean"]
    if depths[0] not in ends:
        st.info(texts("problem.too_few", needed=texts("linear.needs_curves", epoch=last)))
        return
    goal = float(ends[depths[0]])
    figure = charts.learning(means, goal, page.offset, (other, depth), page.style, texts)
    page.picture("linear.learning", figure, means, shallowest=named(depths[0]))
    reached = analysis.epochs_to_reach(tests, goal)
    first = means[means["epoch"] == 1].set_index("depth")["mean"]
    soonest = min(epoch for epoch in reached.values() if epoch)
    fastest = [str(page.layers(each)) for each in depths if reached.get(each) == soonest]
    page.says(
        texts(
            "linear.says.speed",
            goal=f"{goal * 100:.1f}",
            shallowest=named(depths[0]),
            last=last,
            fastest=texts("linear.network", layers=texts("wording.separator").join(fastest)),
            epochs=soonest,
        )
        if len(depths) > 1
        else "",
        texts(
            "linear.says.first_epoch",
            shallowest=named(depths[0]),
            slow=f"{first[depths[0]] * 100:.1f}",
            network=named(depth),
            quick=f"{first[depth] * 100:.1f}",
        )
        if depth != depths[0] and {depth, depths[0]} <= set(first.index)
        else "",
        texts("linear.says.moral"),
    )


def find_images() -> Images | None:
    """The test images, or a sentence about why there are none."""
    try:
        return read_test_images()
    except ImagesError as problem:
        st.warning(texts("problem.no_images", file=Path(str(problem)).name))
        return None


images = find_images()
with st.spinner(texts("linear.working")):
    compared = compare(str(page.snapshot)) if images else None
if images and compared:
    show_collapse(compared[0], images)
    show_maps(images)
elif images:
    st.info(texts("problem.too_few", needed=texts("linear.needs_maps", layers=page.layers(depth))))
show_sizes()
if images and compared:
    show_disagreement(compared[1], images)
show_learning()
show_sweep(page, "linear")
page.try_next("linear")
