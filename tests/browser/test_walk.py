"""One walk through all chapters in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage
from serving import PATIENCE, open_browser, serve, settle
from stores import shipped_snapshot

from dashboard.chapters import CHAPTERS
from dashboard.texts import Texts


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard on the shipped results alone."""
    folder = tmp_path_factory.mktemp("data")
    (folder / shipped_snapshot().name).symlink_to(shipped_snapshot())
    with serve(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_chapter_draws_without_an_error_and_without_scrolling_sideways(
    server: str, browser: Browser, language: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=language)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Streamlit looks for its own addresses below a page's first, and finds them at the root.
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    for chapter in CHAPTERS:
        page.goto(f"{server}/{chapter if chapter != 'answer' else ''}?lang={language}")
        settle(page)
        page.get_by_role("heading", name=Texts(language)(f"{chapter}.title")).wait_for()
        page.wait_for_selector(".js-plotly-plot .main-svg")
        assert page.get_by_test_id("stException").count() == 0
        sideways = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth")
        assert sideways <= 0, f"{chapter} is {sideways} pixels too wide"
    assert not problems
    context.close()


def test_a_copied_link_shows_the_same_view(server: str, browser: Browser) -> None:
    page = browser.new_page(locale="en")
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server}/?lang=en")
    settle(page)
    page.get_by_role("button", name=Texts("en")("answer.draw")).click()
    page.wait_for_url(lambda url: "draw=1" in url)
    settle(page)
    page.get_by_role("radio", name=Texts("en")("page.counting_dense")).click()
    page.wait_for_url(lambda url: "draw=1" in url and "layers=dense" in url)
    link = page.url
    page.close()
    other = browser.new_page(locale="ja")
    other.set_default_timeout(PATIENCE * 1000)
    other.goto(link)
    settle(other)
    other.get_by_text(Texts("en")("page.axis_dense")).first.wait_for()
    assert other.get_by_label(Texts("en")("answer.draw_number")).input_value() == "1"
    other.close()
