"""The verdicts that chapters share: on a sweep over depth, and on one run."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.analysis.own import with_training
from dashboard.chapters.page import Page
from dashboard.diagnosis import run as run_rules
from dashboard.diagnosis import sweep
from dashboard.diagnosis.counterfactuals import Counterfactual, counterfactuals
from dashboard.diagnosis.others.autotrainer import AUTOTRAINER
from dashboard.diagnosis.others.deepdiagnosis import DEEPDIAGNOSIS
from dashboard.diagnosis.others.rules import History, replay
from dashboard.diagnosis.others.sagemaker import SAGEMAKER
from dashboard.diagnosis.run import RunDiagnosis
from dashboard.diagnosis.sweep import Change, Kind, SweepDiagnosis
from dashboard.queries.plain import PLAIN
from dashboard.verdict_words import VerdictWords

OTHERS = (SAGEMAKER, AUTOTRAINER, DEEPDIAGNOSIS)


def words_of(page: Page) -> VerdictWords:
    return VerdictWords(page.texts, page.counting)


def show_sweep(page: Page, activation: str, about: Kind | None = None, **other: Any) -> None:
    """The verdict on depth for networks with one activation, in a frame.

    Args:
        about: the kind of harm that the chapter is about; it is named whatever the verdict.
        other: settings of the family, where they are not those of the question.
    """
    other = {name: value for name, value in other.items() if value != PLAIN[name]}
    family = PLAIN | other
    title = page.texts(
        "sweep.title_other" if other else "sweep.title",
        activation=page.texts(f"activation.{activation}"),
        dataset=page.texts(f"setting.dataset_{family['dataset']}"),
        images=f"{family['train_size']:,}",
        epochs=f"{family['epochs']:,}",
    )
    if start := other.get("initializer"):
        title += page.texts("setting.separator") + page.texts(f"setting.initializer_{start}")
    found = diagnose_sweep(str(page.snapshot), activation, **other)
    _draw_sweep(page, activation, title, found, page.texts("sweep.no_sweep"), about)


def show_own_sweep(page: Page, name: str) -> None:
    """The verdict on depth for a sweep of own runs, in a frame."""
    found = diagnose_own_sweep(str(page.snapshot), name)
    _draw_sweep(page, "own", page.texts("own.sweep_verdict"), found, page.texts("own.no_sweep"))


def _draw_sweep(
    page: Page, key: str, title: str, found: SweepDiagnosis | None, otherwise: str, about: Kind | None = None
) -> None:
    with st.container(border=True, key=f"verdict_{key}"):
        st.markdown(f"#### {title}")
        if found is None:
            st.markdown(otherwise)
            return
        words = words_of(page)
        sentences = words.sweep(found)
        if about is not None:
            sentences = [sentences[0], words.cause(found, about), *sentences[1:]]
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))


def show_steps(page: Page, activation: str) -> None:
    """For each step from one depth to the next: the verdict, its kind, and how many seeds would decide."""
    found = diagnose_steps(str(page.snapshot), activation)
    if found:
        with st.expander(page.texts("sweep.steps_title")):
            table = words_of(page).steps(found)
            st.dataframe(table, hide_index=True, alt=page.texts("sweep.steps_alt"), key="verdict_steps")


def show_pair(page: Page, activation: str, before: int, after: int) -> None:
    """Of which kind the difference between any two depths is."""
    words = words_of(page)
    change = diagnose_pair(str(page.snapshot), activation, before, after)
    sentences = [words.kind(change), *words.others(change)] if change.verdict == "fall" else []
    if change.further_seeds is not None:
        sentences.append(words.seeds_needed(change))
    if sentences:
        said = " ".join(sentence for sentence in sentences if sentence)
        st.markdown(page.texts("sweep.pair", said=said))


def explain_words(page: Page) -> None:
    """What the words of the verdicts mean, and the table of every limit behind them."""
    with st.expander(page.texts("sweep.words_title")):
        st.markdown(page.texts("sweep.words"))
        st.dataframe(
            words_of(page).thresholds(), hide_index=True, alt=page.texts("sweep.limits_alt"), key="verdict_limits"
        )


def show_run(page: Page, run_id: str) -> None:
    """The diagnosis of one run, what to try, and what other tools' rules would say."""
    found = diagnose_run(str(page.snapshot), run_id)
    if found is None:
        return
    diagnosis, changes, alarms = found
    _draw_diagnosis(page, diagnosis, changes)
    with st.expander(page.texts("diagnosis.others_title")):
        st.markdown(page.texts("diagnosis.others_read"))
        tool, rule, epochs = (page.texts(f"diagnosis.others_{name}") for name in ("tool", "rule", "epochs"))
        table = alarms.rename(columns={"tool": tool, "rule": rule, "epochs": epochs})
        table[rule] = table[rule].replace("", page.texts("diagnosis.others_none"))
        st.dataframe(table, hide_index=True, alt=page.texts("diagnosis.others_alt"), key="other_tools")
        separator = page.texts("wording.separator")
        for each in OTHERS:
            without = separator.join(page.texts(f"diagnosis.others_without.{name}") for name in each.not_replayed)
            by = separator.join(page.texts(f"diagnosis.others_by.{name}") for name in each.approximations)
            missing = page.texts("diagnosis.others_missing", names=without)
            nearly = page.texts("diagnosis.others_nearly", names=by)
            st.caption(f"[{each.name}]({each.source}): {missing} {nearly}")


def show_own_run(page: Page, run_id: str) -> None:
    """The diagnosis of an own run, and what to try."""
    found = diagnose_own_run(str(page.snapshot), run_id)
    if found is not None:
        _draw_diagnosis(page, found, [])


def _draw_diagnosis(page: Page, diagnosis: RunDiagnosis, changes: list[Counterfactual]) -> None:
    words = words_of(page)
    with st.container(border=True, key="run_diagnosis"):
        st.markdown(f"#### {page.texts('diagnosis.title')}")
        first, *findings = words.run(diagnosis)
        st.markdown("\n".join([first, "", *(f"- {finding}" for finding in findings)]))
        if remedies := words.remedies(diagnosis, changes):
            st.markdown(f"**{page.texts('diagnosis.try_title')}**")
            st.markdown("\n".join(f"- {remedy}" for remedy in remedies))
        st.caption(page.texts("diagnosis.single"))


@st.cache_data(max_entries=50, show_spinner=False)
def diagnose_own_sweep(snapshot: str, name: str) -> SweepDiagnosis | None:
    """The diagnosis of a sweep of own runs; None below two depths with test accuracy."""
    metrics = with_training(queries.own_sweep_metrics(Path(snapshot), name))
    runs = sweep.ends(metrics)
    judged = runs[(runs["split"] == "test") & runs["accuracy"].notna()]
    if judged["depth"].nunique() < 2:
        return None
    start = queries.own_sweep_start(Path(snapshot), name)
    return sweep.diagnose(*(rows[rows["depth"].isin(judged["depth"])] for rows in (runs, metrics, start)))


@st.cache_data(max_entries=200, show_spinner=False)
def diagnose_own_run(snapshot: str, run_id: str) -> RunDiagnosis | None:
    """The diagnosis of one own run; None where nothing was measured of it."""
    file = Path(snapshot)
    metrics = with_training(queries.diagnosed_metrics(file, run_id))
    if metrics.empty:
        return None
    row = queries.diagnosed_run(file, run_id).iloc[0]
    run = {str(name): value for name, value in row.items()}
    return run_rules.diagnose(run, metrics, queries.diagnosed_layers(file, run_id))


@st.cache_data(max_entries=50, show_spinner=False)
def diagnose_sweep(snapshot: str, activation: str, **other: Any) -> SweepDiagnosis | None:
    """The diagnosis of the question's networks with one activation, or of a family with other settings; kept per
    snapshot."""
    measured = _family(snapshot, activation, **other)
    return None if measured[0].empty else sweep.diagnose(*measured)


@st.cache_data(max_entries=50, show_spinner=False)
def diagnose_steps(snapshot: str, activation: str) -> list[Change]:
    """The same, for each step from one depth to the next."""
    measured = _family(snapshot, activation)
    return [] if measured[0].empty else sweep.steps(*measured)


@st.cache_data(max_entries=200, show_spinner=False)
def diagnose_pair(snapshot: str, activation: str, before: int, after: int) -> Change:
    """The same, for any two depths."""
    return sweep.any_two(*_family(snapshot, activation), before, after)


def _family(snapshot: str, activation: str, **other: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Of networks with an activation function: the end of each run, all epochs, and the start. The question's own are
    those that its pictures show."""
    file = Path(snapshot)
    metrics, start = (
        query(file, activation=activation, **other) for query in (queries.family_metrics, queries.family_start)
    )
    if not other:
        grid = queries.grid(file)
        depths = grid.loc[grid["activation"] == activation, "depth"]
        metrics, start = (found[found["depth"].isin(depths)] for found in (metrics, start))
    return sweep.ends(metrics), metrics, start


@st.cache_data(max_entries=200, show_spinner=False)
def diagnose_run(snapshot: str, run_id: str) -> tuple[RunDiagnosis, list[Counterfactual], pd.DataFrame] | None:
    """The diagnosis of one run, the single changes that are stored, and other tools' alarms: tool, rule, epochs."""
    file = Path(snapshot)
    rows = queries.diagnosed_run(file, run_id)
    if rows.empty:
        return None
    row: dict[str, Any] = {str(name): value for name, value in rows.iloc[0].items()}
    history = History(row, queries.diagnosed_metrics(file, run_id), queries.diagnosed_layers(file, run_id))
    found = run_rules.diagnose(history.run, history.metrics, history.layers)
    alarms = [
        (tool.name, alarm.rule, ", ".join(map(str, alarm.epochs))) for tool in OTHERS for alarm in replay(tool, history)
    ]
    silent = [(tool.name, "", "") for tool in OTHERS if tool.name not in {name for name, _, _ in alarms}]
    stored = queries.configurations(file)
    own = stored[stored["run_id"] == run_id]  # none for a recorded run, which has no place in the grid
    changes = counterfactuals(stored, own.iloc[0]) if len(own) else []
    return found, changes, pd.DataFrame([*alarms, *silent], columns=["tool", "rule", "epochs"])
