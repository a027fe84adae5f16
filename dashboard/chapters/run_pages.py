"""What is shown of one run, and of several side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import queries, reproduction
from dashboard.analysis.differences import verdict_of
from dashboard.analysis.estimates import CONFIDENCE, estimate
from dashboard.analysis.pairs import paired_values
from dashboard.analysis.settings import alike, differing, settings_in
from dashboard.chapters import verdicts
from dashboard.chapters.page import Page
from dashboard.chapters.run_list import RunList
from dashboard.charts import runs as charts
from dashboard.settings_wording import SettingsWording
from dashboard.wording import METRICS, Wording

Run = Mapping[str, Any]  # a row of the query `all_runs`
STATISTICS = (
    "gradient_norm",
    "delta_rms",
    "update_ratio",
    "weight_norm",
    "weight_spectral_norm",
    "activation_std",
    "saturated_fraction",
    "dead_fraction",
)
SPLITS = ("train", "validation", "test")
MADE_BY = ("git_commit", "python", "tensorflow", "keras", "processor")


@dataclass(frozen=True)
class RunPages:
    """Draws runs of one store."""

    page: Page
    runs: RunList

    @property
    def wording(self) -> SettingsWording:
        return self.runs.wording

    @property
    def accuracy(self) -> Wording:
        return Wording(self.page.texts, self.page.counting, "accuracy")

    # ---- one run ----------------------------------------------------------------------------------------------------

    def one(self, run: Run) -> None:
        """All that was measured of one run, and how to train it again."""
        texts = self.page.texts
        st.header(self.wording.run(run))
        if run["status"] == "diverged":
            st.warning(texts("runs.diverged", epoch=int(run["diverged_epoch"])))
        self._draw_figures(run)
        verdicts.show_run(self.page, str(run["run_id"]))
        rows = self.page.fetch(queries.run_curves, run_ids=[run["run_id"]])
        for column, metric in zip(st.columns(2), METRICS, strict=True):
            with column:
                wording = Wording(texts, self.page.counting, metric)
                figure = charts.curves(rows, SPLITS, wording, self.page.style, texts)
                self.page.picture(f"runs.curves_{metric}", figure, rows)
        self._draw_layers({str(run["run_id"]): self.wording.run(run)})
        classes = self._classes_of(run["dataset"])
        mistakes = self.page.fetch(queries.run_confusion, run_id=run["run_id"])
        if len(mistakes):
            figure = charts.confusion(mistakes, classes, self.page.style, texts)
            self.page.picture("runs.confusion", figure, mistakes, all=f"{int(mistakes['count'].sum()):,}")
        self.page.says(*self._sentences(run, mistakes, classes))
        left, right = st.columns(2, gap="large")
        with left:
            self._draw_configuration(run)
        with right:
            self._draw_script(run, rows)

    def _draw_figures(self, run: Run) -> None:
        loss = Wording(self.page.texts, self.page.counting, "loss")
        shown = {
            "test_accuracy": self.accuracy.value(run["test_accuracy"]),
            "train_accuracy": self.accuracy.value(run["train_accuracy"]),
            "test_loss": loss.value(run["test_loss"]),
            "parameters": f"{run['parameters']:,}",
            "seconds": f"{run['seconds']:.1f}",
        }
        with st.container(horizontal=True, gap="large"):
            for name, text in shown.items():
                st.metric(self.page.texts(f"runs.{name}"), "–" if "nan" in text else text, width="content")

    def _classes_of(self, dataset: str) -> list[str]:
        if dataset == "fashion_mnist":
            return self.page.texts("runs.classes_fashion_mnist").split("|")
        return [str(digit) for digit in range(10)]

    def _sentences(self, run: Run, mistakes: pd.DataFrame, classes: Sequence[str]) -> list[str]:
        """Where the run stands among its seeds, its most frequent mistake, and what it cost."""
        texts, said = self.page.texts, []
        fellows = alike(self.runs.everything, run)
        seeds = fellows.loc[fellows["status"] == "finished", "test_accuracy"].dropna().to_numpy()
        if len(fellows) < 2:
            said.append(texts("runs.says.alone"))
        elif len(seeds) < 2:
            broken = int((fellows["status"] == "diverged").sum())
            said.append(texts("runs.says.few_finished", seeds=len(fellows), diverged=broken))
        elif run["status"] == "finished" and np.isfinite(run["test_accuracy"]):
            said.append(
                texts(
                    "runs.says.among_seeds",
                    seeds=len(seeds),
                    place=int((seeds > run["test_accuracy"]).sum()) + 1,
                    mean=self.accuracy.value(float(seeds.mean())),
                    spread=self.accuracy.spread(float(seeds.std(ddof=1))),
                )
            )
        wrong = mistakes[mistakes["actual"] != mistakes["predicted"]]
        if len(wrong):
            worst = wrong.sort_values("count").iloc[-1]
            said.append(
                texts(
                    "runs.says.confused",
                    actual=classes[int(worst["actual"])],
                    predicted=classes[int(worst["predicted"])],
                    count=int(worst["count"]),
                    wrong=f"{int(wrong['count'].sum()):,}",
                    all=f"{int(mistakes['count'].sum()):,}",
                )
            )
        said.append(
            texts(
                "runs.says.cost",
                parameters=f"{run['parameters']:,}",
                operations=f"{run['flops_per_example']:,}",
                seconds=f"{run['seconds']:.1f}",
                together=int(run["cohort_size"]),
            )
        )
        return said

    def _draw_configuration(self, run: Run) -> None:
        texts = self.page.texts
        st.markdown(f"### {texts('runs.configuration')}")
        names = [*settings_in(self.runs.everything), "origin"]
        rows = [(self.wording.name(name), self.wording.value(name, run[name])) for name in names]
        rows += [(texts("setting.seed"), str(run["seed"])), (texts("runs.run_id"), str(run["run_id"]))]
        made = self.page.fetch(queries.run_provenance, run_id=run["run_id"])
        if len(made):
            rows += [(texts(f"runs.made_{name}"), str(made.iloc[0][name])) for name in MADE_BY]
        content = pd.DataFrame(rows, columns=[texts("runs.setting"), texts("runs.value")])
        self.page.table("runs_configuration", content, texts("runs.configuration_alt"), height="content")

    def _draw_script(self, run: Run, rows: pd.DataFrame) -> None:
        texts = self.page.texts
        st.markdown(f"### {texts('runs.script')}")
        if run["origin"] != "grid":
            st.caption(texts("runs.script_elsewhere"))
            return
        st.caption(texts("runs.script_read", dataset=self.wording.value("dataset", run["dataset"])))
        ends = rows[rows["epoch"] == run["epochs"]].to_dict("records")
        stored = {str(end["split"]): (float(end["loss"]), float(end["accuracy"])) for end in ends}
        source = reproduction.script(run, stored)
        st.download_button(
            texts("runs.script_save"),
            source,
            file_name=f"fathom-run-{run['run_id']}.py",
            mime="text/x-python",
            icon=":material/download:",
            on_click="ignore",
            key="runs_script",
        )
        with st.expander(texts("runs.script_show"), icon=":material/code:"):
            st.code(source, language=None, wrap_lines=True)  # the colours of code are too pale to read

    # ---- several runs -----------------------------------------------------------------------------------------------

    def several(self, chosen: pd.DataFrame) -> None:
        """Runs side by side."""
        texts = self.page.texts
        st.header(texts("runs.compared", count=len(chosen)))
        names = differing(chosen)
        labels = {str(run["run_id"]): self.wording.run(run, names) for run in _records(chosen)}
        left, right = st.columns([2, 3])
        with left:
            metric = self.page.choose(
                "metric", texts("page.metric"), METRICS, METRICS[0], lambda name: texts(f"page.{name}")
            )
        with right:
            split = self.page.choose(
                "split", texts("page.split"), SPLITS, SPLITS[-1], lambda name: texts(f"split.{name}")
            )
        rows = self.page.fetch(queries.run_curves, run_ids=[*labels])
        wording = Wording(texts, self.page.counting, metric)
        figure = charts.compared(rows, labels, split, wording, self.page.style, texts)
        named = {"metric": texts(f"page.{metric}"), "split": texts(f"split.{split}")}
        self.page.picture("runs.comparison", figure, rows, **named)
        content, columns = self.runs.table_of(chosen), self.runs.formats()
        self.page.table("runs_compared", content, texts("runs.compared_alt"), columns=columns, height="content")
        self.page.says(*self._comparison(chosen, labels))
        self._draw_layers(labels)

    def _comparison(self, chosen: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
        """The best against the worst, and whether many seeds of the two agree."""
        texts = self.page.texts
        finished = chosen[chosen["status"] == "finished"]  # the last figure of one that diverged is not its end
        known = _records(finished.dropna(subset="test_accuracy").sort_values("test_accuracy"))
        if len(known) < 2:
            return [texts("runs.says.nothing")]
        worst, best = known[0], known[-1]
        said = [
            texts(
                "runs.says.best",
                best=labels[best["run_id"]],
                worst=labels[worst["run_id"]],
                highest=self.accuracy.value(best["test_accuracy"]),
                lowest=self.accuracy.value(worst["test_accuracy"]),
                difference=self.accuracy.spread(best["test_accuracy"] - worst["test_accuracy"]),
            )
        ]
        before, after = alike(self.runs.everything, worst), alike(self.runs.everything, best)
        if set(before["run_id"]) == set(after["run_id"]):
            return [*said, texts("runs.says.only_seeds")]
        pairs = len(known) * (len(known) - 1) // 2  # these two were picked among so many
        found = estimate(paired_values(before, after, "test_accuracy"), 1 - (1 - CONFIDENCE) / pairs)
        if not found.certain:
            return [*said, texts("runs.says.one_pair")]
        difference, verdict = self.accuracy.difference(found), texts(f"verdict.{verdict_of(found)}")
        return [*said, texts("runs.says.paired", seeds=found.seeds, difference=difference, verdict=verdict)]

    # ---- one or several ---------------------------------------------------------------------------------------------

    def _draw_layers(self, labels: Mapping[str, str]) -> None:
        """A statistic of every layer over the epochs, for each of the runs."""
        texts = self.page.texts
        statistic = self.page.pick(
            "layer_statistic", texts("runs.statistic"), STATISTICS, lambda name: texts(f"runs.statistic_{name}")
        )
        rows = self.page.fetch(queries.run_layers, run_ids=[*labels], statistic=statistic)
        if not rows["value"].notna().any():
            st.info(texts("problem.too_few", needed=texts("runs.needs_statistic")))
            return
        title = texts(f"runs.statistic_{statistic}")
        figure = charts.layer_maps(rows, labels, statistic, title, self.page.style, texts)
        self.page.picture("runs.layers", figure, rows, statistic=title)


def _records(runs: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): each for name, each in run.items()} for run in runs.to_dict("records")]
