"""Shows how far a refresh is: live bars on a terminal, a line per cohort anywhere else."""

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from trainer.engine import Cohort


class ProgressDisplay:
    """Weighs every epoch by its floating-point operations, so that the time left is a fair guess from the start."""

    def __init__(self, cohorts: Sequence[Cohort], console: Console) -> None:
        self._cohorts = cohorts
        self._console = console
        self._live = console.is_terminal
        self._runs = sum(len(cohort) for cohort in cohorts)
        self._runs_done = 0
        self._finished: set[int] = set()
        self._operations = [sum(run.performed_flops for run in cohort) for cohort in cohorts]
        self._epochs = [0] * len(cohorts)
        self._started = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not self._live,
        )
        self._overall = self._progress.add_task("all runs", total=self._runs, note="")
        self._rows: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def epoch(self, number: int, epoch: int, accuracy: float) -> None:
        """A cohort has finished an epoch, with this mean validation accuracy over its members (NaN: all diverged)."""
        if number in self._finished:  # a worker's report can arrive after its result
            return
        self._epochs[number] = epoch
        if number not in self._rows:
            self._rows[number] = self._progress.add_task(
                describe(self._cohorts[number]), total=self._cohorts[number][0].epochs, note=""
            )
        note = "diverged" if math.isnan(accuracy) else f"validation accuracy {accuracy:.4f}"
        self._progress.update(self._rows[number], completed=epoch, note=note)
        self._progress.update(self._overall, note=self._time_left())

    def finished(self, number: int) -> None:
        """There is nothing left to do for a cohort."""
        cohort = self._cohorts[number]
        self._finished.add(number)
        self._runs_done += len(cohort)
        self._epochs[number] = cohort[0].epochs
        self._progress.update(self._overall, completed=self._runs_done, note=self._time_left())
        if number in self._rows:
            self._progress.remove_task(self._rows.pop(number))
        if not self._live:
            self._console.print(f"{self._runs_done}/{self._runs} runs: {describe(cohort)}; {self._time_left()}")

    def _time_left(self) -> str:
        done = sum(
            operations * epoch / cohort[0].epochs
            for operations, epoch, cohort in zip(self._operations, self._epochs, self._cohorts, strict=True)
        )
        if not done:
            return ""
        seconds = (time.monotonic() - self._started) * (sum(self._operations) / done - 1)
        return f"about {duration(seconds)} left"


def describe(cohort: Cohort) -> str:
    run = cohort[0]
    return f"{run.label} × {len(cohort)} {'seed' if len(cohort) == 1 else 'seeds'}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
