"""What depth costs, what it brings, and whether more parameters give a better result."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.cost import (
    COSTS,
    Cost,
    Series,
    by_settings,
    doubling,
    frontier,
    more_is_better,
    series_of,
    with_costs,
)
from dashboard.analysis.differences import verdict_of
from dashboard.analysis.settings import alike, differing
from dashboard.chapters.page import Page
from dashboard.chapters.verdicts import show_sweep
from dashboard.charts import cost as charts
from dashboard.charts.style import ACTIVATION_COLOURS
from dashboard.queries.plain import PLAIN
from dashboard.settings_wording import SettingsWording
from dashboard.wording import Wording

USUAL_DEPTH = 5  # where the asker saw accuracy fall
DATASETS = ("mnist", "fashion_mnist")
PLAIN_CHOICE = ("activation", "depth")  # what the networks of the question differ in

page = Page.current()
texts = page.texts
wording = Wording(texts, page.counting, "accuracy")
settings = SettingsWording(texts, page.counting)


@st.cache_data(max_entries=20, show_spinner=False)
def plain_runs(snapshot: str, dataset: str) -> pd.DataFrame:
    """The networks of the question on one dataset, with what they cost."""
    runs = with_costs(queries.all_runs(Path(snapshot)))
    return alike(runs, PLAIN | {"dataset": dataset}, apart_from=PLAIN_CHOICE)


@st.cache_data(max_entries=20, show_spinner=False)
def settings_table(snapshot: str, dataset: str, everything: bool) -> pd.DataFrame:
    """Every setting on one dataset, or those of the question alone."""
    if not everything:
        return by_settings(plain_runs(snapshot, dataset))
    runs = with_costs(queries.all_runs(Path(snapshot)))
    return by_settings(runs[(runs["dataset"] == dataset) & (runs["origin"] == "grid")])


@st.cache_data(max_entries=20, show_spinner=False)
def all_series(snapshot: str) -> list[Series]:
    """By depth for each dataset and activation; by width for each of these and depth as well, where that is stored."""
    runs = with_costs(queries.all_runs(Path(snapshot)))
    runs = runs[runs["origin"] == "grid"]
    return [
        *series_of(runs, PLAIN, "depth", ("dataset", "activation")),
        *series_of(runs, PLAIN, "width", ("dataset", "activation", "depth")),
    ]


def name_of(series: Series) -> tuple[str, ...]:
    """A series in words: what it has, and last what grows in it."""
    grows = texts(
        f"cost.grows_{series.varied}",
        first=settings.value(series.varied, series.values[0]),
        last=settings.value(series.varied, series.values[2]),
    )
    shared = [settings.value(name, value) for name, value in series.shared.items() if name != "depth"]
    depths = [wording.depths(int(series.shared["depth"]))] if "depth" in series.shared else []
    return texts("setting.separator").join(shared), *depths, grows


def draw_doubling(runs: pd.DataFrame, depth: int) -> None:
    found = doubling(runs, depth)
    if found is None:
        st.info(texts("problem.too_few", needed=texts("cost.needs_double", layers=page.layers(2 * max(depth, 1)))))
        return
    page.says(
        texts(
            "cost.says.doubling",
            before=wording.depths(found.before),
            after=wording.depths(found.after),
            parameters=f"{found.parameters:.2f}",
            operations=f"{found.operations:.2f}",
            memory=f"{found.memory:.2f}",
            seconds=f"{found.seconds:.1f}",
        ),
        texts(
            "cost.says.brings",
            difference=wording.difference(found.accuracy),
            verdict=texts(f"verdict.{verdict_of(found.accuracy)}"),
        ),
    )


def draw_frontier(dataset: str, everything: bool, cost: Cost) -> None:
    table = settings_table(str(page.snapshot), dataset, everything)
    marked = frontier(table[cost].to_numpy(float), table["mean"].to_numpy(float))
    others = [name for name in differing(table) if name not in PLAIN_CHOICE]

    def describe(row: pd.Series) -> str:
        names = ["depth", *(["activation"] if row["depth"] else []), *others]  # without hidden layers there is none
        return settings.described({str(name): value for name, value in row.items()}, names)

    names = [describe(row) for _, row in table.iterrows()]
    figure = charts.mistakes_against(table, cost, marked, names, page.style, texts)
    values = {"cost": texts(f"cost.axis_{cost}"), "dataset": texts(f"setting.dataset_{dataset}")}
    page.picture("cost.frontier_picture", figure, table.assign(frontier=marked), **values)
    best = table[marked].sort_values(cost)
    cheapest, dearest = best.iloc[0], best.iloc[-1]
    top = table[table[cost] == table[cost].max()]
    most = top.iloc[int(top["mean"].to_numpy().argmax())]
    page.says(
        texts(
            "cost.says.frontier",
            count=len(best),
            all=len(table),
            cheapest=describe(cheapest),
            least=wording.value(cheapest["mean"]),
            best=describe(dearest),
            most=wording.value(dearest["mean"]),
            factor=f"{dearest[cost] / cheapest[cost]:,.1f}",
        ),
        texts("cost.says.dearest_is_best")
        if most[cost] == dearest[cost]
        else texts(
            "cost.says.dearest" if len(top) == 1 else "cost.says.dearest_of",
            network=describe(most),
            count=len(top),
            factor=f"{most[cost] / dearest[cost]:,.1f}",
            value=wording.value(most["mean"]),
        ),
    )


def draw_series(found: list[Series]) -> None:
    # Broken into lines, or a phone has no room left for the figures.
    rows = [
        (
            "<br>".join(name_of(each)),
            each.whole.mean,
            each.whole.low,
            each.whole.high,
            ACTIVATION_COLOURS[each.shared["activation"]],
        )
        for each in found
    ]
    columns = [
        texts(f"cost.series.{name}", unit=wording.unit)
        for name in (
            "name",
            "smallest",
            "largest",
            "change",
            "low",
            "high",
            "verdict",
            "best",
            "beyond",
            "beyond_verdict",
        )
    ]
    table = pd.DataFrame(
        [
            (
                texts("setting.separator").join(name_of(each)),
                each.sizes[0],
                each.sizes[2],
                each.whole.mean * 100,
                each.whole.low * 100 if each.whole.certain else None,
                each.whole.high * 100 if each.whole.certain else None,
                texts(f"verdict.{each.whole_verdict}"),
                each.sizes[1],
                each.beyond.mean * 100 if each.beyond is not None else None,
                texts(f"verdict.{each.beyond_verdict}") if each.beyond_verdict else texts("cost.series.is_best"),
            )
            for each in found
        ],
        columns=columns,
    )
    page.picture("cost.series", charts.series(rows, columns[0], wording, page.style), table)
    number = st.column_config.NumberColumn
    formats = {columns[place]: number(format="localized") for place in (1, 2, 7)}
    formats |= {columns[place]: number(format="%+.2f") for place in (3, 4, 5, 8)}
    page.table("cost_series_figures", table, texts("cost.series.table_alt"), columns=formats, height="content")
    said = []
    for dataset in DATASETS:
        own = [each for each in found if each.shared["dataset"] == dataset]
        name = texts(f"setting.dataset_{dataset}")
        if not own:
            said.append(texts("cost.says.not_stored", dataset=name))
            continue
        counts = {
            verdict: sum(each.whole_verdict == verdict for each in own)
            for verdict in ("rise", "flat", "fall", "cannot_tell")
        }
        harmed = sum(each.beyond_verdict == "fall" for each in own)
        answer = texts(f"cost.says.more_{more_is_better(own)}", dataset=name)
        said.append(answer + texts("cost.says.counts", all=len(own), harmed=harmed, **counts))
    page.says(*said)


# ---- the page -----------------------------------------------------------------------------------------------------

page.header("cost")
stored = page.fetch(queries.grid)
if stored.empty:
    st.info(texts("problem.no_runs"))
    st.stop()
if stored["seeds"].max() < 2:
    st.info(texts("problem.one_seed"))

left, right = st.columns(2, gap="large")
with left:
    activation = page.choose_activation(list(stored["activation"].unique()))
runs = plain_runs(str(page.snapshot), "mnist")
runs = runs[runs["activation"] == activation]
depths = sorted(int(depth) for depth in runs["depth"].unique())
with right:
    depth = page.choose_depth(depths, USUAL_DEPTH) if len(depths) > 1 else depths[0]
kept = ["depth", "seed", "parameters", "flops_per_example", "epoch_seconds", "training_bytes"]
page.picture("cost.by_depth", charts.by_depth(runs, wording, page.style, texts), runs[kept])
draw_doubling(runs, depth)

st.header(texts("cost.worth"))
everything = page.fetch(queries.all_runs)
grid = everything[everything["origin"] == "grid"]
present = [dataset for dataset in DATASETS if (grid["dataset"] == dataset).any()]
dataset = present[0]
with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
    if len(present) > 1:
        dataset = page.choose(
            "dataset", texts("setting.dataset"), present, present[0], lambda name: texts(f"setting.dataset_{name}")
        )
    cost = page.choose("against", texts("cost.against"), COSTS, COSTS[0], lambda name: texts(f"cost.against_{name}"))
    wide = page.switch("everything", texts("cost.everything"), texts("cost.everything_help"))
if wide or not plain_runs(str(page.snapshot), dataset).empty:
    draw_frontier(dataset, wide, cost)
else:
    st.info(texts("cost.only_others"))

st.header(texts("cost.more"))
found = all_series(str(page.snapshot))
if found:
    draw_series(found)
else:
    st.info(texts("problem.too_few", needed=texts("cost.needs_series")))
show_sweep(page, activation)
page.try_next("cost")
