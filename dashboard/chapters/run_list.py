"""The table of all runs: search, filters, order, and the rows that are ticked."""

import zlib
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.analysis.settings import differing, settings_in
from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.diagnosis.counterfactuals import FIELDS
from dashboard.settings_wording import SettingsWording

MOST_COMPARED = 8
MOST_LISTED = 500  # rows of the table: more are neither read nor quickly sent
FILTERED = (*FIELDS, "status")
FILTERS_A_ROW = 4
IDENTIFYING = 6  # so many first digits are taken for those of an identifier
ORDERS: dict[str, tuple[str, bool]] = {  # by which column, and whether ascending
    "best": ("test_accuracy", False),
    "worst": ("test_accuracy", True),
    "lowest_loss": ("test_loss", True),
    "slowest": ("seconds", False),
}


@dataclass(frozen=True)
class RunList:
    """All runs of the store, and the words for them."""

    page: Page
    wording: SettingsWording
    everything: pd.DataFrame

    def narrowed(self) -> pd.DataFrame:
        """The runs that search and filters leave, in the chosen order."""
        texts = self.page.texts
        left, right = st.columns([3, 2])
        with left:
            search = address.remember(
                "search",
                "",
                str,
                lambda: st.text_input(texts("runs.search"), help=texts("runs.search_help"), key="search"),
            )
        with right:
            orders = ["settings", *ORDERS]
            order = self.page.pick("order", texts("runs.order"), orders, lambda name: texts(f"runs.order_{name}"))
        found = self._filtered()
        for part in search.split():
            fits = found["name"].str.contains(part, case=False, regex=False)
            if len(part) >= IDENTIFYING:
                fits |= found["run_id"].str.startswith(part.lower())
            found = found[fits]
        if order in ORDERS:
            column, ascending = ORDERS[order]
            found = found.sort_values(column, ascending=ascending, kind="stable")
        return found.reset_index(drop=True)

    def _filtered(self) -> pd.DataFrame:
        """By those settings in which the runs of the store differ at all."""
        runs = self.everything
        names = [name for name in FILTERED if name in runs.columns and runs[name].nunique() > 1]
        fits = pd.Series(True, index=runs.index)
        for start in range(0, len(names), FILTERS_A_ROW):
            for name, column in zip(names[start : start + FILTERS_A_ROW], st.columns(FILTERS_A_ROW), strict=False):
                with column:
                    chosen = self._choose_values(name)
                if chosen:
                    fits &= runs[name].isin(chosen)
        return runs[fits]

    def _choose_values(self, name: str) -> list[Any]:
        """Of one setting; none where it does not matter."""
        options = sorted(self.everything[name].unique().tolist())
        key = f"with_{name}"
        return address.remember(
            key,
            [],
            lambda text: [address.one_of(options)(part) for part in text.split(",") if part],
            lambda: st.multiselect(
                self.wording.name(name),
                options,
                format_func=lambda raw: self.wording.value(name, raw),
                placeholder=self.page.texts("runs.any"),
                key=key,
            ),
            write=lambda chosen: ",".join(map(str, chosen)),
        )

    def table_of(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Runs as the reader sees them: the settings in which they differ, and their results."""
        texts = self.page.texts
        always = ("activation", "depth")
        columns: dict[str, Any] = {}
        varied = set(differing(runs))
        for name in settings_in(runs):
            if name == "depth":
                columns[self.wording.name(name)] = runs[name] + self.wording.offset
            elif name in always or name in varied:
                columns[self.wording.name(name)] = [self.wording.value(name, raw) for raw in runs[name]]
        columns[texts("setting.seed")] = runs["seed"]
        columns[texts("setting.status")] = [self.wording.value("status", raw) for raw in runs["status"]]
        for split in ("test", "train"):
            columns[texts(f"runs.{split}_accuracy")] = runs[f"{split}_accuracy"] * 100
        for name in ("test_loss", "parameters", "seconds"):
            columns[texts(f"runs.{name}")] = runs[name]
        return pd.DataFrame(columns)

    def formats(self) -> dict[str, Any]:
        """Streamlit's column configuration for `table_of`."""
        forms = {
            "test_accuracy": "%.2f",
            "train_accuracy": "%.2f",
            "test_loss": "%.4f",
            "parameters": "localized",
            "seconds": "%.1f",
        }
        return {
            self.page.texts(f"runs.{name}"): st.column_config.NumberColumn(format=form) for name, form in forms.items()
        }

    def choose(self, found: pd.DataFrame) -> list[str]:
        """The identifiers of the runs that are ticked in the table. Those that the filters hide stay chosen."""
        known = set(self.everything["run_id"])
        return address.remember(
            "runs",
            [],
            lambda text: [address.one_of(known)(part) for part in text.split(",")][:MOST_COMPARED],
            lambda: self._draw_table(found.head(MOST_LISTED)),
            write=",".join,
        )

    def _draw_table(self, rows: pd.DataFrame) -> list[str]:
        """Draws the table, and keeps what is ticked in the session's `runs`, which is no widget of its own."""
        kept: dict[str, Any] = st.session_state.setdefault(address.KEPT, {})
        chosen: list[str] = st.session_state["runs"]
        ids = rows["run_id"].tolist()
        # A table of other rows, or a choice that came with a link, is another widget: it starts with what is chosen.
        same = kept.get("runs_rows") == ids and kept.get("runs") == chosen
        start: list[str] = kept["runs_start"] if same else chosen
        kept.update(runs_rows=ids, runs_start=start)
        event = self.page.table(
            f"runs_{zlib.crc32(repr((ids, start)).encode()):08x}",
            self.table_of(rows),
            self.page.texts("runs.table_alt"),
            file_key="runs",
            columns=self.formats(),
            height=390,
            on_select="rerun",
            selection_mode="multi-row",
            selection_default={"selection": {"rows": [place for place, each in enumerate(ids) if each in start]}},
        )
        ticked = [ids[row] for row in event.selection.rows if row < len(ids)]
        stayed = [run_id for run_id in chosen if run_id in ticked or run_id not in ids]
        now = stayed + [run_id for run_id in ticked if run_id not in stayed]
        if len(now) > MOST_COMPARED:
            st.warning(self.page.texts("runs.too_many", most=MOST_COMPARED))
        st.session_state["runs"] = now[:MOST_COMPARED]
        return now[:MOST_COMPARED]
