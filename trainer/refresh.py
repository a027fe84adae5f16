"""A refresh: trains cohorts, keeps each one as it finishes, and publishes what there is now and then."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from trainer import engine, provenance
from trainer.engine import Cohort, Failure
from trainer.errors import FathomError
from trainer.interruption import INTERRUPTED, Interruption
from trainer.progress import ProgressDisplay, describe, duration
from trainer.store import Store
from trainer.study import Study

SUCCEEDED, SOME_FAILED = 0, 1  # exit codes
PUBLISH_EVERY = 60.0  # seconds at least, so that a long refresh can be watched as it grows
PUBLISH_SHARE = 0.05  # of the time at most, however large the store is


def refresh(
    store: Store,
    studies: Sequence[Study],
    out: Console,
    workers: int,
    scheduler: str | None = None,
    force: bool = False,
) -> int:
    """Trains what `studies` ask for and the store lacks, or all of it where `force`, and publishes it.

    Returns:
        The exit code.

    Raises:
        FathomError: it cannot go on. What is finished by then is kept.
    """
    with Interruption() as interruption:
        with interruption.held_back():
            store.prepare()
            store.remember_studies(studies)
        return _Refresh(store, studies, out, interruption, force).run(workers, scheduler)


class _Refresh:
    """What is to be trained, and how far it is."""

    def __init__(
        self, store: Store, studies: Sequence[Study], out: Console, interruption: Interruption, force: bool
    ) -> None:
        self.store = store
        self.out = out
        self.interruption = interruption
        self.force = force
        wanted = {run.run_id: run for study in studies for run in study.runs}
        self.cohorts = engine.plan(wanted.values(), set() if force else store.runs_at_work())
        self.runs = sum(map(len, self.cohorts))
        self.kept = 0
        self.reasons: Counter[str] = Counter()  # why runs failed, and how many

    def run(self, workers: int, scheduler: str | None) -> int:
        started = time.monotonic()
        processes = min(workers, len(self.cohorts))
        place = f"with {processes} process{'es' if processes > 1 else ''}" if not scheduler else f"at {scheduler}"
        self.out.print(f"Training {self.runs} runs in {len(self.cohorts)} cohorts {place}.")
        try:
            self._train(workers, scheduler)
            path = self._publish()
        except KeyboardInterrupt:
            self.out.print(
                f"Stopped. {self.kept} of {self.runs} runs are trained and kept; run the same command again"
                f"{' without --force' if self.force else ''} to go on."
            )
            if self.kept:
                self.out.print(f"Published as {self._publish()}.")
            return INTERRUPTED
        except Exception:
            with suppress(FathomError, KeyboardInterrupt):
                if self.kept:
                    self._publish()
            raise
        self.out.print(f"Trained {self.kept} runs in {duration(time.monotonic() - started)}. Published as {path}.")
        for reason, runs in self.reasons.items():
            self.out.print(f"{runs} runs failed; the next refresh tries them again. The reason: {reason}")
        return SOME_FAILED if self.reasons else SUCCEEDED

    def _train(self, workers: int, scheduler: str | None) -> None:
        next_publication = time.monotonic() + PUBLISH_EVERY
        with ProgressDisplay(self.cohorts, self.out) as display:
            results = engine.train(
                self.cohorts,
                provenance.gather(),
                workers,
                display.epoch,
                lacking=self._lacking,
                scheduler=scheduler,
                say=self.out.print,
            )
            for number, cohort, outcome in results:
                with self.interruption.held_back():
                    self._keep(cohort, outcome)
                display.finished(number)
                if time.monotonic() > next_publication and self.kept < self.runs:
                    started = time.monotonic()
                    self._publish_while_training()
                    next_publication = time.monotonic() + pause_after_publishing(time.monotonic() - started)

    def _lacking(self, cohort: Cohort) -> Cohort:
        """What of a cohort the store lacks at this moment: another refresh may have trained it meanwhile."""
        return cohort if self.force else engine.without(cohort, self.store.runs_at_work())

    def _keep(self, cohort: Cohort, outcome: engine.Tables | Failure) -> None:
        if isinstance(outcome, Failure):
            self.store.note_failure({run.run_id: run.name for run in cohort}, outcome.reason, outcome.attempts)
            self.reasons[outcome.reason] += len(cohort)
            self.out.print(f"Failed: {describe(cohort)}. {outcome.reason}")
        elif cohort:
            self.store.append(outcome, replace=self.force)
            self.kept += len(cohort)

    def _publish_while_training(self) -> None:
        try:
            self._publish()
        except FathomError as error:  # it is tried again, and at the end; to stop training would help nobody
            self.out.print(f"{error} The training goes on.")

    def _publish(self) -> Path:
        with self.interruption.held_back():
            return self.store.publish()


def pause_after_publishing(seconds: float) -> float:
    """How long to wait after a publication that took so many seconds."""
    return max(PUBLISH_EVERY, seconds / PUBLISH_SHARE - seconds)
