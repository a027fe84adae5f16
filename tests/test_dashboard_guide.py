"""The glossary and the guided path: every word is explained and shown, every step leads to the next, and out."""

import sys
from pathlib import Path

import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard.chapters import CHAPTERS, glossary, guide
from dashboard.texts import LANGUAGES, Texts

TEXTS = Texts("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_explained_and_shown_in_a_chapter(language: str) -> None:
    texts = Texts(language)
    used = {word for words in glossary.USED.values() for word in words}
    assert used == set(glossary.WORDS)
    for word, shown in glossary.WORDS.items():
        assert texts(f"glossary.{word}.word")
        assert texts(f"glossary.{word}.means")
        assert shown.chapter in CHAPTERS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_its_words_and_chapter(language: str) -> None:
    texts = Texts(language)
    for step in guide.STEPS:
        assert texts(f"guide.{step.name}.title")
        assert texts(f"guide.{step.name}.do")
        assert step.chapter in CHAPTERS


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    cut_store(tmp_path, "activation IN ('linear', 'sigmoid') AND depth IN (1, 2) AND seed < 2")
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(tmp_path)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    app.query_params["lang"] = "en"
    return app


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def test_nobody_sees_the_path_who_does_not_take_it(app: AppTest) -> None:
    app.run()
    assert TEXTS("guide.chance.title") not in words(app)
    app.switch_page("chapters/depth.py").run()
    assert TEXTS("guide.depth.title") not in words(app)


def test_a_step_says_what_to_do_and_can_be_left(app: AppTest) -> None:
    app.query_params["step"] = "1"
    app.run()
    assert TEXTS("guide.chance.do") in words(app)
    app.switch_page("chapters/weights.py").run()
    assert TEXTS("guide.chance.title") in words(app)
    assert TEXTS("guide.chance.do") not in words(app)
    app.button(key="leave_guide").click().run()
    assert TEXTS("guide.chance.title") not in words(app)
    assert "step" not in app.query_params
