"""The time that a refresh will take: what is rehearsed, and how that is carried over to the rest and added up."""

from typing import Any

import pytest

from trainer import provenance
from trainer.configuration import RunConfiguration
from trainer.engine import cohorts_of
from trainer.estimate import Cost, Rehearsal, added_up, chosen_for_rehearsal, cost_of, rehearse

SHALLOW, DEEP = Cost(2.0, 0.1, 0.001, 0.1), Cost(6.0, 0.3, 0.005, 0.3)


def run(**settings: Any) -> RunConfiguration:
    return RunConfiguration(**{"depth": 1, "seed": 0, **settings})


def rehearsals(**settings: Any) -> list[Rehearsal]:
    return [Rehearsal(run(depth=1, **settings), 4, SHALLOW), Rehearsal(run(depth=5, **settings), 4, DEEP)]


def seeds(number: int, **settings: Any) -> tuple[RunConfiguration, ...]:
    return tuple(run(seed=seed, **settings) for seed in range(number))


def approximately(cost: Cost) -> Any:
    return pytest.approx([cost.compiling, cost.starting, cost.step, cost.measurement])


def parts(cost: Cost) -> list[float]:
    return [cost.compiling, cost.starting, cost.step, cost.measurement]


def test_the_ends_of_the_heaviest_kinds_are_rehearsed() -> None:
    runs = [run(depth=depth, width=width) for width in (8, 16, 32, 64, 128) for depth in (2, 1, 3)]
    chosen = [(cohort[0].width, cohort[0].depth) for cohort in chosen_for_rehearsal(cohorts_of(runs))]
    assert chosen == [(width, depth) for width in (128, 64, 32, 16) for depth in (1, 3)]
    assert len(chosen_for_rehearsal(cohorts_of([run(depth=2)]))) == 1


def test_depths_in_between_lie_on_a_line_and_members_add_up() -> None:
    assert parts(cost_of(seeds(4, depth=3), rehearsals())) == approximately(Cost(4.0, 0.2, 0.003, 0.2))
    assert parts(cost_of(seeds(2, depth=3), rehearsals())) == approximately(Cost(4.0, 0.2, 0.0015, 0.1))
    assert parts(cost_of(seeds(4, depth=9), rehearsals())) == approximately(Cost(10.0, 0.5, 0.009, 0.5))


def test_another_kind_costs_what_its_operations_say() -> None:
    wide = run(depth=3, width=256)
    factor = wide.flops_per_example / run(depth=3).flops_per_example
    assert cost_of((wide,) * 4, rehearsals()).measurement == pytest.approx(0.2 * factor)
    half = run(depth=3, batch_size=64, activation="relu")
    assert cost_of((half,) * 4, rehearsals(activation="relu")).step == pytest.approx(0.003 / 2)
    factor = half.performed_flops / run(depth=3).performed_flops  # a linear network takes fewer than relu does
    assert factor > 1
    assert cost_of((half,) * 4, rehearsals()).step == pytest.approx(0.003 / 2 * factor)


def test_the_most_similar_kind_decides() -> None:
    relu = Rehearsal(run(activation="relu"), 4, Cost(9.0, 9.0, 9.0, 9.0))
    other = run(activation="relu", optimizer="momentum")
    assert cost_of((other,) * 4, [*rehearsals(), relu]).compiling == 9.0


def test_depths_that_were_rehearsed_in_cohorts_of_other_sizes_are_put_on_one_line() -> None:
    shallow = Rehearsal(run(depth=0), 4, Cost(0.0, 0.0, 4.0, 4.0))
    deep = Rehearsal(run(depth=50), 1, Cost(0.0, 0.0, 11.0, 21.0))
    between = cost_of((run(depth=25),) * 2, [shallow, deep])
    assert (between.step, between.measurement) == pytest.approx((2 * 6.0, 2 * 11.0))


def test_processes_share_the_cohorts_and_compile_each_shape_once() -> None:
    settings = {"depth": 1, "train_size": 12_000, "epochs": 2}
    cohorts = cohorts_of(seeds(16, **settings))
    training = 0.1 + 2 * (12_000 // 128) * 0.001 + 3 * 0.1
    expected = added_up(cohorts, rehearsals(), processes=2, start=5.0)
    assert expected.seconds == pytest.approx(5.0 + 2.0 + 2 * training)
    assert expected.compile_share == pytest.approx(2 * 2.0 / (2 * 2.0 + 4 * training))
    assert added_up(cohorts, rehearsals(), processes=1, start=5.0).seconds == pytest.approx(7.0 + 4 * training)


def test_all_training_examples_are_evaluated_at_the_end() -> None:
    (cohort,) = cohorts_of(seeds(4, epochs=1))
    seconds = added_up([cohort], rehearsals(), processes=1, start=0.0).seconds
    assert seconds == pytest.approx(2.0 + 0.1 + 375 * 0.001 + 0.1 * (2 + 36 / 34))


def test_a_rehearsal_tells_training_from_measuring_and_compiling() -> None:
    cohort = seeds(2, train_size=2_000, batch_size=50, width=512)  # whose steps are long beside what disturbs a clock
    cost = rehearse(cohort, provenance.gather()).cost
    assert cost.compiling > cost.measurement > cost.step > 0
