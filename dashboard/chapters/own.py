"""Your own model: recorded runs and sweeps, their diagnosis, and the grid's nearest run to compare with."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.own import nearest, with_training
from dashboard.chapters import address, verdicts
from dashboard.chapters.page import Page
from dashboard.charts import depth as depth_charts
from dashboard.charts import runs as charts
from dashboard.diagnosis import sweep as sweep_rules
from dashboard.wording import METRICS, Wording

ONE_LINE = """from trainer.recorder import Recorder

model.fit(x_train, y_train, …, callbacks=[Recorder("5 layers", test_data=(x_test, y_test), sweep="my network")])"""
IMPORT = "python -m trainer.tensorboard import LOGDIR"
SPLITS = ("train", "validation", "test")
STATISTICS = ("gradient_norm", "delta_rms", "update_ratio", "weight_norm", "activation_std", "dead_fraction")

page = Page.current()
texts = page.texts


def show_how() -> None:
    """The one line that records a training, and the command that imports a log."""
    st.markdown(texts("own.how_record"))
    st.code(ONE_LINE, language=None, wrap_lines=True)
    st.markdown(texts("own.how_import"))
    st.code(IMPORT, language=None, wrap_lines=True)


def choose_run(runs: pd.DataFrame) -> Mapping[str, Any]:
    """One of the own runs; its identifier is kept in the address."""
    by_id = {str(row["run_id"]): row for row in runs.to_dict("records")}
    chosen = address.remember(
        "own",
        next(iter(by_id)),
        address.one_of(by_id),
        lambda: st.selectbox(
            texts("own.run"), list(by_id), format_func=lambda run_id: label_of(by_id[run_id]), key="own"
        ),
        always=True,
    )
    return {str(name): value for name, value in by_id[chosen].items()}


def label_of(run: Mapping[Any, Any]) -> str:
    parts = [str(run["name"])]
    if pd.notna(run["sweep"]):
        parts.append(str(run["sweep"]))
    if pd.notna(run["seed"]):
        parts.append(texts("setting.pair", name=texts("page.seed"), value=int(run["seed"])))
    return f"{texts('setting.separator').join(parts)} ({run['run_id'][:6]})"


def show_run(run: Mapping[str, Any]) -> None:
    """State, diagnosis, curves and layers of one run."""
    run_id = str(run["run_id"])
    st.subheader(str(run["name"]))
    state = texts(f"setting.status_{run['status']}")
    st.caption(
        texts("own.state", origin=texts(f"setting.origin_{run['origin']}"), state=state, epochs=int(run["epochs"]))
    )
    verdicts.show_own_run(page, run_id)
    measured = page.fetch(queries.run_curves, run_ids=[run_id])
    rows = with_training(measured)
    rows = rows.assign(examples=rows["examples"].fillna(0))  # how many it was measured on is not always known
    for column, metric in zip(st.columns(2), METRICS, strict=True):
        if rows[metric].notna().any():
            with column:
                figure = charts.curves(
                    rows.dropna(subset=metric), SPLITS, Wording(texts, page.counting, metric), page.style, texts
                )
                page.picture(f"own.curves_{metric}", figure, rows)
    show_layers(run_id)
    said = [compare_with_grid(run)]
    if len(rows) > len(measured):
        said.append(texts("own.says.running"))
    for note in page.fetch(queries.own_notes, run_id=run_id).itertuples():
        sentence = texts(f"own.note.{note.note!s}")
        said.append(texts("own.says.missing", what=sentence) + (f" ({note.detail!s})" if note.detail else ""))
    page.says(*said)


def show_layers(run_id: str) -> None:
    """One statistic of every layer over the epochs, of those that this run has."""
    measured = {name: page.fetch(queries.run_layers, run_ids=[run_id], statistic=name) for name in STATISTICS}
    known = [name for name, rows in measured.items() if rows["value"].notna().any()]
    names = page.fetch(queries.own_layers, run_id=run_id).dropna(axis=1, how="all")
    if not known:
        return
    statistic = page.choose(
        "own_statistic", texts("runs.statistic"), known, known[0], lambda name: texts(f"runs.statistic_{name}")
    )
    title = texts(f"runs.statistic_{statistic}")
    figure = charts.layer_maps(measured[statistic], {run_id: ""}, statistic, title, page.style, texts)
    page.picture("own.layers", figure, measured[statistic], statistic=title)
    columns = {name: texts(f"own.layer.{name}") for name in names.columns}
    page.table("own_layers", names.rename(columns=columns), texts("own.layers_alt"), height="content")


def compare_with_grid(run: Mapping[str, Any]) -> str:
    """The nearest configuration of the grid, and how its seeds ended."""
    alike = nearest(page.fetch(queries.configurations), run)
    if alike.empty:
        return texts("own.says.no_grid")
    first = alike.iloc[0]
    accuracy = Wording(texts, page.counting, "accuracy")
    return texts(
        "own.says.nearest",
        depth=accuracy.depths(int(first["depth"])),
        activation=texts(f"activation.{first['activation']}"),
        width=int(first["width"]),
        dataset=texts(f"setting.dataset_{first['dataset']}"),
        seeds=len(alike),
        mean=accuracy.value(float(alike["accuracy"].mean())) if alike["accuracy"].notna().any() else "–",
        low=accuracy.value(float(alike["accuracy"].min())) if alike["accuracy"].notna().any() else "–",
        high=accuracy.value(float(alike["accuracy"].max())) if alike["accuracy"].notna().any() else "–",
    )


def show_sweep(name: str) -> None:
    """Runs of one sweep by their depth: the verdict on depth, and the picture."""
    st.subheader(texts("own.sweep_title", sweep=name))
    verdicts.show_own_sweep(page, name)
    measured = page.fetch(queries.own_sweep_metrics, sweep=name)
    metric = "accuracy" if measured["accuracy"].notna().any() else "loss"
    runs = sweep_rules.ends(with_training(measured)).dropna(subset=metric)
    if runs["depth"].nunique() > 1:
        wording = Wording(texts, page.counting, "accuracy" if metric == "accuracy" else "loss")
        figure = depth_charts.by_depth(runs, SPLITS, wording, page.style, texts)
        page.picture("own.by_depth", figure, runs, metric=texts(f"page.{metric}"), confidence=wording.confidence)


page.header("own")
own = page.fetch(queries.own_runs)
if own.empty:
    st.info(texts("own.empty"), icon=":material/add_circle:")
    show_how()
else:
    chosen = choose_run(own)
    if pd.notna(chosen["sweep"]):
        show_sweep(str(chosen["sweep"]))
        st.divider()
    show_run(chosen)
    with st.expander(texts("own.how")):
        show_how()
        st.markdown(texts("own.how_manage"))
        st.code("python -m trainer.own list", language=None, wrap_lines=True)
page.try_next("own")
