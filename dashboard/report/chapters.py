"""Runs the dashboard's chapters without a browser, and gives what each of them drew."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.chapters import CHAPTERS

ENTRY = Path(__file__).parents[1] / "app.py"
FIRST = next(iter(CHAPTERS))
PATIENCE = 120  # seconds for one chapter
ASKED = ("own", "sql")  # these show nothing until they are asked


class ReportError(Exception):
    """A report that cannot be made. The text says why."""


def names(state: Mapping[str, str]) -> list[str]:
    """The chapters that have something to show at a state, in the order of the dashboard."""
    return [name for name in CHAPTERS if name not in ASKED or state.get(name)]


def draw(snapshot: Path, state: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Every chapter, drawn from one snapshot at the state that an address holds: its name, and the tree of what it
    drew, in Streamlit's elements.

    Raises:
        ReportError: a chapter failed.
    """
    with _alone(snapshot) as folder, _arguments("--data", str(folder)):
        for name in names(state):
            app = _open(name, state)
            if app.exception:
                raise ReportError(f"The chapter '{name}' could not be drawn: {app.exception[0].value}")
            yield name, app.main


def _open(chapter: str, state: Mapping[str, str]) -> AppTest:
    """One chapter as a copied link opens it, in a session of its own."""
    app = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE)
    # A report is made by someone who can read the store itself, or by the server for someone whom it has let in: here
    # there is no login.
    app.secrets = {"report": True}
    app.context = {"theme": "light"}
    for key, value in state.items():
        app.query_params[key] = value
    if chapter != FIRST:  # which has no address of its own
        app.switch_page(f"chapters/{chapter}.py")
    return app.run()


@contextmanager
def _alone(snapshot: Path) -> Iterator[Path]:
    """A folder that holds one snapshot and will never hold a newer one, so that all chapters show the same results."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / snapshot.name
        try:
            os.symlink(snapshot.absolute(), copy)
        except OSError:  # Windows lets few people make links
            shutil.copyfile(snapshot, copy)
        yield Path(folder)


@contextmanager
def _arguments(*arguments: str) -> Iterator[None]:
    """The command line, as the entry point reads it."""
    before = sys.argv
    sys.argv = [str(ENTRY), *arguments]
    try:
        yield
    finally:
        sys.argv = before
