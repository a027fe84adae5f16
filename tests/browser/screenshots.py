"""Takes the README's pictures of the dashboard: `python tests/browser/screenshots.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from serving import open_browser, serve, settle
from stores import PROJECT

FOLDER = PROJECT / "dashboard" / "screenshots"
DRAWING_MS = 2_000  # Plotly draws after the page has settled

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with serve(PROJECT / "data") as address, open_browser() as browser:
        for language in ("en", "ja"):
            page = browser.new_page(viewport={"width": 1280, "height": 1100}, color_scheme="light")
            page.goto(f"{address}/?lang={language}&draw=3")
            settle(page)
            page.wait_for_timeout(DRAWING_MS)
            file = FOLDER / f"answer-{language}.png"
            page.screenshot(path=file)
            print(f"Wrote {file.relative_to(PROJECT)}")
