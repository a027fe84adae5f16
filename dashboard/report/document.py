"""Puts the chapters together into one HTML file, with the program that draws its pictures inside."""

import base64
import gzip
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from dashboard import queries
from dashboard.report.chapters import draw, names
from dashboard.report.elements import Renderer
from dashboard.texts import Texts

PARTS = Path(__file__).parent


def report(snapshot: Path, texts: Texts, state: Mapping[str, str]) -> str:
    """Every chapter, drawn from one snapshot at the state that an address holds, as one HTML document.

    Raises:
        ReportError: a chapter could not be drawn.
    """
    state = dict(state) | {"lang": texts.language}
    shown = names(state)
    renderer = Renderer(
        shown, texts("report.yes"), texts("report.no"), lambda rows: texts("report.rows_left", rows=f"{rows:,}")
    )
    chapters = [
        f'<section class="chapter" id="{name}">\n{renderer.render(tree)}\n</section>'
        for name, tree in draw(snapshot, state)
    ]
    contents = [f'<li><a href="#{name}">{escape(texts(f"{name}.menu"))}</a></li>' for name in shown]
    facts = queries.store_facts(snapshot).iloc[0]
    source = texts(
        "report.source",
        file=snapshot.name,
        published=f"{facts.published:%Y-%m-%d %H:%M}",
        runs=f"{facts.runs:,}",
        commits=facts.commits,
    )
    left_out = texts("report.left_out", kinds=", ".join(sorted(renderer.left_out))) if renderer.left_out else ""
    return Template(_part("report.html")).substitute(
        language=texts.language,
        title=escape(texts("report.title")),
        question=escape(texts("answer.title")),
        source=escape(source),
        left_out=escape(left_out),
        contents_title=escape(texts("report.contents")),
        contents="\n".join(contents),
        chapters="\n".join(chapters),
        no_script=escape(texts("report.no_script")),
        style=_part("report.css"),
        script=_part("report.js"),
        plotly=_packed(get_plotlyjs()),
        figures=_packed("[" + ",".join(renderer.figures) + "]"),
    )


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _packed(text: str) -> str:
    """A text as it can stand inside HTML, at about a third of its length; the browser unpacks it."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
