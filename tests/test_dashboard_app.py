"""Every chapter, in both languages, from every kind of store."""

import shutil
import sys
from pathlib import Path

import duckdb
import pytest
from stores import PROJECT, SCHEMA, cut_store, shipped_snapshot
from streamlit.testing.v1 import AppTest

from dashboard.chapters import CHAPTERS
from dashboard.snapshots import SCHEMA_VERSION
from dashboard.texts import Texts

LANGUAGES = ["en", "ja"]
DRAWN = [name for name in CHAPTERS if name not in ("own", "sql")]  # these show nothing until they are asked
GRID = [name for name in DRAWN if name != "runs"]  # those about the question's own runs


def open_chapter(monkeypatch: pytest.MonkeyPatch, folder: Path, chapter: str, language: str, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    app.query_params["lang"] = language
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    if chapter != "answer":
        app.switch_page(f"chapters/{chapter}.py").run()
    return app


def words(app: AppTest) -> str:
    """All that is written on the page."""
    elements = [*app.title, *app.markdown, *app.info, *app.warning, *app.error, *app.caption]
    return "\n".join(element.value for element in elements)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped results, which all tests of a process share, as readers of a server do."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy(shipped_snapshot(), folder)
    return folder


@pytest.fixture
def two_runs(tmp_path: Path) -> Path:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed = 0")
    return tmp_path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", DRAWN)
def test_a_chapter_shows_pictures_and_computed_sentences_from_the_shipped_store(
    monkeypatch: pytest.MonkeyPatch, shipped: Path, chapter: str, language: str
) -> None:
    app = open_chapter(monkeypatch, shipped, chapter, language)
    assert not app.exception
    assert app.title[0].value == Texts(language)(f"{chapter}.title")
    assert len(app.get("plotly_chart")) >= 2
    assert Texts(language)("page.says") in words(app)
    assert "{" not in words(app)
    assert "nan" not in words(app).lower().split()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", GRID)
def test_a_chapter_says_what_a_store_of_two_runs_lacks(
    monkeypatch: pytest.MonkeyPatch, two_runs: Path, chapter: str, language: str
) -> None:
    app = open_chapter(monkeypatch, two_runs, chapter, language)
    assert not app.exception
    assert Texts(language)("problem.one_seed") in words(app)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_says_what_to_do_about_an_empty_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chapter: str, language: str
) -> None:
    app = open_chapter(monkeypatch, tmp_path, chapter, language)
    assert not app.exception
    assert [error.value for error in app.error] == [Texts(language)("problem.missing", folder=tmp_path.name)]


@pytest.mark.parametrize("chapter", GRID)
def test_a_chapter_asks_for_the_grid_where_a_store_holds_only_other_runs(
    monkeypatch: pytest.MonkeyPatch, two_runs: Path, chapter: str
) -> None:
    with duckdb.connect(str(next(two_runs.glob("*.duckdb")))) as connection:
        connection.execute("UPDATE run SET learning_rate = 0.5")
    app = open_chapter(monkeypatch, two_runs, chapter, "en")
    assert not app.exception
    assert Texts("en")("problem.no_runs") in words(app)


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_a_chapter_serves_every_activation_and_both_ways_of_counting(
    monkeypatch: pytest.MonkeyPatch, shipped: Path, chapter: str, activation: str
) -> None:
    app = open_chapter(monkeypatch, shipped, chapter, "en", activation=activation, layers="dense", depth="10")
    assert not app.exception


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_address_that_names_nothing_shows_the_default_view(
    monkeypatch: pytest.MonkeyPatch, shipped: Path, chapter: str
) -> None:
    keys = ("activation", "layers", "depth", "epoch", "draw", "metric", "splits")
    nonsense = dict.fromkeys(keys, "' OR 1=1; <script>")
    app = open_chapter(monkeypatch, shipped, chapter, "klingon", **nonsense)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("truncate", "damaged"),
        ("text", "damaged"),
        ("foreign", "foreign"),
        ("schema", "other_schema"),
        ("no run", "empty"),
    ],
)
def test_a_store_that_cannot_be_read_gets_one_sentence_and_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str, reason: str, language: str
) -> None:
    file = tmp_path / "results-20260101T000000Z.duckdb"
    if damage == "truncate":
        content = shipped_snapshot().read_bytes()
        file.write_bytes(content[: len(content) // 3])
    elif damage == "text":
        file.write_text("not a database")
    else:
        with duckdb.connect(str(file)) as connection:
            if damage == "foreign":
                connection.execute("CREATE TABLE cats (name VARCHAR)")
            else:
                connection.execute(SCHEMA.read_text(encoding="utf-8"))
                connection.execute("INSERT INTO store VALUES (?, NULL)", [99 if damage == "schema" else SCHEMA_VERSION])
    before = file.read_bytes()
    app = open_chapter(monkeypatch, tmp_path, "answer", language)
    assert not app.exception
    details = {"file": file.name, "came": 99, "expected": SCHEMA_VERSION}
    assert [error.value for error in app.error] == [Texts(language)(f"problem.{reason}", **details)]
    assert file.read_bytes() == before


def test_a_damaged_newest_snapshot_gives_way_to_the_one_before_and_says_so(
    monkeypatch: pytest.MonkeyPatch, two_runs: Path
) -> None:
    (two_runs / "results-20270101T000000Z.duckdb").write_text("not a database")
    app = open_chapter(monkeypatch, two_runs, "answer", "en")
    assert not app.exception
    assert Texts("en")("problem.older_shown") in app.warning[0].value
    assert app.get("plotly_chart")


def test_a_newer_snapshot_is_shown_without_a_restart(monkeypatch: pytest.MonkeyPatch, two_runs: Path) -> None:
    app = open_chapter(monkeypatch, two_runs, "answer", "en")
    assert any(caption.value.startswith("2 stored runs") for caption in app.caption)
    (two_runs / "local").mkdir()
    cut_store(two_runs / "local", "activation = 'linear' AND seed = 0", "results-20260102T000000Z.duckdb")
    app.run()
    assert any(caption.value.startswith("11 stored runs") for caption in app.caption)


def test_the_browser_decides_the_language_where_the_address_does_not(
    monkeypatch: pytest.MonkeyPatch, two_runs: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(two_runs)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    app.context = {"locale": "ja-JP"}
    app.run()
    assert app.title[0].value == Texts("ja")("answer.title")


def test_what_was_chosen_stays_from_page_to_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "depth IN (1, 2, 5) AND seed < 2")
    app = open_chapter(monkeypatch, tmp_path, "depth", "en")
    app.button_group(key="activation").set_value("sigmoid").run()
    app.slider(key="epoch").set_value(7).run()
    for chapter in ("overfitting", "gradients", "depth"):
        app.switch_page(f"chapters/{chapter}.py").run()
        assert app.button_group(key="activation").value == "sigmoid"
        assert app.slider(key="epoch").value == 7
    app.switch_page("chapters/answer.py").run().switch_page("chapters/overfitting.py").run()
    assert app.query_params["activation"] == "sigmoid"
    assert app.query_params["epoch"] == "7"
