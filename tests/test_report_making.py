"""Reports for many readers: one at a time, each made once, and no more asked for than may wait."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard.report import making

SNAPSHOT = Path("results-20260101T000000Z.duckdb")
PATIENCE = 60.0  # seconds


class Maker:
    """In the place of the program that takes a minute: counts, and waits until it may go on."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.started, self.may_end = threading.Event(), threading.Event()

    def __call__(self, snapshot: Path, view: str) -> bytes:
        self.made.append(view)
        self.started.set()
        assert self.may_end.wait(PATIENCE)
        return view.encode()


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    instead = Maker()
    monkeypatch.setattr(making, "_make", instead)
    monkeypatch.setattr(making, "_kept", {})
    yield instead
    instead.may_end.set()


def test_those_who_ask_for_the_same_view_at_once_get_the_one_report(maker: Maker) -> None:
    with ThreadPoolExecutor(making.MOST_ASKED) as readers:
        asked = [readers.submit(making.make, SNAPSHOT, {"depth": "3"}) for _ in range(making.MOST_ASKED)]
        assert maker.started.wait(PATIENCE)
        maker.may_end.set()
        assert {each.result(PATIENCE) for each in asked} == {b"depth=3"}
    assert maker.made == ["depth=3"]


def test_one_too_many_is_refused_at_once_and_a_kept_report_is_not(maker: Maker) -> None:
    maker.may_end.set()
    making.make(SNAPSHOT, {"depth": "0"})
    maker.may_end.clear()
    maker.started.clear()
    with ThreadPoolExecutor(making.MOST_ASKED) as readers:
        for depth in range(1, making.MOST_ASKED + 1):
            readers.submit(making.make, SNAPSHOT, {"depth": str(depth)})
        assert maker.started.wait(PATIENCE)
        while making._asked._value:  # until all of them have asked; to try would take a place
            time.sleep(0.01)
        with pytest.raises(making.BusyError):
            making.make(SNAPSHOT, {"depth": "9"})
        assert making.make(SNAPSHOT, {"depth": "0"}) == b"depth=0"
        maker.may_end.set()


def test_the_oldest_report_makes_room(maker: Maker) -> None:
    maker.may_end.set()
    for depth in range(making.MOST_KEPT + 1):
        making.make(SNAPSHOT, {"depth": str(depth)})
    making.make(SNAPSHOT, {"depth": "0"})
    assert maker.made == [*(f"depth={depth}" for depth in range(making.MOST_KEPT + 1)), "depth=0"]
