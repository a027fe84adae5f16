"""One walk through all chapters in a real browser."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from stores import PROJECT, shipped_snapshot

from dashboard.texts import Texts

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHAPTERS = ["answer", "depth", "overfitting", "gradients"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard as a user starts it, on the shipped results alone."""
    folder = tmp_path_factory.mktemp("data")
    (folder / shipped_snapshot().name).symlink_to(shipped_snapshot())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(port)]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", *options, "--", "--data", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):  # noqa: S310  # our own server
                    break
            except OSError:
                time.sleep(0.2)
        yield address
        process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"The browser tests need Chromium at {CHROMIUM}: run 'apt-get install chromium fonts-noto-cjk'.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


def settle(page: Page) -> None:
    """Waits until the page is connected, has run, and has drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-connection-state=CONNECTED]", timeout=60_000)
    page.wait_for_selector("[data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_selector("[data-testid=stSkeleton]", state="detached", timeout=60_000)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_chapter_draws_without_an_error_and_without_scrolling_sideways(
    server: str, browser: Browser, language: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=language)
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
    page.goto(f"{server}/?lang=en")
    settle(page)
    page.get_by_role("button", name=Texts("en")("answer.draw")).click()
    page.get_by_role("radio", name=Texts("en")("page.counting_dense")).click()
    page.wait_for_url(lambda url: "draw=1" in url and "layers=dense" in url)
    link = page.url
    page.close()
    other = browser.new_page(locale="ja")
    other.goto(link)
    settle(other)
    other.get_by_text(Texts("en")("page.axis_dense")).first.wait_for()
    assert other.get_by_label(Texts("en")("answer.draw_number")).input_value() == "1"
    other.close()
