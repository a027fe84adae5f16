"""Ctrl-C and SIGTERM: they stop a refresh between two steps, and never in the midst of one that must be finished."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130  # the exit code of a program stopped by Ctrl-C


def stoppable(command: Callable[[], int]) -> int:
    """Runs a command to its exit code; where a signal stops it, what is unfinished is cleared away first."""
    try:
        with Interruption():
            return command()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped before it was done. What was stored before is kept; run the same command again.\n")
        return INTERRUPTED


class Interruption:
    """Within it, both signals raise KeyboardInterrupt; and where they are held back, only once that is done."""

    def __init__(self) -> None:
        self._before: list[Any] = []
        self._holding = False
        self._came = False

    def __enter__(self) -> Self:
        self._before = [signal.signal(number, self._handle) for number in SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._came:
            self._came = False
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._holding:
            raise KeyboardInterrupt
        self._came = True
