"""The asker's question, and the short, true answer, computed from the stored runs."""

from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.budget import budget
from dashboard.analysis.differences import (
    NEGLIGIBLE,
    Difference,
    Presence,
    paired_difference,
)
from dashboard.analysis.estimates import Estimate, bands
from dashboard.analysis.gradients import Shrinkage, shrinkages, vanishing
from dashboard.analysis.illusion import draw_one_seed, one_seed_illusion
from dashboard.analysis.overfitting import DepthOverfitting, overfitting, overfitting_by_depth
from dashboard.chapters import address, follow_ups
from dashboard.chapters.page import ACTIVATIONS, Page
from dashboard.chapters.verdicts import explain_words, show_sweep
from dashboard.charts import answer as charts
from dashboard.diagnosis.sweep import NOISE
from dashboard.wording import factor

page = Page.current()
texts = page.texts

Finding = Presence | Literal["tiny"]  # tiny: it is there, but it changes the accuracy by less than anybody would notice
ICONS: dict[Finding, str] = {"yes": ":red[●]", "tiny": ":orange[●]", "no": ":green[●]", "cannot_tell": ":gray[●]"}
ASKED_LAYERS = (4, 5)  # the asker's accuracy fell from 4 layers to 5
TRIED_LAYERS = range(2, 11)  # the asker tried 2 to 10 layers
CONTRAST = "sigmoid"
SPLITS = ("train", "validation", "test")
MOST_DRAWS = 9_999


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{value * 100:+.2f}"


def percent(value: float) -> str:
    return f"{value * 100:.1f}"


def interval(found: Estimate) -> str:
    if not found.certain:
        return texts("answer.no_interval")
    return texts("answer.interval", low=points(found.low), high=points(found.high))


def depth_of(layers: int, dense: bool) -> int:
    """The depth of a network that someone calls `layers` deep."""
    return layers - 1 if dense else layers


def illusion(tests: pd.DataFrame, dense: bool) -> float:
    before, after = (depth_of(layers, dense) for layers in ASKED_LAYERS)
    tried = [depth_of(layers, dense) for layers in TRIED_LAYERS]
    return one_seed_illusion(tests, "accuracy", tried, [depth for depth in tried if depth <= before], after)


@st.cache_data(max_entries=20, show_spinner=False)
def compare(
    snapshot: str, last: int, before: int, after: int
) -> tuple[Difference, float, dict[str, float], DepthOverfitting | None, DepthOverfitting | None]:
    """What the figures after the last epoch say of networks without activation functions.

    Returns:
        The difference between two depths, the spread of single runs, the chance of the asker's curve by either way of
        counting, what more layers do to the losses, and the same of the contrast; None where it is not stored.
    """
    ends = queries.metrics_at(Path(snapshot), epoch=last)
    linear, contrast = (ends[ends["activation"] == activation] for activation in ("linear", CONTRAST))
    tests = linear[linear["split"] == "test"]
    deeper, worse = (
        overfitting_by_depth(each) if set(SPLITS) <= set(each["split"]) else None for each in (linear, contrast)
    )
    return (
        paired_difference(tests, "accuracy", before, after),
        float(tests.groupby("depth")["accuracy"].std().mean()),
        {way: illusion(tests, way == "dense") for way in ("hidden", "dense")},
        deeper,
        worse,
    )


def shrinkages_at(activation: str, epoch: int) -> dict[int, Shrinkage]:
    return page.conclude(shrinkages, queries.layer_statistics, activation=activation, epoch=epoch)


def suspect(name: str, presence: Finding, evidence: str, chapter: str, **state: str) -> None:
    """One possible cause: what it is, whether it is at work here, on what evidence, and where to see it."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"{ICONS[presence]} **{texts(f'answer.suspect.{name}')}** {texts(f'answer.presence.{presence}')}")
        st.markdown(evidence)
        address.link(chapter, texts("answer.see", chapter=texts(f"{chapter}.menu")), **state)


# ---- the question -------------------------------------------------------------------------------------------------

page.header("answer")
st.markdown(texts("answer.asked"))

grid = page.fetch(queries.grid)
linear = grid[grid["activation"] == "linear"]
if linear.empty:
    st.info(texts("problem.no_runs"))
    st.stop()
last = int(linear["epochs"].max())
ends = page.fetch(queries.metrics_at, epoch=last).query("activation == 'linear'")
tests = ends[ends["split"] == "test"]
depths = sorted(int(depth) for depth in tests["depth"].unique())
deepest = depths[-1]
dense = page.counting == "dense"
before, after = (depth_of(layers, dense) for layers in ASKED_LAYERS)

if linear["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))
if grid["diverged"].sum():
    st.info(texts("problem.diverged", count=int(grid["diverged"].sum())))

# ---- the short answer ---------------------------------------------------------------------------------------------

drop, spread, shares, deeper, contrast = compare(str(page.snapshot), last, before, after)
start = shrinkages_at("linear", 0)
contrast_start = shrinkages_at(CONTRAST, 0)
linear_vanishing = vanishing(start.get(deepest))

with st.container(border=True):
    st.markdown(f"#### {texts('answer.short')}")
    if drop.estimate.seeds:
        st.markdown(
            texts(
                f"answer.drop.{drop.verdict}",
                before=page.layers(before),
                after=page.layers(after),
                mean=points(drop.estimate.mean),
                interval=interval(drop.estimate),
                seeds=drop.estimate.seeds,
                negligible=f"{NEGLIGIBLE * 100:g}",
            )
        )
    else:
        needed = texts("answer.needs_depths", before=page.layers(before), after=page.layers(after))
        st.markdown(texts("problem.too_few", needed=needed))
    if deepest in start:
        st.markdown(
            texts(
                f"answer.linear_gradient.{linear_vanishing}",
                layers=page.layers(deepest),
                total=factor(start[deepest].total),
                per_layer=factor(start[deepest].per_layer),
            )
        )
    if contrast_start:
        depth = min(max(contrast_start), deepest)
        found = contrast_start[depth]
        st.markdown(
            texts(
                f"answer.contrast.{vanishing(found)}",
                layers=page.layers(depth),
                total=factor(found.total),
                per_layer=factor(found.per_layer),
                weights=factor(found.weights),
                slope=factor(found.slope),
            )
        )

# ---- the one-seed illusion ----------------------------------------------------------------------------------------

controls = st.columns([3, 2, 2], vertical_alignment="bottom")
if controls[0].button(texts("answer.draw"), icon=":material/casino:", width="stretch"):
    st.session_state["draw"] = min(int(st.session_state.get("draw", 0)) + 1, MOST_DRAWS)
draw = address.remember(
    "draw",
    0,
    address.whole_number(0, MOST_DRAWS),
    lambda: int(controls[1].number_input(texts("answer.draw_number"), 0, MOST_DRAWS, key="draw")),
)
drawn = draw_one_seed(tests, "accuracy", draw) if draw else None
page.picture(
    "answer.curve",
    charts.accuracy_by_depth(bands(tests, ["depth"], "accuracy"), tests, drawn, page.offset, page.style, texts),
    tests,
    seeds=int(linear["seeds"].max()),
)
if all(share == share for share in [*shares.values(), spread]):  # not NaN: every depth is stored, with several seeds
    page.says(
        texts(
            "answer.illusion",
            hidden=percent(shares["hidden"]),
            dense=percent(shares["dense"]),
            first=TRIED_LAYERS[0],
            final=TRIED_LAYERS[-1],
            before=ASKED_LAYERS[0],
            after=ASKED_LAYERS[1],
        ),
        texts("answer.spread", spread=f"{spread * 100:.2f}"),
    )

# ---- the suspects, one by one -------------------------------------------------------------------------------------

st.header(texts("answer.suspects"))
curves = page.fetch(queries.learning_curves, activation="linear", depth=deepest)
if len(curves) and deeper:
    own = {"activation": "linear", "depth": deepest}
    fitted = page.conclude(overfitting, queries.learning_curves, **own)
    trained = page.conclude(budget, queries.learning_curves, **own)
    upper, lower = st.columns(2), st.columns(2)
    with upper[0]:
        end = shrinkages_at("linear", last).get(deepest)
        if deepest in start and end is not None:
            suspect(
                "vanishing",
                linear_vanishing,
                texts(
                    "answer.evidence.vanishing",
                    layers=page.layers(deepest),
                    start=factor(start[deepest].total),
                    end=factor(end.total),
                    slope=f"{start[deepest].slope.mean:.3g}",
                ),
                "gradients",
                activation="linear",
                depth=str(deepest),
            )
    with lower[0]:
        suspect(
            "overfitting",
            "tiny" if deeper.verdict == "yes" and abs(deeper.accuracy.mean) < NEGLIGIBLE else deeper.verdict,
            texts(
                "answer.evidence.overfitting",
                layers=page.layers(deepest),
                best=page.layers(deeper.best),
                train=f"{deeper.train.mean:+.4f}",
                held_out=f"{deeper.held_out.mean:+.4f}",
                accuracy=points(deeper.accuracy.mean),
                interval=interval(deeper.accuracy),
                gap=points(fitted.accuracy_gap.mean),
            ),
            "overfitting",
            activation="linear",
            depth=str(deepest),
        )
    with upper[1]:
        suspect(
            "budget",
            trained.too_short,
            texts(
                "answer.evidence.budget",
                layers=page.layers(deepest),
                since=trained.since,
                last=trained.last,
                gain=points(trained.gain.mean),
                interval=interval(trained.gain),
            ),
            "depth",
            activation="linear",
        )
    with lower[1]:
        if drop.estimate.certain:
            noise = NOISE[drop.verdict]
            suspect(
                "noise",
                noise,
                texts(
                    "answer.evidence.noise",
                    before=page.layers(before),
                    after=page.layers(after),
                    spread=f"{spread * 100:.2f}",
                    mean=points(drop.estimate.mean),
                    interval=interval(drop.estimate),
                ),
                "depth",
                activation="linear",
            )

# ---- the questions asked back -------------------------------------------------------------------------------------

st.header(texts("answer.follow_ups"))
if len(curves) and deeper:
    depth = min(max(contrast_start), deepest) if contrast_start else 0
    follow_ups.show(page, deeper, contrast, fitted, contrast_start.get(depth), CONTRAST, depth)

# ---- where gradients do vanish ------------------------------------------------------------------------------------

arriving = {
    activation: pd.DataFrame(
        [(depth, found.total.mean, found.total.low, found.total.high) for depth, found in per_depth.items()],
        columns=["depth", "mean", "low", "high"],
    )
    for activation in ACTIVATIONS
    if (per_depth := shrinkages_at(activation, 0))
}
if arriving:
    rows = pd.concat(arriving, names=["activation"]).reset_index("activation")
    page.picture("answer.arrival", charts.arrival(arriving, page.offset, page.style, texts), rows)

# ---- the verdicts -------------------------------------------------------------------------------------------------

st.header(texts("sweep.answer_title"))
for activation in ACTIVATIONS:
    if (grid["activation"] == activation).sum() > 1:
        show_sweep(page, activation)
explain_words(page)
page.try_next("answer")
