"""One server on the shipped results for all tests that look at pages, and a browser for each file of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from serving import open_browser, serve
from stores import EVERYTHING, cut_store


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    cut_store(folder, "true", among=EVERYTHING)
    with serve(folder) as address:
        yield address


@pytest.fixture(scope="module")  # Playwright allows one at a time, and some files open their own
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened
