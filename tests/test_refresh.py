"""A refresh says what failed, and publishes within its budget."""

import io
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from trainer import datasets, refresh
from trainer.configuration import RunConfiguration
from trainer.refresh import pause_after_publishing
from trainer.store import Store
from trainer.study import Study

SMALL = {"depth": 0, "width": 4, "train_size": 100, "batch_size": 50, "epochs": 1}


def console() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=400, soft_wrap=True), written


@pytest.mark.parametrize("took", [0.0, 0.1, 3.0, 12.4, 600.0])
def test_publications_are_a_minute_apart_and_take_a_twentieth_of_the_time_at_most(took: float) -> None:
    pause = pause_after_publishing(took)
    assert pause >= 60
    assert took / (took + pause) <= 0.05 + 1e-9
    assert pause_after_publishing(took) == max(60, 19 * took)  # and no longer than that


def test_runs_that_fail_are_written_down_with_their_reason_and_tried_again_by_the_next_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras' own folder is a file here, so that it can load no other dataset."""
    (tmp_path / "keras").touch()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    datasets.load.cache_clear()
    bad, good = (RunConfiguration(dataset=name, seed=0, **SMALL) for name in ("fashion_mnist", "mnist"))
    study = Study("both", "Why?", "# both", (bad, good))
    store = Store(tmp_path / "data")
    out, written = console()
    assert refresh.refresh(store, [study], out, workers=1) == refresh.SOME_FAILED
    assert written.getvalue().startswith("Training 2 runs in 2 cohorts with 1 process.\nFailed: fashion_mnist linear")
    assert "1 runs failed; the next refresh tries them again. The reason: The dataset" in written.getvalue()
    snapshot = store.newest_snapshot()
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        assert connection.execute("SELECT run_id FROM run").fetchall() == [(good.run_id,)]
        ((run_id, name, reason, attempts),) = connection.execute(
            "SELECT run_id, name, reason, attempts FROM failure"
        ).fetchall()
    assert (run_id, name, attempts) == (bad.run_id, bad.name, 2)
    assert reason.startswith("The dataset 'fashion_mnist' could not be loaded")
    out, written = console()
    assert refresh.refresh(store, [study], out, workers=1) == refresh.SOME_FAILED
    assert written.getvalue().startswith("Training 1 runs in 1 cohorts")
