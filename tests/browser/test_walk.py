"""A walk through all chapters in a real browser, as somebody who looks closely would take it."""

import pytest
from looking import barriers, drawn, faults
from playwright.sync_api import Browser, ConsoleMessage, Page
from serving import PATIENCE

from dashboard.chapters import CHAPTERS
from dashboard.texts import Texts

WIDE, NARROW = ({"width": width, "height": 900} for width in (1440, 390))


def open_page(browser: Browser, problems: list[str], **options: object) -> Page:
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE * 1000)

    def note(message: ConsoleMessage) -> None:
        # Streamlit looks for its own addresses below a page's first, and finds them at the root.
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_chapter_is_whole_on_wide_and_narrow_screens(
    server: str, browser: Browser, language: str, theme: str
) -> None:
    texts, problems = Texts(language), []
    page = open_page(browser, problems, viewport=WIDE, locale=language, color_scheme=theme)
    page.goto(f"{server}/?lang={language}")
    checks_barriers = (language, theme) in (("en", "light"), ("ja", "dark"))
    for chapter in CHAPTERS:
        page.set_viewport_size(WIDE)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=texts(f"{chapter}.menu"), exact=True).click()
        page.get_by_role("heading", name=texts(f"{chapter}.title")).wait_for()
        for screen in (WIDE, NARROW):
            page.set_viewport_size(screen)
            drawn(page)
            place = f"{chapter}, {screen['width']} wide: "
            problems += [place + fault for fault in faults(page)]
            if checks_barriers:
                problems += [place + barrier for barrier in barriers(page)]
        assert page.get_by_test_id("stException").count() == 0
    assert not problems, "\n".join(problems)
    page.context.close()


BROKEN = """
<main data-testid="stMain" style="width: 300px">
  <p style="width: 40px; overflow: hidden; white-space: nowrap">words that do not fit</p>
  <p style="position: absolute; left: 10px; top: 200px">some words</p>
  <p style="position: absolute; left: 14px; top: 202px">on others</p>
  <div style="width: 5000px">wide</div>
  <div data-testid="stElementContainer"><div data-testid="stPlotlyChart" aria-label="short"></div></div>
  <img src="x"><button></button>
</main>
"""


@pytest.mark.parametrize(
    "fault", ["sideways", "cut: ", "overlapping: ", "text alternative", "without a title", "x axis has no name"]
)
def test_a_careful_eye_finds_each_fault(browser: Browser, fault: str) -> None:
    page = browser.new_page()
    page.set_content(BROKEN)
    assert any(fault in found for found in faults(page))
    assert any("critical" in found for found in barriers(page))
    page.close()
