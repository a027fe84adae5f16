"""Theory beside measurement: a part of the chapter on gradients."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.chapters.page import ACTIVATIONS, Page
from dashboard.charts import theory as charts
from dashboard.diagnosis import expectations
from dashboard.settings_wording import SettingsWording
from dashboard.verdict_words import factor


def show_theory(page: Page) -> None:
    """What theory expects, as lines with the measured points on them, and as a table of starts and activations."""
    texts, offset = page.texts, page.layers(0)
    arrivals, linear_networks, factors = _compared(str(page.snapshot))
    if not arrivals:
        return
    st.subheader(texts("theory.title"))
    st.markdown(texts("theory.intro"))
    figure = charts.by_depth(arrivals, texts("theory.arrival.axis"), True, offset, page.style, texts)
    page.picture("theory.arrival", figure, lambda: _table(arrivals))
    for key, found in linear_networks.items():
        if found is not None:
            linear = {"linear": found}
            figure = charts.by_depth(linear, texts(f"theory.{key}.axis"), False, offset, page.style, texts)
            page.picture(f"theory.{key}", figure, lambda shown=linear: _table(shown), level=f"{expectations.LEARNED:g}")
    with st.expander(texts("theory.factors.title")):
        st.markdown(texts("theory.factors.read"))
        st.dataframe(
            _factors(page, factors),
            hide_index=True,
            alt=texts("theory.factors.alt"),
            key="theory_factors",
        )


def _table(comparisons: dict[str, expectations.Comparison]) -> pd.DataFrame:
    """What a picture was drawn from: activation, depth, mean, low, high, seeds, expected."""
    return pd.concat(
        [
            found.measured.merge(found.expected.rename(columns={"value": "expected"}), on="depth", how="outer").assign(
                activation=activation
            )
            for activation, found in comparisons.items()
        ]
    )


def _factors(page: Page, table: pd.DataFrame) -> pd.DataFrame:
    texts = page.texts
    column = {name: texts(f"theory.factors.{name}") for name in ("activation", "initializer", "expected", "measured")}
    column |= {name: texts(f"theory.factors.{name}") for name in ("depth", "chi", "scale")}
    shown = table.assign(
        activation=[texts(f"activation.{name}") for name in table["activation"]],
        initializer=[SettingsWording(texts, page.counting).value("initializer", name) for name in table["initializer"]],
        expected=[factor(value) for value in table["expected"]],
        measured=[factor(value) if value == value else "–" for value in table["measured"]],  # not NaN
        depth=[str(page.layers(depth)) for depth in table["depth"]],
        chi=[factor(value) for value in table["chi"]],
        scale=["∞" if value == float("inf") else f"{value:.2g}" for value in table["scale"]],
    )
    return shown.rename(columns=column)[list(column.values())]


@st.cache_data(max_entries=10, show_spinner=False)
def _compared(
    snapshot: str,
) -> tuple[dict[str, expectations.Comparison], dict[str, expectations.Comparison | None], pd.DataFrame]:
    """How much of δ arrives, by activation; isometry and learning time of linear networks; every start's factors."""
    file = Path(snapshot)
    flow, maps = queries.starting_flow(file), queries.map_logarithms(file)
    arrivals = {
        name: found for name in ACTIVATIONS if (found := expectations.arrival(flow, name)) and len(found.expected)
    }
    linear_networks = {
        "isometry": expectations.isometry(maps),
        "learning": expectations.learning_time(queries.family_metrics(file), maps),
    }
    return arrivals, linear_networks, expectations.factors(flow)
