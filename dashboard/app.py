"""The dashboard's entry point: `streamlit run dashboard/app.py -- --data DIR`.

It decides the language, opens the newest snapshot, and hands the page over to the chapter that the address names.
"""

import argparse
import atexit
import gc
import sys
from pathlib import Path

import duckdb
import streamlit as st

from dashboard.chapters import CHAPTERS, address, login, sharing
from dashboard.chapters.freshness import offer_newer_results
from dashboard.chapters.page import Page
from dashboard.snapshots import DATA_FOLDER, SnapshotError, newest_name, newest_readable
from dashboard.texts import LANGUAGES, Texts, language_for

FIRST = "answer"
COLLECTED_AFTER = (20_000, 5, 2)  # new objects, and rounds of the younger generation; Python's own: 700, 10, 10


def data_folder() -> Path:
    """The folder after `--data`, or the project's own."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", type=Path, default=DATA_FOLDER)
    options, _ = parser.parse_known_args(sys.argv[1:])
    folder: Path = options.data
    return folder


def choose_language() -> Texts:
    """Japanese or English: from the address, or else from the browser."""
    own = language_for(st.context.locale)
    language = address.remember(
        "lang",
        own,
        address.one_of(LANGUAGES),
        lambda: st.sidebar.segmented_control(
            "言語 / Language", list(LANGUAGES), required=True, format_func=LANGUAGES.__getitem__, key="lang"
        ),
        always=True,  # so that a link shows the language in which it was copied
    )
    return Texts(language)


def go_to_first_page() -> None:
    """Its address is /. Whoever writes its name, like that of any other chapter, gets there too."""
    st.switch_page(f"chapters/{FIRST}.py", query_params=st.query_params.to_dict())


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Python's collector stops all readers while it looks for what is not used any more. It need not look at what the
    first page has loaded, which stays for as long as the server runs, nor look so often: a click alone makes more
    objects than it waits for. Yet often enough: what pages leave behind adds up until then."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or DuckDB complains, to whoever ends the program, that it was not cleared away
    gc.set_threshold(*COLLECTED_AFTER)


def main() -> None:
    st.set_page_config(page_title="Fathom", page_icon="🌊", layout="wide")
    texts = choose_language()
    welcome = login.let_in(texts)
    navigation = st.navigation(
        [
            st.Page(
                f"chapters/{name}.py",
                title=texts(f"{name}.menu"),
                icon=icon,
                url_path=name if name != FIRST else "",
                default=name == FIRST,
            )
            for name, icon in CHAPTERS.items()
        ]
        + [st.Page(go_to_first_page, title=texts("answer.menu"), url_path=FIRST, visibility="hidden")],
        position="sidebar" if welcome else "hidden",
    )
    if not welcome:
        return
    address.enter(navigation.url_path)
    folder = data_folder()
    known = newest_name(folder)
    try:
        snapshot, passed_over = newest_readable(folder)
    except SnapshotError as problem:
        st.title("Fathom")
        st.error(texts(f"problem.{problem.reason}", **problem.details), icon=":material/database_off:")
        offer_newer_results(texts, folder, known)
        st.stop()
    for newer in passed_over:
        st.warning(texts(f"problem.{newer.reason}", **newer.details) + " " + texts("problem.older_shown"))
    try:
        page = st.session_state["page"] = Page.begin(texts, snapshot)
        with st.sidebar:
            offer_newer_results(texts, folder, known, snapshot)
            sharing.offer_report(page)
            login.offer_to_leave(texts)
        navigation.run()
        settle()
    except duckdb.Error:
        st.error(texts("problem.damaged", file=snapshot.name), icon=":material/database_off:")


if __name__ == "__main__":  # as Streamlit runs it
    main()
