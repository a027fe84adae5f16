"""What would have to be different? One thing is changed, all else stays: answered from stored runs alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.differences import NEGLIGIBLE
from dashboard.analysis.estimates import bands
from dashboard.analysis.settings import alike
from dashboard.chapters import verdicts
from dashboard.chapters.page import Page
from dashboard.charts import remedies as charts
from dashboard.charts.heat import layer_over_depth
from dashboard.diagnosis import sweep
from dashboard.diagnosis.counterfactuals import FIELDS, Counterfactual, counterfactuals
from dashboard.diagnosis.signs import guessing_where_diverged
from dashboard.queries.plain import PLAIN
from dashboard.settings_wording import SettingsWording
from dashboard.wording import Wording

USUAL_DEPTH = 5  # where the asker saw accuracy fall
USUAL_ACTIVATION = "sigmoid"  # where something is really wrong
DATASETS = ("mnist", "fashion_mnist")
VERDICTS = ("rise", "fall", "flat", "cannot_tell")
TROUBLES = ("accuracy", "training", "gap")
ASKED = (  # what the chapter could change, if it is stored
    "activation",
    "initializer",
    "learning_rate",
    "optimizer",
    "shortcut",
    "normalization",
    "dropout",
    "train_size",
    "epochs",
    "width",
)

page = Page.current()
texts = page.texts
wording = Wording(texts, page.counting, "accuracy")
settings = SettingsWording(texts, page.counting)
words = verdicts.words_of(page)


@st.cache_data(max_entries=20, show_spinner=False)
def judged_runs(snapshot: str, trouble: str) -> pd.DataFrame:
    """Every run of the grid by the figure that the trouble is about, as `accuracy`: larger is better.

    The gap is zero where test accuracy is no lower than training accuracy; runs that diverged have none, and are left
    out.
    """
    runs = queries.all_runs(Path(snapshot))
    figures = {
        "accuracy": runs["test_accuracy"],
        "training": runs["train_accuracy"],
        "gap": (runs["test_accuracy"] - runs["train_accuracy"]).clip(upper=0.0),
    }
    diverged = runs["status"] == "diverged"
    judged = runs["origin"] == "grid"
    if trouble == "gap":
        judged &= ~diverged
    runs = runs.assign(accuracy=figures[trouble], diverged=diverged)
    return runs.loc[judged, [*FIELDS, "seed", "accuracy", "diverged"]]


@st.cache_data(max_entries=200, show_spinner=False)
def changes_of(snapshot: str, trouble: str, base: tuple[tuple[str, Any], ...]) -> list[Counterfactual]:
    """The stored single changes of one network, the greatest help first. Another depth is not a remedy here."""
    runs, configuration = judged_runs(snapshot, trouble), dict(base)
    return counterfactuals(runs[runs["depth"] == configuration["depth"]], configuration)


def choose_base(runs: pd.DataFrame) -> dict[str, Any] | None:
    """The network that has the trouble: as in the question but for images, activation, starting weights, depth and
    amount of data; None where none is stored."""
    free = ("dataset", "activation", "initializer", "depth", "train_size", "epochs")
    plain = alike(runs, PLAIN, apart_from=free)
    if plain.empty:
        return None
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        datasets = [name for name in DATASETS if (plain["dataset"] == name).any()]
        dataset = datasets[0]
        if len(datasets) > 1:
            dataset = page.choose(
                "dataset", texts("setting.dataset"), datasets, dataset, lambda name: settings.value("dataset", name)
            )
        plain = plain[plain["dataset"] == dataset]
        activation = page.choose_activation([*plain["activation"].unique()], USUAL_ACTIVATION)
        plain = plain[plain["activation"] == activation]
        starts = sorted(plain["initializer"].unique(), key=lambda name: (name != PLAIN["initializer"], name))
        start = starts[0]
        if len(starts) > 1:
            start = page.pick(
                "start",
                texts("setting.initializer"),
                starts,
                lambda each: settings.value("initializer", each),
                width=280,
            )
        plain = plain[plain["initializer"] == start]
        sizes = sorted((int(size) for size in plain["train_size"].unique()), reverse=True)
        size = sizes[0]
        if len(sizes) > 1:
            size = page.pick("images", texts("setting.train_size"), sizes, lambda each: f"{each:,}", width=180)
        plain = plain[plain["train_size"] == size]
    budgets = sorted(int(epochs) for epochs in plain["epochs"].unique())
    epochs = PLAIN["epochs"] if PLAIN["epochs"] in budgets else budgets[-1]
    depths = sorted(int(depth) for depth in plain.loc[plain["epochs"] == epochs, "depth"].unique())
    usual = _best_answered(alike(runs, {"dataset": dataset, "activation": activation, "initializer": start}), depths)
    depth = page.choose_depth(depths, usual) if len(depths) > 1 else depths[0]
    chosen = {"dataset": dataset, "activation": activation, "initializer": start, "train_size": size}
    return PLAIN | chosen | {"epochs": epochs, "depth": depth}


def _best_answered(runs: pd.DataFrame, depths: Sequence[int]) -> int:
    """Of these depths the one with the most kinds of networks to compare with; of several, that next to the usual."""
    settings = [name for name in FIELDS if name != "depth"]
    kinds = runs.drop_duplicates(["depth", *settings])["depth"].value_counts()
    return max(depths, key=lambda depth: (kinds.get(depth, 0), -abs(depth - USUAL_DEPTH)))


def own_figures(runs: pd.DataFrame, configuration: Mapping[str, Any]) -> "pd.Series[float]":
    """The figure of each seed of one network; guessing where it diverged."""
    own = alike(runs, configuration).drop_duplicates("seed").set_index("seed")
    return guessing_where_diverged(own)["accuracy"]


def written(change: Counterfactual) -> str:
    """A change in the address."""
    return ",".join(f"{field}={after}" for field, (_, after) in change.changed.items())


def show_ranking(found: list[Counterfactual], trouble: str) -> None:
    names = [words.change(each.changed) for each in found]
    columns = [
        texts(f"remedies.table.{name}", unit=wording.unit)
        for name in ("change", "effect", "low", "high", "verdict", "with", "seeds")
    ]
    table = pd.DataFrame(
        [
            (
                name,
                each.effect.mean * 100,
                each.effect.low * 100 if each.effect.certain else None,
                each.effect.high * 100 if each.effect.certain else None,
                texts(f"remedies.verdict.{each.verdict}"),
                each.accuracy * 100,
                each.effect.seeds,
            )
            for name, each in zip(names, found, strict=True)
        ],
        columns=columns,
    )
    axis = texts(f"remedies.axis_{trouble}")
    figure = charts.ranking(
        found, [words.change_in_lines(each.changed) for each in found], wording, axis, page.style, texts
    )
    page.picture("remedies.ranking", figure, table, network=network, measured=texts(f"remedies.trouble_{trouble}"))
    formats: dict[str, Any] = dict.fromkeys(columns[1:4], st.column_config.NumberColumn(format="%+.2f"))
    formats[columns[4]] = st.column_config.TextColumn(width="medium")
    formats[columns[5]] = st.column_config.NumberColumn(format="%.2f")
    page.table("remedies", table, texts("remedies.table.alt"), columns=formats, height="content")


def show_change(change: Counterfactual, runs: pd.DataFrame, base: dict[str, Any], trouble: str) -> None:
    """One change: seed by seed, over the depths, and layer by layer."""
    changed = base | {field: after for field, (_, after) in change.changed.items()}
    before, after = own_figures(runs, base), own_figures(runs, changed)
    pairs = pd.DataFrame({"before": before, "after": after}).dropna().rename_axis("seed").reset_index()
    named = {"network": network, "change": words.change(change.changed)}
    old, new = texts("remedies.old"), texts("remedies.new")
    left, right = st.columns(2)
    with left:
        axis = texts(f"remedies.axis_figure_{trouble}")
        figure = charts.pairs(pairs, old, new, wording, axis, page.style, texts)
        page.picture("remedies.pairs", figure, pairs, seeds=len(pairs), **named)
    families = [{name: value for name, value in each.items() if name != "depth"} for each in (base, changed)]
    with right:
        ends = [sweep.ends(page.fetch(queries.family_metrics, **family)) for family in families]
        tests = [rows[rows["split"] == "test"] for rows in ends]
        figure = charts.by_depth(tests[0], tests[1], (old, new), int(base["depth"]), wording, page.style)
        data = pd.concat(tests, keys=["old", "new"], names=["network"]).reset_index("network")
        page.picture("remedies.by_depth", figure, data, **named)
    show_layers(families, int(base["depth"]), named)
    page.says(*change_sentences(change, tests, base, trouble))


def show_layers(families: list[dict[str, Any]], depth: int, named: dict[str, str]) -> None:
    moments = ("start", "end")
    moment = page.choose(
        "moment", texts("remedies.moment"), moments, moments[0], lambda each: texts(f"remedies.moment_{each}")
    )
    layers = [page.fetch(queries.family_layers, last=moment == "end", **family) for family in families]
    cells = pd.concat(layers, keys=["old", "new"], names=["activation"]).reset_index("activation")
    if not cells["value"].notna().any():
        st.info(texts("problem.too_few", needed=texts("remedies.needs_layers")))
        return
    names = {"old": texts("remedies.old"), "new": texts("remedies.new")}
    figure = layer_over_depth(
        cells,
        (float(cells["value"].min()), float(cells["value"].max())),
        names,
        ("new", depth),
        texts("gradients.heat.bar_delta_rms"),
        page.offset,
        page.layers_title,
        texts,
        page.style,
    )
    data = cells.rename(columns={"activation": "network", "value": "log10_delta_rms"})
    page.picture("remedies.layers", figure, data, moment=texts(f"remedies.moment_{moment}"), **named)


def change_sentences(
    change: Counterfactual, tests: list[pd.DataFrame], base: Mapping[str, Any], trouble: str
) -> list[str]:
    """The effect at this depth; and what the change does to the other depths that both have."""
    said = [
        texts(
            f"remedies.says.{change.verdict}",
            change=words.change(change.changed),
            measured=texts(f"remedies.trouble_{trouble}"),
            difference=wording.difference(change.effect),
            seeds=change.effect.seeds,
        )
    ]
    means = [bands(rows, ["depth"], "accuracy").set_index("depth")["mean"] for rows in tests]
    common = means[0].index.intersection(means[1].index)
    if len(common) > 1:
        best = [int(common.to_numpy()[each[common].to_numpy().argmax()]) for each in means]
        said.append(
            texts(
                "remedies.says.best_depth",
                before=wording.depths(best[0]),
                before_value=wording.value(float(means[0][best[0]])),
                after=wording.depths(best[1]),
                after_value=wording.value(float(means[1][best[1]])),
            )
        )
    return said


def summary(found: list[Counterfactual], own: "pd.Series[float]", trouble: str) -> list[str]:
    """How the network stands, what helps most, and what nobody has tried."""
    counts = {verdict: sum(each.verdict == verdict for each in found) for verdict in VERDICTS}
    value = wording.change(float(own.mean())) if trouble == "gap" else wording.value(float(own.mean()))
    said = [texts(f"remedies.says.now_{trouble}", network=network, value=value, seeds=len(own))]
    if trouble == "gap" and own.mean() > -NEGLIGIBLE:
        said.append(texts("remedies.says.no_gap", negligible=wording.negligible))
    if counts["rise"]:
        best, difference = words.change(found[0].changed), wording.difference(found[0].effect)
        said.append(texts("remedies.says.best", change=best, difference=difference, seeds=found[0].effect.seeds))
    elif found:
        said.append(texts("remedies.says.no_cure"))
    if found:
        said.append(texts("remedies.says.counts", all=len(found), **counts))
    tried = {field for each in found for field in each.changed}
    missing = [settings.name(field) for field in ASKED if field not in tried]
    if missing:
        said.append(texts("remedies.says.missing", names=texts("wording.separator").join(missing)))
    return said


# ---- the page -----------------------------------------------------------------------------------------------------

page.header("remedies")
trouble = page.choose(
    "trouble",
    texts("remedies.trouble"),
    TROUBLES,
    TROUBLES[0],
    lambda name: texts(f"remedies.ask_{name}"),
    texts("remedies.trouble_help"),
)
runs = judged_runs(str(page.snapshot), trouble)
base = choose_base(runs.dropna(subset="accuracy"))
if base is None:
    st.info(texts("problem.no_runs"))
    st.stop()
own = own_figures(runs, base)
if len(own) < 2:
    st.info(texts("problem.one_seed"))
network = texts(
    "remedies.network",
    layers=wording.depths(base["depth"]),
    activation=texts(f"activation.{base['activation']}"),
    images=f"{base['train_size']:,}",
)
if base["initializer"] != PLAIN["initializer"]:
    network = texts("setting.separator").join([network, settings.described(base, ["initializer"])])
found = changes_of(str(page.snapshot), trouble, tuple(base.items()))
if found:
    show_ranking(found, trouble)
page.says(*summary(found, own, trouble))
if found:
    st.subheader(texts("remedies.look"))
    by_text = {written(each): each for each in found}
    chosen = next(iter(by_text))
    if len(by_text) > 1:
        chosen = page.pick(
            "change", texts("remedies.change"), [*by_text], lambda each: words.change(by_text[each].changed)
        )
    show_change(by_text[chosen], runs, base, trouble)
family = {name: base[name] for name in ("dataset", "initializer", "train_size", "epochs")}
verdicts.show_sweep(page, str(base["activation"]), **family)
page.try_next("remedies")
