"""Overfitting: what it is, which figures show it, and whether these networks do it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.differences import improves, negligible, paired_difference, verdict_of
from dashboard.analysis.estimates import CONFIDENCE, Estimate, estimate
from dashboard.analysis.overfitting import (
    WIDE_GAP,
    Overfitting,
    best_epoch,
    gap,
    overfitting,
    overfitting_by_depth,
    overfitting_of_each,
)
from dashboard.chapters.page import Page
from dashboard.chapters.verdicts import show_sweep
from dashboard.charts import overfitting as charts
from dashboard.wording import METRICS, Wording

SPLITS = ("train", "validation", "test")
USUAL_DEPTH = 5  # where the asker saw the accuracy fall

page = Page.current()
texts = page.texts


def negated(found: Estimate) -> Estimate:
    return Estimate(-found.mean, -found.high, -found.low, found.seeds)


def say_reading(found: Overfitting, depth: int) -> list[str]:
    """Whether the chosen network overfits, by the rule, and the figures that decide it."""
    loss, accuracy = Wording(texts, page.counting, "loss"), Wording(texts, page.counting, "accuracy")
    values = {
        "depth": loss.depths(depth),
        "best": found.best_epoch,
        "last": found.last_epoch,
        "rise": loss.difference(found.loss_rise),
        "training": loss.difference(negated(found.train_fall)),
        "gap": accuracy.difference(found.accuracy_gap),
        "negligible": loss.negligible,
        "small": accuracy.negligible,
        "trained": accuracy.value(found.train_accuracy.mean),
        "later": accuracy.difference(found.accuracy_change),
    }
    if not found.loss_rise.certain:
        return [texts("overfitting.says.one_seed", **values)]
    said = [texts(f"overfitting.says.{found.reading}", **values)]
    if found.reading == "overfits":
        said[0] += " " + texts(f"overfitting.says.stopping_{verdict_of(found.accuracy_change)}", **values)
    end = "at_end" if found.best_epoch == found.last_epoch else "before_end"
    said += [texts(f"overfitting.says.best_{end}", **values), texts("overfitting.says.gap_size", **values)]
    return [*said, texts("overfitting.says.hardly_learned", **values)] if found.hardly_learned else said


def say_gaps(gaps: pd.DataFrame, runs: pd.DataFrame, wording: Wording, epoch: int) -> list[str]:
    """How the gap at one epoch goes with depth, and what the training and test figures do meanwhile."""
    depths = sorted(int(depth) for depth in gaps["depth"].unique())
    shallowest, deepest = depths[0], depths[-1]
    first = estimate(gaps.loc[gaps["depth"] == shallowest, "gap"].to_numpy())
    said = []
    if first.certain and first.high < 0:
        said.append(
            texts(
                "overfitting.says.easier",
                depth=wording.depths(shallowest),
                gap=wording.difference(first),
            )
        )
    if len(depths) > 1:
        renamed = gaps.rename(columns={"gap": wording.metric})
        change = paired_difference(renamed, wording.metric, shallowest, deepest)
        train, test = (
            paired_difference(runs[runs["split"] == split], wording.metric, shallowest, deepest).estimate
            for split in ("train", "test")
        )
        how = _how_wider(train, wording) if change.verdict == "rise" else change.verdict
        if change.estimate.certain:
            said.append(
                texts(
                    f"overfitting.says.deeper_{how}",
                    metric=texts(f"page.{wording.metric}"),
                    train=f"{wording.change(train.mean)} {wording.unit}",
                    test=f"{wording.change(test.mean)} {wording.unit}",
                    before=wording.depths(shallowest),
                    after=wording.depths(deepest),
                    difference=wording.difference(change.estimate),
                    epoch=epoch,
                    negligible=wording.negligible,
                )
            )
    return said


def _how_wider(train: Estimate, wording: Wording) -> str:
    """A gap that is wider with more layers, by what the training figure does meanwhile."""
    if improves(train, wording.metric):
        return "rise"
    if improves(negated(train), wording.metric):
        return "rise_worse"
    return "rise_same" if verdict_of(train, negligible(wording.metric)) == "flat" else "rise_open"


def notes(last: int, resampled: int | None, names: dict[str, object]) -> dict[str, str]:
    """What each picture has to add about the epochs that it shows."""

    def note(picture: str) -> str:
        if last > charts.LONG:
            return texts("overfitting.note.long") if picture != "gap_depth" else ""
        return texts(f"overfitting.note.{picture}", **names) if resampled else ""

    return {f"note_{picture}": note(picture) for picture in ("loss", "accuracy", "gap_epochs", "gap_depth")}


def say_depth(everything: pd.DataFrame, last: int) -> str:
    """Whether more layers fit the training data better, and held-out data worse."""
    frame = everything[everything["epoch"] == last]
    if frame["depth"].nunique() < 2 or not set(SPLITS) <= set(frame["split"]):
        return ""
    found = overfitting_by_depth(frame)
    loss, accuracy = Wording(texts, page.counting, "loss"), Wording(texts, page.counting, "accuracy")
    if found.best == found.deepest:
        return texts("overfitting.says.depth_best_is_deepest", depth=loss.depths(found.deepest))
    if not found.held_out.certain:
        return ""
    key = "underfits" if found.underfits else "slightly" if found.slight else found.verdict
    return texts(
        f"overfitting.says.depth_{key}",
        best=loss.depths(found.best),
        deepest=loss.depths(found.deepest),
        train=loss.difference(found.train),
        held_out=loss.difference(found.held_out),
        accuracy=accuracy.difference(found.accuracy),
        negligible=loss.negligible,
    )


def show_readings(readings: dict[int, Overfitting]) -> None:
    """The rule's verdict for every depth."""
    st.markdown(f"### {texts('overfitting.table.title')}")
    names = {
        name: texts(f"overfitting.table.{name}")
        for name in ("depth", "reading", "best", "rise", "rise_low", "rise_high", "gap", "gap_low", "gap_high")
    }
    rows = []
    for depth, found in readings.items():
        width = found.accuracy_gap
        later = found.best_epoch < found.last_epoch
        rise = found.loss_rise if later else estimate(np.array([]))
        rows.append(
            {
                names["depth"]: page.layers(depth),
                names["reading"]: texts(f"overfitting.reading.{found.reading}"),
                names["best"]: found.best_epoch,
                names["rise"]: rise.mean if later else None,
                names["rise_low"]: rise.low if rise.certain else None,
                names["rise_high"]: rise.high if rise.certain else None,
                names["gap"]: width.mean * 100,
                names["gap_low"]: width.low * 100 if width.certain else None,
                names["gap_high"]: width.high * 100 if width.certain else None,
            }
        )
    formats = {names[name]: "%+.4f" for name in ("rise", "rise_low", "rise_high")}
    formats |= {names[name]: "%+.2f" for name in ("gap", "gap_low", "gap_high")}
    columns = {name: st.column_config.NumberColumn(format=form) for name, form in formats.items()}
    content = pd.DataFrame(rows)
    page.table("overfitting", content, texts("overfitting.table.alt"), columns=columns, height="content")


def choose_budget() -> dict[str, int]:
    """With how much data, and how long, the networks were trained; nothing where that is as in the question."""
    found = page.fetch(queries.budgets)
    options = {f"{size}x{epochs}": (int(size), int(epochs)) for size, epochs in found.itertuples(index=False)}
    if len(options) < 2:
        return {}

    def name(option: str) -> str:
        size, epochs = options[option]
        return texts("overfitting.budget_option", images=f"{size:,}", epochs=f"{epochs:,}")

    usual = next(iter(options))
    chosen = page.pick("budget", texts("overfitting.budget"), [*options], name, width=360)
    size, epochs = options[chosen]
    return {} if chosen == usual else {"train_size": size, "epochs": epochs}


page.header("overfitting")
st.markdown(texts("overfitting.which", wide=f"{WIDE_GAP * 100:g}"))

budget = choose_budget()
grid = page.fetch(queries.grid, **budget)
if grid.empty:
    st.info(texts("problem.no_runs"))
    st.stop()

controls = st.columns([3, 4], vertical_alignment="bottom")
with controls[0]:
    activation = page.choose_activation(list(grid["activation"].unique()))
chosen = grid[grid["activation"] == activation]
with controls[1]:
    depths = sorted(int(depth) for depth in chosen["depth"])
    depth = page.choose_depth(depths, USUAL_DEPTH) if len(depths) > 1 else depths[0]
if chosen["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))
if chosen["diverged"].sum():
    st.info(texts("problem.diverged", count=int(chosen["diverged"].sum())))

# ---- one network over its epochs ----------------------------------------------------------------------------------

curves = page.fetch(queries.learning_curves, activation=activation, depth=depth, **budget)
if curves.empty or not set(SPLITS) <= set(curves["split"]):
    st.info(texts("problem.too_few", needed=texts("overfitting.needs_curves")))
    st.stop()
examples = page.fetch(queries.training_examples, **budget).iloc[0]
as_keras = page.switch("keras", texts("overfitting.keras"), texts("overfitting.keras_help"))
splits = (*SPLITS, "train_running") if as_keras else SPLITS
resampled = int(chosen["epochs"].max()) if examples["sample"] < examples["everything"] else None
best = best_epoch(curves)
names = {
    "depth": Wording(texts, page.counting, "loss").depths(depth),
    "activation": texts(f"activation.{activation}"),
    "best": best,
    "sample": f"{examples['sample']:,}",
    "everything": f"{examples['everything']:,}",
    "confidence": f"{CONFIDENCE * 100:g} %",
}
names |= notes(int(chosen["epochs"].max()), resampled, names)
for column, metric in zip(st.columns(2), reversed(METRICS), strict=True):
    with column:
        shown = Wording(texts, page.counting, metric)
        page.picture(
            f"overfitting.{metric}",
            charts.over_epochs(curves, splits, best, shown, page.style, texts, resampled),
            curves[curves["split"].isin(splits)],
            **names,
        )
found = page.conclude(overfitting, queries.learning_curves, activation=activation, depth=depth, **budget)
page.says(*say_reading(found, depth))
with st.expander(texts("overfitting.rule_title")):
    small = {metric: Wording(texts, page.counting, metric).negligible for metric in METRICS}
    wide = f"{WIDE_GAP * 100:g} {Wording(texts, page.counting, 'accuracy').unit}"
    st.markdown(texts("overfitting.rule", negligible=small["loss"], small=small["accuracy"], wide=wide, **names))

# ---- the gap, for every depth -------------------------------------------------------------------------------------

st.header(texts("overfitting.gaps"))
wording = Wording(
    texts,
    page.counting,
    page.choose("metric", texts("page.metric"), METRICS, METRICS[0], lambda name: texts(f"page.{name}")),
)
everything = page.fetch(queries.metric_over_epochs, activation=activation, **budget)
gaps = gap(everything, wording.metric).dropna(subset="gap")
names["metric"] = texts(f"page.{wording.metric}")
page.picture(
    "overfitting.gap_epochs", charts.gap_over_epochs(gaps, depth, wording, page.style, texts, resampled), gaps, **names
)


def draw(epoch: int) -> None:
    """The gap by depth at one epoch."""
    then = gaps[gaps["epoch"] == epoch]
    if then.empty:
        st.info(texts("problem.too_few", needed=texts("overfitting.needs_epoch", epoch=epoch)))
        return
    figure = charts.gap_by_depth(then, depth, wording, page.style, texts)
    page.picture("overfitting.gap_depth", figure, then, epoch=epoch, **names)
    runs = everything[everything["epoch"] == epoch]
    page.says(*say_gaps(then, runs, wording, epoch), say_depth(everything, int(everything["epoch"].max())))


recorded = sorted(int(epoch) for epoch in everything["epoch"].unique())
if recorded[-1] >= len(recorded):  # a long training, of which some epochs are stored
    page.with_epoch(recorded[-1], draw, recorded)
else:
    page.with_epoch(int(chosen["epochs"].max()), draw)
show_readings(page.conclude(overfitting_of_each, queries.metric_over_epochs, activation=activation, **budget))
show_sweep(page, activation, about="overfitting", **budget)
page.try_next("overfitting")
