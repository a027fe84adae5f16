"""The report from the side bar, opened from disk without a network, beside the pages that it was made from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from serving import PATIENCE, open_browser, serve, settle
from stores import cut_store

from dashboard.texts import Texts

texts = Texts("en")
STATE = "lang=en&layers=dense&activation=sigmoid"
# The values of each picture. A mean that two threads of DuckDB add up may differ in its last digit from time to time.
VALUES = """() => [...document.querySelectorAll(".js-plotly-plot")].map(picture => JSON.stringify(
    picture.data.map(({x, y, z, customdata, text}) => ({x, y, z, customdata, text})),
    (key, value) => ArrayBuffer.isView(value) ? [...value]
        : typeof value === "number" ? Number(value.toPrecision(9)) : value))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    cut_store(folder, "depth IN (1, 2, 4, 5) AND seed < 2 AND activation IN ('linear', 'sigmoid')")
    with serve(folder) as address:
        yield address


def values_of(page: Page, address: str) -> list[str]:
    page.goto(address)
    settle(page)
    page.wait_for_selector(".js-plotly-plot .main-svg")
    settle(page)
    found: list[str] = page.evaluate(VALUES)
    return found


def test_the_saved_report_shows_what_the_pages_show_without_a_network(server: str, tmp_path: Path) -> None:
    with open_browser() as browser:
        page = browser.new_page(locale="en")
        page.set_default_timeout(PATIENCE * 1000)
        shown = [
            values for chapter in ("overfitting", "depth") for values in values_of(page, f"{server}/{chapter}?{STATE}")
        ]
        assert len(shown) >= 5
        with page.expect_download(timeout=3 * PATIENCE * 1000) as download:
            page.get_by_role("button", name=texts("report.button")).click()
        file = tmp_path / "report.html"
        download.value.save_as(file)

        context = browser.new_context(offline=True)
        context.set_default_timeout(PATIENCE * 1000)
        report = context.new_page()
        problems: list[str] = []
        asked: list[str] = []
        report.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        report.on("pageerror", lambda error: problems.append(str(error)))
        report.on("request", lambda request: asked.append(request.url))
        report.goto(file.as_uri())
        report.wait_for_selector("html[data-drawn]")
        drawn = report.evaluate(VALUES)
        assert report.locator("figure.picture").count() == len(drawn)
        assert report.locator("figure.picture:not(:has(.main-svg))").count() == 0
        assert [values for values in shown if values not in drawn] == []
        assert problems == []
        assert asked == [file.as_uri()]
        report.pdf(path=tmp_path / "report.pdf", format="A4")
        assert (tmp_path / "report.pdf").stat().st_size > 50_000
        context.close()
