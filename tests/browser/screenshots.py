"""Takes the README's pictures of the dashboard: `python tests/browser/screenshots.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from looking import drawn
from serving import open_browser, serve
from stores import PROJECT

from dashboard.texts import Texts

FOLDER = PROJECT / "dashboard" / "screenshots"
FADING_MS = 1_500  # what Streamlit fades in after it has drawn
# By file name: the view, and the text of the heading that stands at the top of the picture (None: the page's top).
PICTURES = {
    "answer": ("?draw=3", None),
    "gradients": ("gradients?activation=sigmoid&depth=8&epoch=0", None),
    "weights": ("weights?activation=sigmoid&depth=5", None),
    "linear": ("linear?depth=5", "linear.maps.head"),
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with serve(PROJECT / "data") as address, open_browser() as browser:
        for language in ("en", "ja"):
            for name, (view, heading) in PICTURES.items():
                page = browser.new_page(viewport={"width": 1280, "height": 1200}, color_scheme="light")
                page.goto(f"{address}/{view}&lang={language}")
                drawn(page)
                if heading is not None:
                    place = page.get_by_role("heading", name=Texts(language)(heading))
                    place.evaluate("heading => heading.scrollIntoView({block: 'start'})")
                page.wait_for_timeout(FADING_MS)
                file = FOLDER / f"{name}-{language}.png"
                page.screenshot(path=file)
                page.close()
                print(f"Wrote {file.relative_to(PROJECT)}")
