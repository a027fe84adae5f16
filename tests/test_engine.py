"""Runs are grouped into cohorts, and each cohort's tables come back once."""

import itertools

import pytest

from trainer import engine, provenance
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


@pytest.mark.parametrize(
    ("runs", "sizes"), [(16, [4] * 4), (5, [5]), (15, [5] * 3), (21, [3] * 7), (7, [4, 3]), (2, [2]), (0, [])]
)
def test_runs_are_dealt_out_evenly_where_they_can_be(runs: int, sizes: list[int]) -> None:
    assert [
        len(cohort) for cohort in cohorts_of([RunConfiguration(depth=1, seed=seed) for seed in range(runs)])
    ] == sizes


def test_cohorts_are_trained_in_turn_and_report_every_epoch() -> None:
    """In this process; that workers measure the same is tested where they are started, in test_cli."""
    runs = [RunConfiguration(depth=0, train_size=100, batch_size=50, epochs=1, seed=seed) for seed in range(8)]
    reports: list[tuple[int, int]] = []
    made = provenance.gather()
    results = list(engine.train(cohorts_of(runs), made, 1, lambda number, epoch, _: reports.append((number, epoch))))
    assert [cohort for cohort, _ in results] == cohorts_of(runs)
    assert reports == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for cohort, tables in results:
        assert tables["run"]["run_id"].to_pylist() == [run.run_id for run in cohort]
        assert tables["provenance"].to_pylist() == [made.as_row()]
