"""Results that are published while somebody looks are offered, and shown when they say so."""

import re
from pathlib import Path

from playwright.sync_api import expect
from serving import PATIENCE, open_browser, serve, settle
from stores import cut_store

from dashboard.texts import Texts


def test_an_open_page_offers_new_results_and_shows_them_on_a_click(tmp_path: Path) -> None:
    texts = Texts("en")
    (tmp_path / "local").mkdir()
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2) AND seed = 0")
    with serve(tmp_path) as address, open_browser() as browser:
        page = browser.new_page(locale="en", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{address}/depth?layers=dense")
        settle(page)
        sidebar = page.get_by_test_id("stSidebar")
        expect(sidebar).to_contain_text("2 stored runs")
        expect(sidebar).not_to_contain_text(texts("freshness.newer"))
        hidden = cut_store(tmp_path, "activation = 'linear' AND seed = 0", "being-written.duckdb")
        hidden.rename(tmp_path / "local" / "results-20260102T000000Z.duckdb")
        expect(sidebar).to_contain_text(texts("freshness.newer"), timeout=PATIENCE * 1000)
        expect(sidebar).to_contain_text("2 stored runs")  # nothing changes under the reader's eyes
        page.get_by_role("button", name=texts("freshness.show")).click()
        expect(sidebar).to_contain_text("11 stored runs", timeout=PATIENCE * 1000)
        expect(sidebar).not_to_contain_text(texts("freshness.newer"))
        expect(page).to_have_url(re.compile("/depth.*layers=dense"))
