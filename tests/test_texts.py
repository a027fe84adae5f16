"""The words of the dashboard."""

import re
import string

import pytest
from markdown_it import MarkdownIt

from dashboard.texts import LANGUAGES, Texts, language_for, read


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts() -> None:
    assert read("ja").keys() == read("en").keys()


@pytest.mark.parametrize("key", sorted(read("en")))
def test_a_text_has_the_same_placeholders_in_both_languages(key: str) -> None:
    assert placeholders(read("ja")[key]) == placeholders(read("en")[key])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_measured_number_is_typed_into_prose(language: str) -> None:
    measured = re.compile(r"\d+\.\d+ ?(%|％|points|percentage|ポイント)")
    # The one share that is a rule of the reading, not a result, is the confidence of intervals.
    found = {key: text for key, text in read(language).items() if measured.search(text)}
    assert not found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_asterisk_is_left_on_the_page(language: str) -> None:
    """Between Japanese words, Markdown does not end what is bold right after a colon or a bracket."""
    markdown = MarkdownIt()
    left = {
        key: text
        for key, text in read(language).items()
        if "*" in re.sub(r"<[^>]*>", "", markdown.render(re.sub(r"{[^}]*}", "値", text)))
    }
    assert not left


def test_a_missing_value_for_a_placeholder_is_an_error() -> None:
    with pytest.raises(KeyError):
        Texts("en")("problem.missing", wrong="x")


@pytest.mark.parametrize(
    ("locale", "language"), [("ja", "ja"), ("ja-JP", "ja"), ("en-US", "en"), ("de", "en"), (None, "en")]
)
def test_the_locale_chooses_the_language(locale: str | None, language: str) -> None:
    assert language_for(locale) == language
