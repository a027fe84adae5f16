"""The dashboard as a user starts it, and a browser to look at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from stores import PROJECT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60  # seconds, for a machine that does something else at the same time


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def serve(folder: Path, *more: str, port: int | None = None, log: Path = Path(os.devnull)) -> Iterator[str]:
    """Runs the dashboard on a data folder, with more options of Streamlit's; gives its address."""
    port = port or free_port()
    options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(port), *more]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", *options, "--", "--data", str(folder)]
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output, subprocess.Popen(command, cwd=PROJECT, stdout=output, stderr=output) as process:
        try:
            wait_for(f"{address}/_stcore/health")
            yield address
        finally:
            process.terminate()


@contextmanager
def open_browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        raise RuntimeError(f"A browser was expected at {CHROMIUM}: run 'apt-get install chromium fonts-noto-cjk'.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def settle(page: Page) -> None:
    """Waits until the page is connected, has run, and has drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-connection-state=CONNECTED]", timeout=PATIENCE * 1000)
    page.wait_for_selector("[data-test-script-state=notRunning]", timeout=PATIENCE * 1000)
    page.wait_for_selector("[data-testid=stSkeleton]", state="detached", timeout=PATIENCE * 1000)


def wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=1):  # our own server
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
