"""Whatever can be set on a page is in its address: a reload and a copied link show the same view."""

from collections.abc import Callable, Iterator

import pytest
from looking import drawn
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as NotInTimeError
from serving import PATIENCE

from dashboard.chapters import CHAPTERS
from dashboard.texts import Texts

# What each control shows: the pressed option, the place of a slider, the state of a switch, the text of a field.
SHOWN = """
() => [...document.querySelectorAll('[data-testid=stMain], [data-testid=stSidebar]')].flatMap(part => [
  ...part.querySelectorAll('[role=radio], [role=slider], [role=switch], input, [data-baseweb=select]')
]).filter(e => e.checkVisibility() || e.type === 'checkbox').map(e => [
  e.getAttribute('role') || e.tagName, e.getAttribute('aria-label') || '', e.getAttribute('aria-checked') || '',
  e.getAttribute('aria-valuenow') || '', e.type === 'checkbox' ? e.checked : e.value || '', e.textContent.trim()
].join('|'))
"""


def shown(page: Page) -> list[str]:
    found: list[str] = page.evaluate(SHOWN)
    return found


def change_everything(page: Page) -> None:
    """Changes each control of the page itself, one after the other, as a reader would; each must change the address."""
    main = page.get_by_test_id("stMain")

    def every(name: str) -> list[Locator]:
        return main.get_by_test_id(name).all()

    for group in every("stButtonGroup"):
        other = group.locator("[role=radio][aria-checked=false]")
        if other.count():
            _changes(page, other.last.click)
    for slider in every("stSlider"):
        handle = slider.get_by_role("slider").first
        low = handle.evaluate("e => (e.ariaValueNow ?? e.value) == (e.ariaValueMin ?? e.min)")
        _changes(page, lambda handle=handle, low=low: handle.press("ArrowRight" if low else "ArrowLeft"))
    for switch in every("stCheckbox"):
        _changes(page, switch.locator("label").click)
    for select in every("stSelectbox"):
        _changes(page, lambda select=select: _choose_another(page, select.get_by_role("combobox")))
    for number in every("stNumberInput"):
        _changes(page, number.get_by_test_id("stNumberInputStepUp").click)


def _choose_another(page: Page, combobox: Locator) -> None:
    """Opens a list by keyboard and takes an option; again where scrolling to the list has closed it meanwhile."""
    for _ in range(5):
        combobox.press("ArrowDown")
        try:
            page.locator("[role=option][aria-selected=false]").first.click(timeout=3_000)
        except NotInTimeError:
            continue
        return
    raise AssertionError("the list did not stay open")


def _changes(page: Page, act: Callable[[], object]) -> None:
    before = page.url
    act()
    page.wait_for_url(lambda url: url != before)
    drawn(page)


def test_the_first_page_is_found_by_its_name_too(server: str, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en").new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server}/answer?lang=ja&draw=3")
    page.get_by_role("heading", name=Texts("ja")("answer.title")).wait_for()
    drawn(page)
    assert page.get_by_role("dialog").count() == 0
    assert page.url.startswith(f"{server}/?")
    assert "draw=3" in page.url
    page.context.close()


# A query is asked by hand, and the shipped store has no run of anybody's own to choose.
WITHOUT_CONTROLS = ("sql", "own")


@pytest.fixture(scope="module")
def readers(browser: Browser) -> Iterator[tuple[Page, Page]]:
    """Browsers that share nothing but an address: of somebody who sets a page, in English, and of somebody who gets the
    link, in Japanese. They stay open from chapter to chapter; each address is opened as a new document."""
    pages = [
        browser.new_context(viewport={"width": 1440, "height": 900}, locale=language).new_page()
        for language in ("en", "ja")
    ]
    for page in pages:
        page.set_default_timeout(PATIENCE * 1000)
    yield pages[0], pages[1]
    for page in pages:
        page.context.close()


@pytest.mark.parametrize("chapter", [chapter for chapter in CHAPTERS if chapter not in WITHOUT_CONTROLS])
def test_every_control_keeps_its_state_in_a_reload_and_a_copied_link(
    server: str, readers: tuple[Page, Page], chapter: str
) -> None:
    page, other = readers
    page.goto(f"{server}/{chapter if chapter != 'answer' else ''}?lang=en")
    drawn(page)
    before = shown(page)
    change_everything(page)
    after, link = shown(page), page.url
    assert after != before
    page.reload()
    drawn(page)
    assert shown(page) == after
    other.goto(link)
    drawn(other)
    assert shown(other) == after
