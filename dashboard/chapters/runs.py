"""Every stored run: find it, look into it, copy it as a script, and compare it with up to seven others."""

import streamlit as st

from dashboard import queries
from dashboard.chapters.page import Page
from dashboard.chapters.run_list import MOST_COMPARED, MOST_LISTED, RunList
from dashboard.chapters.run_pages import RunPages
from dashboard.settings_wording import SettingsWording

EXAMPLE_DEPTH = 5  # where the asker saw accuracy fall

page = Page.current()
texts = page.texts

page.header("runs")
st.markdown(texts("runs.intro", most=MOST_COMPARED))
runs = RunList(page, SettingsWording(texts, page.counting), page.fetch(queries.all_runs))
found = runs.narrowed()
if found.empty:
    st.info(texts("runs.none"))
    st.stop()
count = f"{len(found):,}"
if len(found) > MOST_LISTED:
    st.caption(texts("runs.cut", shown=MOST_LISTED, count=count))
else:
    st.caption(texts("runs.count", count=count, all=f"{len(runs.everything):,}"))

ticked = runs.choose(found)
example = found["run_id"].iloc[(found["depth"] - EXAMPLE_DEPTH).abs().argmin()]
chosen = runs.everything.set_index("run_id", drop=False).loc[ticked or [example]]
if not ticked:
    st.caption(texts("runs.first"))
st.divider()
pages = RunPages(page, runs)
if len(chosen) == 1:
    pages.one({str(name): each for name, each in chosen.iloc[0].items()})
else:
    pages.several(chosen)
page.try_next("runs")
