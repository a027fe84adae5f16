"""The store itself: any query that reads, its rows as a table, a picture and a download, and what the columns mean."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from dashboard import queries, sandbox
from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.charts import sql as charts
from dashboard.examples import EXAMPLES
from dashboard.sandbox import Answer, QueryProblem
from dashboard.sandbox_worker import MEMORY

Option = TypeVar("Option")
ASKED = "asked"  # in the session: the snapshot and query that were run last, and what came of it
MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")

page = Page.current()
texts = page.texts


def start_from(example: str) -> None:
    st.session_state["sql"] = EXAMPLES[example]


def write_query() -> str:
    """The query: from the address, from an example, or typed."""
    with st.form("query", border=False):
        sql = address.remember(
            "sql",
            "",
            str,
            lambda: st.text_area(
                texts("sql.query"), key="sql", height=200, max_chars=sandbox.LONGEST, placeholder="SELECT …"
            ),
        )
        st.form_submit_button(texts("sql.run"), icon=":material/play_arrow:", key="run_query")
    return sql.strip()


def run(sql: str) -> Answer | QueryProblem:
    """What came of the query; one that was run on these results is not run again for the sake of its picture."""
    asked = (str(page.snapshot), sql)
    kept: tuple[tuple[str, str], Answer | QueryProblem] | None = st.session_state.get(ASKED)
    if kept is None or kept[0] != asked or st.session_state.get("run_query"):
        kept = (asked, _outcome(sql))
        st.session_state[ASKED] = kept
    return kept[1]


def _outcome(sql: str) -> Answer | QueryProblem:
    try:
        return sandbox.ask(page.snapshot, sql)
    except QueryProblem as problem:
        return problem


def show_problem(problem: QueryProblem) -> None:
    details = {name: f"{value:g}" if isinstance(value, float) else value for name, value in problem.details.items()}
    st.error(texts(f"sql.problem.{problem.reason}", **details), icon=":material/error:")
    if problem.message:
        st.code(problem.message, language=None, wrap_lines=True)


def show_rows(answer: Answer) -> None:
    rows = answer.rows
    if rows.empty:
        st.info(texts("sql.empty"))
        return
    page.table("sql", rows, texts("sql.table_alt", rows=len(rows), columns=len(rows.columns)))
    st.caption(texts("sql.more" if answer.more else "sql.rows", rows=f"{len(rows):,}"))


def draw(rows: pd.DataFrame) -> None:
    numbers = charts.numeric_columns(rows)
    if not numbers:
        st.caption(texts("sql.nothing_to_draw"))
        return
    across, up, colour = charts.usual_columns(rows)
    choices = st.columns(4, vertical_alignment="bottom")
    with choices[0]:
        across = choose("x", [str(name) for name in rows.columns], across)
    with choices[1]:
        up = choose("y", numbers, up)
    with choices[2]:
        colours = ["", *charts.colour_columns(rows)]
        by = choose("colour", colours, colour or "", lambda name: name or texts("sql.no_colour"))
    with choices[3]:
        kind = choose("kind", charts.KINDS, charts.usual_kind(rows, across), lambda name: texts(f"sql.kind_{name}"))
    page.picture("sql.picture", charts.picture(rows, kind, across, up, by or None, page.style))


def choose(name: str, options: Sequence[Option], default: Option, format_func: Callable[[Any], str] = str) -> Option:
    key = f"sql_{name}"
    return address.remember(
        key,
        default,
        address.one_of(options),
        lambda: st.selectbox(texts(f"sql.{name}"), options, format_func=format_func, key=key),
    )


def show_tables() -> None:
    """Every table with its columns, and what the store says that they mean."""
    st.markdown(f"### {texts('sql.tables')}", help=texts("sql.tables_help"))
    for table, (meaning, columns) in page.conclude(described, queries.schema).items():
        with st.expander(f"**{table}**"):
            st.markdown(meaning)
            st.markdown(columns)


def described(schema: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """By table, in Markdown: what it means, and a list of what each of its columns does."""
    found = {}
    for table, columns in schema.groupby("table_name"):
        rows = columns[["column_name", "data_type", "comment"]].map(as_text).itertuples(index=False)
        lines = [f"- **{name}** :gray[{kind}]  \n  {meaning}" for name, kind, meaning in rows]
        found[as_text(str(table))] = as_text(columns["table_comment"].iloc[0]), "\n".join(lines)
    return found


def as_text(words: str | None) -> str:
    """Words as they are, whatever they would mean in Markdown; nothing where there are none."""
    return MARKDOWN.sub(r"\\\1", words or "")


page.header("sql")
st.markdown(
    texts("sql.how", seconds=f"{sandbox.SECONDS:g}", megabytes=MEMORY, rows=f"{sandbox.ROWS:,}"),
)
asking, meaning = st.columns([3, 2], gap="large")
with asking:
    st.caption(texts("sql.examples"))
    with st.container(horizontal=True):
        for name in EXAMPLES:
            st.button(texts(f"sql.example.{name}"), key=f"example_{name}", on_click=start_from, args=(name,))
    sql = write_query()
    if sql:
        with st.spinner(""):
            found = run(sql)
        if isinstance(found, Answer):
            show_rows(found)
        else:
            show_problem(found)
with meaning:
    show_tables()
if sql and isinstance(found, Answer) and not found.rows.empty:
    draw(found.rows)
page.try_next("sql")
