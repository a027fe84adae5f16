"""The report: every chapter in one file that asks nothing of a network."""

import gzip
import json
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.chapters import CHAPTERS
from dashboard.report.elements import Renderer
from dashboard.texts import Texts

MOST_BYTES = 8_000_000
VIEW = "http://127.0.0.1:8501/depth?lang=ja&layers=dense&activation=sigmoid&depth=4"


def report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dashboard", "report", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    cut_store(made, "depth IN (0, 1, 2, 4, 5) AND seed < 2 AND activation IN ('linear', 'sigmoid')")
    return made


@pytest.fixture(scope="module")
def document(folder: Path) -> str:
    out = folder / "report.html"
    made = report(out, "--data", folder, "--view", VIEW)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith(str(out))
    return out.read_text(encoding="utf-8")


def figures_in(document: str) -> list[dict[str, Any]]:
    packed = re.search(r'id="figures">([^<]*)<', document)
    assert packed
    found: list[dict[str, Any]] = json.loads(gzip.decompress(b64decode(packed[1])))
    return found


def test_every_chapter_is_there_with_its_pictures_and_what_they_say(document: str, folder: Path) -> None:
    texts = Texts("ja")
    for name in CHAPTERS:
        if name not in ("own", "sql"):
            assert f'id="{name}"' in document
            assert texts(f"{name}.title") in document
    assert document.count('class="picture"') == len(figures_in(document)) >= 2 * (len(CHAPTERS) - 2)
    assert texts("page.says") in document
    assert next(folder.glob("results-*.duckdb")).name in document
    assert len(document.encode()) <= MOST_BYTES


def test_it_is_drawn_at_the_state_of_the_address(document: str) -> None:
    texts = Texts("ja")
    assert f"{texts('page.activation')}: <strong>{texts('activation.sigmoid')}</strong>" in document
    assert f"{texts('page.axis_dense')}: <strong>5</strong>" in document


def test_its_figures_are_those_of_the_dashboard(document: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in {"lang": "ja", "layers": "dense", "activation": "sigmoid", "depth": "4"}.items():
        app.query_params[key] = value
    app.run().switch_page("chapters/depth.py").run()
    shown = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert shown
    assert all(figure in figures_in(document) for figure in shown)


def test_nothing_of_it_comes_from_a_network(document: str) -> None:
    outside = re.sub(r'<script type="text/plain".*?</script>', "", document, flags=re.DOTALL)
    addresses = re.findall(r'(?:src|href|action|url)\s*[=(]\s*["\']?([^"\'\s>)]+)', outside)
    assert addresses
    assert [found for found in addresses if not found.startswith(("#", "data:", "https://"))] == []
    links = re.findall(r'<a href="(https://[^"]+)"', outside)  # what the texts cite: followed only by a click
    assert [found for found in addresses if found.startswith("https://")] == links


def test_nothing_that_a_chapter_draws_is_left_out(document: str) -> None:
    assert Texts("ja")("report.left_out", kinds="").rstrip("。") not in document


@pytest.mark.parametrize("language", ["en", "ja"])
def test_without_results_there_is_a_sentence_and_no_file(tmp_path: Path, language: str) -> None:
    made = report(tmp_path / "out.html", "--data", tmp_path, "--lang", language)
    assert made.returncode == 2
    assert made.stderr == Texts(language)("problem.missing", folder=tmp_path.name) + "\n"
    assert not (tmp_path / "out.html").exists()


def draw_everything() -> None:
    import pandas as pd
    import streamlit as st

    st.title("A <b>title</b>")
    st.markdown("##### Smaller\n\n**bold** :red[●] :material/home: <script>alert(1)</script> | not a table")
    st.caption("*quiet*")
    st.warning("Careful")
    left, right = st.columns(2)
    left.toggle("Switch", True, key="switch")
    right.select_slider("Pick", [1, 2, 3], 2, format_func=lambda n: f"no. {n}")
    st.button("Press")
    with st.expander("More", expanded=True):
        st.dataframe(
            pd.DataFrame({"n": [0.5, None], "t": ["<i>", "b"]}),
            hide_index=True,
            column_config={"n": st.column_config.NumberColumn("Number", format="%+.2f")},
        )
    with st.popover("A word"):
        st.markdown("means this")
    st.metric("Runs", "3", "1")
    st.code("a < b")
    st.page_link("https://127.0.0.1/x", label="Away")
    st.progress(0.5)


def test_each_kind_of_element_is_written_and_what_cannot_be_is_named() -> None:
    renderer = Renderer([], "on", "off", str)
    html = renderer.render(AppTest.from_function(draw_everything).run().main)
    assert "<script" not in html
    assert "<b>" not in html
    for piece in (
        "<h2>A &lt;b&gt;title&lt;/b&gt;</h2>",
        "<h3>Smaller</h3>",
        '<span class="red">●</span>',
        '<div class="caption"><p><em>quiet</em></p>',
        '<div class="alert warning"',
        "Switch: <strong>on</strong>",
        "Pick: <strong>no. 2</strong>",
        "<details open><summary>More</summary>",
        "<details><summary>A word</summary>",
        "<th>Number</th>",
        '<td class="number">+0.50</td>',
        "<td>&lt;i&gt;</td>",
        "<strong>3</strong>",
        "a &lt; b",
    ):
        assert piece in html
    assert "Press" not in html
    assert renderer.left_out == {"progress"}
