"""Runs are grouped into cohorts, and each cohort's tables come back once."""

from trainer import engine, provenance
from trainer.configuration import RunConfiguration
from trainer.engine import COHORT_SIZE, cohorts_of


def test_a_cohort_holds_runs_that_differ_in_their_seed_alone() -> None:
    runs = [RunConfiguration(depth=depth, seed=seed) for seed in range(6) for depth in (1, 2)]
    cohorts = cohorts_of(runs)
    assert sorted(run.run_id for cohort in cohorts for run in cohort) == sorted(run.run_id for run in runs)
    for cohort in cohorts:
        assert len({run.model_copy(update={"seed": 0}) for run in cohort}) == 1
        assert len(cohort) <= COHORT_SIZE
    assert [(cohort[0].depth, len(cohort)) for cohort in cohorts] == [(1, 4), (1, 2), (2, 4), (2, 2)]


def test_no_runs_make_no_cohort() -> None:
    assert cohorts_of([]) == []


def test_cohorts_are_trained_in_turn_and_report_every_epoch() -> None:
    """In this process; that workers measure the same is tested where they are started, in test_cli."""
    runs = [
        RunConfiguration(depth=0, train_size=100, batch_size=50, epochs=1, seed=seed) for seed in range(2 * COHORT_SIZE)
    ]
    reports: list[tuple[int, int]] = []
    made = provenance.gather()
    results = list(engine.train(cohorts_of(runs), made, 1, lambda number, epoch, _: reports.append((number, epoch))))
    assert [cohort for cohort, _ in results] == cohorts_of(runs)
    assert reports == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for cohort, tables in results:
        assert tables["run"]["run_id"].to_pylist() == [run.run_id for run in cohort]
        assert tables["provenance"].to_pylist() == [made.as_row()]
