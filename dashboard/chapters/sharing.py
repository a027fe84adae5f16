"""What the side bar offers for sharing: the report on the current view."""

from functools import partial

import streamlit as st

from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.report import making


def offer_report(page: Page) -> None:
    """A button that makes the report at the state of every page that this reader has set, and saves it."""
    stamp = page.snapshot.stem.removeprefix("results-")
    st.download_button(
        page.texts("report.button"),
        partial(making.make, page.snapshot, address.view()),
        file_name=f"fathom-report-{stamp}.html",
        mime="text/html",
        icon=":material/ios_share:",
        help=page.texts("report.button_help"),
        on_click="ignore",
        key="report",
        width="stretch",
    )
