"""The display says how far a refresh is, on a terminal and in a log."""

import io
import time

import pytest
from rich.console import Console

from trainer.configuration import RunConfiguration
from trainer.engine import cohorts_of
from trainer.progress import ProgressDisplay, describe, duration

COHORTS = cohorts_of(
    [RunConfiguration(depth=depth, width=8, epochs=2, seed=seed) for depth in (0, 1) for seed in (0, 1)]
)


def display(terminal: bool) -> tuple[ProgressDisplay, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=160, highlight=False, _environ={})
    return ProgressDisplay(COHORTS, console), written


def test_a_log_gets_one_line_per_cohort() -> None:
    shown, written = display(terminal=False)
    with shown:
        for number in range(len(COHORTS)):
            for epoch in range(3):
                shown.epoch(number, epoch, 0.5)
            shown.finished(number)
    lines = written.getvalue().split("\n")
    assert lines[0].startswith("2/4 runs: mnist linear depth 0 width 8 epochs 2 × 2 seeds; about ")
    assert lines[1].startswith("4/4 runs: mnist linear depth 1 width 8 epochs 2 × 2 seeds; about 0 s left")
    assert lines[2:] == [""]


def test_a_terminal_shows_the_current_cohort_its_epoch_and_accuracy() -> None:
    shown, written = display(terminal=True)
    with shown:
        shown.epoch(0, 1, 0.4321)
        time.sleep(0.2)  # the display draws ten times a second
    assert "depth 0" in written.getvalue()
    assert "1/2" in written.getvalue()
    assert "validation accuracy 0.4321" in written.getvalue()


def test_a_cohort_that_diverged_is_called_so() -> None:
    shown, written = display(terminal=True)
    with shown:
        shown.epoch(0, 1, float("nan"))
    assert "diverged" in written.getvalue()
    assert "nan" not in written.getvalue()


def test_a_report_that_arrives_after_its_cohort_is_finished_changes_nothing() -> None:
    shown, written = display(terminal=True)
    with shown:
        shown.epoch(0, 1, 0.5)
        shown.finished(0)
        written.truncate(0)
        shown.epoch(0, 2, 0.5)
    assert "depth 0" not in written.getvalue()


def test_one_seed_is_not_called_seeds() -> None:
    assert describe((RunConfiguration(depth=3, seed=0),)) == "mnist linear depth 3 × 1 seed"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (7_200, "2.0 h")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
