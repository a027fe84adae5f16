"""Accuracy and loss by depth: is one depth better than another, by how much, and how sure is that?"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.differences import (
    BestDepth,
    Difference,
    best_depth,
    chosen_by_others,
    deepest_against_best,
    difference_of_any,
    largest_step,
    neighbouring_differences,
    worst_step,
)
from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.chapters.verdicts import show_pair, show_steps, show_sweep
from dashboard.charts import depth as charts
from dashboard.wording import METRICS, Metric, Wording

SPLITS = ("train", "validation", "test")
BEST, DEEPEST = "best", "deepest"

page = Page.current()
texts = page.texts


def choose_splits() -> list[str]:
    """Those chosen, or all where none is."""

    def parse(text: str) -> list[str]:
        return [address.one_of(SPLITS)(split) for split in text.split(",")]

    chosen = address.remember(
        "splits",
        list(SPLITS),
        parse,
        lambda: st.segmented_control(
            texts("page.split"),
            SPLITS,
            selection_mode="multi",
            format_func=lambda split: texts(f"split.{split}"),
            key="splits",
        ),
        write=",".join,
    )
    return [split for split in SPLITS if split in chosen] or list(SPLITS)


def value_limits(activation: str, metric: Metric, splits: Sequence[str]) -> tuple[float, float]:
    curves = page.fetch(queries.metric_over_epochs, activation=activation)
    values = curves.loc[curves["split"].isin(splits), metric]
    return float(values.min()), float(values.max())


def table_of(found: Sequence[Difference], runs: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """The differences with the names that the reader sees."""
    spread = runs.groupby("depth")[wording.metric].std()
    scale = wording.scale

    def column(name: str) -> str:
        return texts(f"depth.table.{name}", unit=wording.unit)

    return pd.DataFrame(
        [
            {
                column("step"): f"{wording.layers(step.before)} → {wording.layers(step.after)}",
                column("difference"): step.estimate.mean * scale,
                column("low"): step.estimate.low * scale if step.estimate.certain else None,
                column("high"): step.estimate.high * scale if step.estimate.certain else None,
                column("verdict"): texts(f"verdict.{step.verdict}"),
                column("spread"): spread.get(step.after, float("nan")) * scale,
                column("seeds"): step.estimate.seeds,
            }
            for step in found
        ]
    )


def show_table(table: pd.DataFrame, wording: Wording) -> None:
    signed, plain = f"%+.{wording.digits}f", f"%.{wording.digits}f"
    names = list(table.columns)
    formats = dict(zip(names[1:4], [signed] * 3, strict=True)) | {names[5]: plain}
    columns = {name: st.column_config.NumberColumn(format=form) for name, form in formats.items()}
    page.table("depth", table, texts("depth.table.alt"), columns=columns)


@st.cache_data(max_entries=500, show_spinner=False)
def judge(
    snapshot: str, epoch: int, activation: str, split: str, metric: str, _runs: pd.DataFrame
) -> tuple[list[Difference], BestDepth, Difference]:
    """Each step from one depth to the next, the best depth, and the deepest against it; of `_runs`, which all that
    stands before it names."""
    return neighbouring_differences(_runs, metric), best_depth(_runs, metric), deepest_against_best(_runs, metric)


def sentences(
    runs: pd.DataFrame, steps: Sequence[Difference], best: BestDepth, against: Difference, wording: Wording
) -> list[str]:
    """What the picture and the table say, chosen by the verdicts."""
    metric = wording.metric
    certain = any(step.estimate.certain for step in steps)
    said = [say_best(best, runs, certain, wording)]
    largest = largest_step(list(steps))
    if largest is not None and certain:
        worst = worst_step(list(steps), metric)
        if largest != worst:
            said.append(say_step("depth.says.largest", largest, wording))
        if worst is None:
            said.append(texts("depth.says.no_worse"))
        elif worst.estimate.certain:
            real = worst.verdict in ("rise", "fall")
            said.append(say_step(f"depth.says.worst_{'real' if real else worst.verdict}", worst, wording))
    deepest = int(runs["depth"].max())
    if deepest == best.depth and runs["depth"].nunique() > 1:
        said.append(texts("depth.says.deepest_is_best", depth=wording.depths(deepest)))
    elif against.estimate.certain:
        said.append(say_step("depth.says.deepest", against, wording))
        rivals = sorted({int(depth) for depth in chosen_by_others(runs, metric)})
        if rivals != [best.depth]:
            said[-1] += " " + texts("wording.rivals", depths=wording.depths(*rivals))
    spread = runs.groupby("depth")[metric].std().dropna()
    if len(spread):
        low, high = wording.spread(spread.min()), wording.spread(spread.max())
        said.append(texts("depth.says.spread", low=low, high=high))
    return said


def say_best(best: BestDepth, runs: pd.DataFrame, certain: bool, wording: Wording) -> str:
    key = "one_seed" if not certain else "tied" if best.rivals else "alone"
    mean = float(runs.loc[runs["depth"] == best.depth, wording.metric].mean())
    values = {
        "metric": texts(f"page.{wording.metric}"),
        "best": wording.depths(best.depth),
        "value": wording.value(mean),
    }
    if key == "tied":
        values |= {"rivals": wording.depths(*best.rivals), "negligible": wording.negligible}
    return texts(f"depth.says.best_{key}", **values)


def say_step(key: str, step: Difference, wording: Wording) -> str:
    return texts(
        key,
        before=wording.depths(step.before),
        after=wording.depths(step.after),
        metric=texts(f"page.{wording.metric}"),
        difference=wording.difference(step.estimate),
        verdict=texts(f"verdict.{step.verdict}"),
    )


def compare(runs: pd.DataFrame, best: BestDepth, wording: Wording) -> None:
    """Two depths of the reader's choice."""
    st.markdown(f"### {texts('depth.compare.title')}")
    depths = [str(int(depth)) for depth in sorted(runs["depth"].unique())]
    named = {BEST: texts("depth.compare.best"), DEEPEST: texts("depth.compare.deepest")}

    def label(choice: str) -> str:
        return named[choice] if choice in named else wording.depths(int(choice))

    fixed = {BEST: best.depth, DEEPEST: int(depths[-1])}

    def choose(key: str, default: str) -> str:
        options = [default, *depths]
        return address.remember(
            key,
            default,
            address.one_of(options),
            lambda: st.selectbox(texts(f"depth.compare.{key}"), options, format_func=label, key=key),
        )

    columns = st.columns(2)
    with columns[0]:
        first = choose("from", BEST)
    with columns[1]:
        second = choose("to", DEEPEST)
    before, after = (fixed[choice] if choice in fixed else int(choice) for choice in (first, second))
    if before == after:
        st.markdown(texts("depth.compare.same", depth=wording.depths(before)))
        return
    found = difference_of_any(runs, wording.metric, before, after)
    if not found.estimate.seeds:
        needed = texts("depth.needs_pairs", before=wording.depths(before), after=wording.depths(after))
        st.markdown(texts("problem.too_few", needed=needed))
        return
    st.markdown(say_step("depth.compare.found", found, wording))
    show_pair(page, activation, before, after)


page.header("depth")

grid = page.fetch(queries.grid)
if grid.empty:
    st.info(texts("problem.no_runs"))
    st.stop()

controls = st.columns([3, 2, 3])
with controls[0]:
    activation = page.choose_activation(list(grid["activation"].unique()))
with controls[1]:
    wording = Wording(
        texts,
        page.counting,
        page.choose("metric", texts("page.metric"), METRICS, METRICS[0], lambda name: texts(f"page.{name}")),
    )
with controls[2]:
    splits = choose_splits()
fixed_axis = page.switch("fixed", texts("depth.fixed"), texts("depth.fixed_help"))

chosen = grid[grid["activation"] == activation]
compared = "test" if "test" in splits else splits[-1]
if chosen["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))
if chosen["diverged"].sum():
    st.info(texts("problem.diverged", count=int(chosen["diverged"].sum())))


def draw(epoch: int) -> None:
    """All that depends on the epoch."""
    everything = page.fetch(queries.metrics_at, epoch=epoch)
    runs = everything[(everything["activation"] == activation) & everything["split"].isin(splits)]
    judged = runs[runs["split"] == compared]
    if judged.empty:
        st.info(texts("problem.too_few", needed=texts("depth.needs_epoch", epoch=epoch)))
        return
    names = {
        "metric": texts(f"page.{wording.metric}"),
        "activation": texts(f"activation.{activation}"),
        "split": texts(f"split.{compared}"),
        "epoch": epoch,
        "confidence": wording.confidence,
    }
    limits = value_limits(activation, wording.metric, splits) if fixed_axis else None
    page.picture("depth.curve", charts.by_depth(runs, splits, wording, page.style, texts, limits), runs, **names)

    steps, best, against = judge(str(page.snapshot), epoch, activation, compared, wording.metric, judged)
    table = table_of(steps, judged, wording)
    if any(step.estimate.certain for step in steps):
        figure = charts.differences(steps, wording, page.style, texts)
        page.picture("depth.differences", figure, table, negligible=wording.negligible, **names)
    else:
        st.info(texts("problem.too_few", needed=texts("depth.needs_differences")))
    if steps:
        show_table(table, wording)
        compare(judged, best, wording)
    page.says(*sentences(judged, steps, best, against, wording))

    if grid["activation"].nunique() > 1:
        same_split = everything[everything["split"] == compared]
        figure = charts.by_activation(same_split, wording, page.style, texts)
        page.picture("depth.activations", figure, same_split, **names)


page.with_epoch(int(chosen["epochs"].max()), draw)
show_sweep(page, activation)
show_steps(page, activation)
page.try_next("depth")
