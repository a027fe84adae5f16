"""The page on which readers write their own queries."""

from pathlib import Path

import pytest
from stores import cut_store
from streamlit.testing.v1 import AppTest
from test_dashboard_app import open_chapter, words

from dashboard.examples import EXAMPLES
from dashboard.texts import LANGUAGES, Texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("store")
    cut_store(made, "depth IN (1, 5) AND seed < 2 AND activation IN ('linear', 'sigmoid')")
    return made


def figure(app: AppTest) -> str:
    (chart,) = app.get("plotly_chart")
    return str(chart.proto.spec)


def test_an_example_is_run_shown_and_kept_in_the_address(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    app = open_chapter(monkeypatch, folder, "sql", "en")
    app.button(key="example_depth").click().run()
    assert app.text_area(key="sql").value == EXAMPLES["depth"]
    assert app.dataframe[0].value["activation"].tolist() == ["linear", "linear", "sigmoid", "sigmoid"]
    assert app.query_params["sql"] == EXAMPLES["depth"]
    assert "accuracy" in figure(app)


def test_a_link_shows_the_query_its_rows_and_its_picture(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    sql = "SELECT 'x' AS word, 3 AS up, 4 AS other UNION ALL SELECT 'y', 5, 6"
    app = open_chapter(monkeypatch, folder, "sql", "en", sql=sql, sql_y="other", sql_kind="points")
    assert app.dataframe[0].value["other"].tolist() == [4, 6]
    assert '"markers"' in figure(app)
    assert app.selectbox(key="sql_y").value == "other"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mistake_is_told_and_the_page_goes_on(monkeypatch: pytest.MonkeyPatch, folder: Path, language: str) -> None:
    app = open_chapter(monkeypatch, folder, "sql", language, sql="SELECT nothing FROM run")
    assert [error.value for error in app.error] == [Texts(language)("sql.problem.mistake")]
    assert "nothing" in app.code[0].value
    app.text_area(key="sql").set_value("SELECT 1 AS one")
    app.button(key="run_query").click().run()
    assert not app.error
    assert app.dataframe[0].value["one"].tolist() == [1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_and_column_stands_beside_the_query_with_its_meaning(
    monkeypatch: pytest.MonkeyPatch, folder: Path, language: str
) -> None:
    app = open_chapter(monkeypatch, folder, "sql", language)
    assert "Mean cross\\-entropy in nats" in words(app)
    assert Texts(language)("sql.tables") in words(app)


def test_words_of_a_query_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    sql = "SELECT 1 AS \"<a href='http://127.0.0.1'>x</a>\", 2 AS up"
    app = open_chapter(monkeypatch, folder, "sql", "en", sql=sql)
    assert not app.exception
    assert "<a href" not in figure(app)


def test_a_query_without_rows_or_numbers_says_so(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    app = open_chapter(monkeypatch, folder, "sql", "en", sql="SELECT depth FROM run WHERE depth > 99")
    assert [info.value for info in app.info] == [Texts("en")("sql.empty")]
    app.text_area(key="sql").set_value("SELECT 'a' AS word")
    app.button(key="run_query").click().run()
    assert Texts("en")("sql.nothing_to_draw") in words(app)
