"""Offers results that were published since the page was drawn."""

from pathlib import Path

import streamlit as st

from dashboard.snapshots import newest_name
from dashboard.texts import Texts

LOOK_EVERY = 10.0  # seconds; a look reads the names in two folders


@st.fragment(run_every=LOOK_EVERY)
def offer_newer_results(texts: Texts, folder: Path, known: str | None, shown: Path | None = None) -> None:
    """Looks now and then, without drawing the page again: whoever reads it decides when it changes.

    Args:
        known: the latest name when the page was drawn, whether or not that snapshot could be read.
        shown: the snapshot that the page is drawn from. Once it is gone, as only the last few are kept, the page could
            not answer a click any more, and is drawn from the newest.
    """
    if shown is not None and not shown.exists():
        st.rerun()
    if newest_name(folder) != known:
        st.info(texts("freshness.newer"), icon=":material/update:")
        if st.button(texts("freshness.show"), key="show-newer", width="stretch"):
            st.rerun()
