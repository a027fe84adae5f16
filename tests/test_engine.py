"""Runs are grouped into cohorts, and each cohort's tables come back once."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training import PROJECT

from trainer import datasets, engine, provenance
from trainer.configuration import RunConfiguration
from trainer.engine import cohorts_of


def test_a_cohort_holds_runs_that_differ_in_seed_start_or_rate_alone() -> None:
    runs = [
        RunConfiguration(depth=depth, seed=seed, learning_rate=rate, initializer=initializer)
        for depth, seed, rate, initializer in itertools.product(
            (1, 2), range(5), (0.01, 0.1), ("orthogonal", "he_normal")
        )
    ]
    cohorts = cohorts_of(runs)
    assert sorted(run.run_id for cohort in cohorts for run in cohort) == sorted(run.run_id for run in runs)
    assert [{run.depth for run in cohort} for cohort in cohorts] == [{1}] * 5 + [{2}] * 5
    for cohort in cohorts:
        assert len({run.shape for run in cohort}) == 1


def test_what_is_planned_after_a_part_is_finished_are_the_rests_of_the_same_cohorts() -> None:
    runs = [RunConfiguration(depth=1, seed=seed) for seed in range(16)]
    finished = {cohort[0].run_id for cohort in cohorts_of(runs)} | {run.run_id for run in cohorts_of(runs)[0]}
    assert engine.plan(runs, finished) == [cohort[1:] for cohort in cohorts_of(runs)[1:]]
    assert engine.plan(runs, set()) == cohorts_of(runs)


@pytest.mark.parametrize(
    ("runs", "sizes"), [(16, [4] * 4), (5, [5]), (15, [5] * 3), (21, [3] * 7), (7, [4, 3]), (2, [2]), (0, [])]
)
def test_runs_are_dealt_out_evenly_where_they_can_be(runs: int, sizes: list[int]) -> None:
    assert [
        len(cohort) for cohort in cohorts_of([RunConfiguration(depth=1, seed=seed) for seed in range(runs)])
    ] == sizes


@pytest.mark.parametrize(
    ("depth", "width", "sizes"), [(10, 128, [4, 4]), (20, 128, [2] * 4), (50, 128, [1] * 8), (10, 256, [1] * 8)]
)
def test_the_larger_the_networks_the_fewer_are_trained_side_by_side(depth: int, width: int, sizes: list[int]) -> None:
    runs = [RunConfiguration(depth=depth, width=width, seed=seed) for seed in range(8)]
    assert [len(cohort) for cohort in cohorts_of(runs)] == sizes


def small_runs(seeds: int, **settings: Any) -> list[RunConfiguration]:
    small: dict[str, Any] = {"depth": 0, "train_size": 100, "batch_size": 50, "epochs": 1, **settings}
    return [RunConfiguration(seed=seed, **small) for seed in range(seeds)]


def test_cohorts_are_trained_in_turn_and_report_every_epoch() -> None:
    """In this process; that workers measure the same is tested where they are started, in test_cli."""
    cohorts = cohorts_of(small_runs(8))
    reports: list[tuple[int, int]] = []
    made = provenance.gather()
    results = list(engine.train(cohorts, made, 1, lambda number, epoch, _: reports.append((number, epoch))))
    assert [(number, cohort) for number, cohort, _ in results] == list(enumerate(cohorts))
    assert reports == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for _, cohort, tables in results:
        assert isinstance(tables, dict)
        assert tables["run"]["run_id"].to_pylist() == [run.run_id for run in cohort]
        assert tables["provenance"].to_pylist() == [provenance.where_trained(made).as_row()]


def test_one_process_keeps_to_the_cores_that_it_is_given() -> None:
    program = """
import tensorflow as tf
from threadpoolctl import threadpool_info
from trainer import engine, provenance
from trainer.configuration import RunConfiguration

cohort = (RunConfiguration(depth=0, seed=0),)
list(engine.train([cohort], provenance.gather(), 1, on_epoch=print, lacking=lambda cohort: ()))
numpy = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
print(tf.config.threading.get_intra_op_parallelism_threads(), *numpy)
"""
    command = [sys.executable, "-c", program]
    completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert completed.stdout.split() == ["1", "1"]


def test_what_is_no_longer_lacking_is_not_trained() -> None:
    cohorts = cohorts_of(small_runs(8))
    asked: list[engine.Cohort] = []

    def lacking(cohort: engine.Cohort) -> engine.Cohort:
        """Another refresh finishes the first cohort, and half of the second."""
        asked.append(cohort)
        return () if cohort == cohorts[0] else cohort[:2]

    results = list(engine.train(cohorts, provenance.gather(), 1, lambda *_: None, lacking))
    assert asked == cohorts
    assert results[0] == (0, (), {})
    assert results[1][:2] == (1, cohorts[1][:2])
    assert results[1][2]["run"]["run_id"].to_pylist() == [run.run_id for run in cohorts[1][:2]]


def test_a_cohort_that_fails_is_reported_with_its_reason_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras' own folder is a file here, so that it can load no other dataset."""
    (tmp_path / "keras").touch()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    datasets.load.cache_clear()
    cohorts = [*cohorts_of(small_runs(1, dataset="fashion_mnist")), *cohorts_of(small_runs(1))]
    (_, failed, failure), (_, _, tables) = engine.train(cohorts, provenance.gather(), 1, lambda *_: None)
    assert failed == cohorts[0]
    assert isinstance(failure, engine.Failure)
    assert failure.attempts == 2
    assert failure.reason.startswith("The dataset 'fashion_mnist' could not be loaded")
    assert tables["run"]["run_id"].to_pylist() == [cohorts[1][0].run_id]
