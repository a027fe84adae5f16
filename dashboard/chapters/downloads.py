"""Tables with their downloads, and what the camera above a picture saves."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.texts import Texts

PictureFormat = Literal["png", "svg"]
PICTURE_FORMATS: tuple[PictureFormat, ...] = ("png", "svg")
Content = pd.DataFrame | Callable[[], pd.DataFrame]
PNG_SCALE = 3  # three pixels of the file for one of the screen: sharp in print
TABLE_FORMATS: dict[str, tuple[Callable[[pd.DataFrame], bytes], str]] = {
    "csv": (lambda table: table.to_csv(index=False).encode("utf-8-sig"), "text/csv"),  # the mark is for Excel
    "parquet": (lambda table: table.to_parquet(index=False), "application/vnd.apache.parquet"),
}


def file_name(key: str, snapshot: Path) -> str:
    """Without its ending: what is in the file, and which results it is from."""
    return f"fathom-{key.replace('.', '-').replace('_', '-')}-{snapshot.stem.removeprefix('results-')}"


def table(
    key: str,
    content: pd.DataFrame,
    texts: Texts,
    snapshot: Path,
    *,
    alt: str,
    file_key: str = "",
    columns: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """A table with buttons that save all of it as CSV or Parquet.

    Args:
        key: names the table on the page, and the files unless `file_key` does.
        columns: Streamlit's column configuration.
        options: passed on to `st.dataframe`.

    Returns:
        What `st.dataframe` returns: the selection, where rows can be selected.
    """
    shown = st.dataframe(
        content, key=f"{key}_table", hide_index=True, alt=alt, placeholder="–", column_config=columns, **options
    )
    with st.container(horizontal=True, gap="small"):
        for ending, (write, mime) in TABLE_FORMATS.items():
            st.download_button(
                texts(f"downloads.{ending}"),
                partial(write, content),
                file_name=f"{file_name(file_key or key, snapshot)}.{ending}",
                mime=mime,
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"{key}_{ending}",
            )
    return shown


def data_behind(key: str, title: str, content: Content, texts: Texts, snapshot: Path) -> None:
    """What a picture is drawn from, folded away; nothing is sent before it is opened."""
    behind = st.expander(texts("downloads.data"), key=f"{key}_data", on_change="rerun", type="compact")
    if behind.open:
        rows = content if isinstance(content, pd.DataFrame) else content()
        with behind:
            st.caption(texts("downloads.columns", rows=f"{len(rows):,}"))
            table(f"{key}_data", rows, texts, snapshot, alt=texts("downloads.data_alt", title=title))


def camera(key: str, snapshot: Path, picture_format: PictureFormat) -> dict[str, Any]:
    """Plotly's configuration: only the buttons that help here, and a camera that saves a picture fit for a report."""
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {
            "format": picture_format,
            "filename": file_name(key, snapshot),
            "scale": PNG_SCALE if picture_format == "png" else 1,
        },
    }
