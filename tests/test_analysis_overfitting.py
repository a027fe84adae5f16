"""Overfitting over epochs and over depth, on curves made to show it or not."""

import numpy as np
import pandas as pd
import pytest
from frames import alike, curves, runs

from dashboard.analysis.overfitting import best_epoch, gap, overfitting, overfitting_by_depth


def test_a_gap_is_larger_where_training_is_better_for_either_figure() -> None:
    frame = pd.DataFrame(
        {"depth": 1, "seed": [0, 0, 1, 1], "split": ["train", "test"] * 2}
        | {"loss": [0.1, 0.3, 0.4, 0.2], "accuracy": [0.9, 0.7, 0.6, 0.8]}
    )
    assert list(gap(frame, "accuracy")["gap"]) == pytest.approx([0.2, -0.2])
    assert list(gap(frame, "loss")["gap"]) == pytest.approx([0.2, -0.2])
    assert list(gap(frame, "loss").columns) == ["depth", "seed", "gap"]


def test_the_best_epoch_is_that_of_the_mean_not_of_a_single_seed() -> None:
    frame = curves(validation=[[3.0, 1.0, 1.5, 2.0], [3.0, 2.0, 1.4, 2.0]])
    assert best_epoch(frame) == 2


def test_a_run_that_diverged_does_not_move_the_best_epoch() -> None:
    frame = curves(validation=[[3.0, 2.0, 1.0, 1.5], [3.0, 0.1]])
    assert best_epoch(frame) == 2


FALLING = alike([2.0, 0.5, 0.3, 0.2, 0.1])


@pytest.mark.parametrize(
    ("held_out", "training", "reading"),
    [
        ([2.1, 0.6, 0.4, 0.5, 0.6], [2.0, 0.5, 0.3, 0.2, 0.1], "overfits"),
        ([2.1, 0.6, 0.4, 0.5, 0.6], [2.0, 0.5, 0.3, 0.35, 0.4], "unstable"),
        ([2.1, 0.6, 0.4, 0.3, 0.15], [2.0, 0.5, 0.3, 0.2, 0.1], "gap"),
        ([2.1, 0.6, 0.15, 0.1505, 0.151], [2.0, 0.5, 0.3, 0.2, 0.1], "gap"),  # less than matters
        ([2.1, 0.6, 0.5, 0.4, 0.3], [2.0, 0.5, 0.3, 0.2, 0.1], "wide"),
        ([1.9, 0.4, 0.2, 0.1, 0.05], [2.0, 0.5, 0.3, 0.2, 0.1], "none"),
    ],
)
def test_the_rule_of_overfitting(held_out: list[float], training: list[float], reading: str) -> None:
    learned = alike(training)
    frame = curves(validation=alike(held_out), test=alike(held_out), train=learned, train_running=learned)
    found = overfitting(frame)
    assert found.reading == reading
    assert found.verdict == ("yes" if reading in ("overfits", "wide") else "no")


def test_what_stopping_would_have_done_to_the_accuracy_is_measured_apart_from_the_loss() -> None:
    held_out = alike([2.1, 0.6, 0.4, 0.5, 0.6])
    frame = curves(validation=held_out, test=held_out, train=FALLING, train_running=FALLING)
    tests = frame["split"] == "test"
    frame.loc[tests, "accuracy"] = 0.5 + 0.05 * frame["epoch"]
    found = overfitting(frame)
    assert found.reading == "overfits"
    assert found.accuracy_change.mean == pytest.approx(0.1)


def test_a_rise_while_the_training_loss_may_go_either_way_cannot_be_told() -> None:
    held_out = alike([2.1, 0.6, 0.4, 0.5, 0.6])
    training = [[2.0, 0.5, 0.3, 0.3, last] for last in (0.05, 0.3, 0.55)]
    found = overfitting(curves(validation=held_out, test=held_out, train=training, train_running=training))
    assert (found.reading, found.verdict) == ("training_open", "cannot_tell")


def test_a_gap_that_some_seeds_have_and_some_have_not_is_left_open() -> None:
    held_out = alike([2.1, 0.6, 0.4, 0.3, 0.2])
    training = [[2.0, 0.5, 0.3, 0.2, last] for last in (0.1, 0.2, 0.3)]
    found = overfitting(curves(validation=held_out, test=held_out, train=training, train_running=training))
    assert found.accuracy_gap.low < 0 < found.accuracy_gap.high
    assert found.reading == "gap_open"


def test_the_test_set_judges_what_validation_chose() -> None:
    validation, test = alike([2.1, 0.6, 0.4, 0.5, 0.6]), alike([2.1, 0.6, 0.25, 0.2, 0.15])
    found = overfitting(curves(validation=validation, test=test, train=FALLING, train_running=FALLING))
    assert found.best_epoch == 2
    assert found.loss_rise.mean == pytest.approx(-0.1)
    assert found.reading == "gap"


def test_training_that_is_evaluated_on_other_examples_at_the_end_does_not_hide_overfitting() -> None:
    held_out, evaluated = alike([2.1, 0.6, 0.4, 0.5, 0.6]), alike([2.0, 0.5, 0.3, 0.2, 0.35])
    found = overfitting(curves(validation=held_out, test=held_out, train=evaluated, train_running=FALLING))
    assert found.reading == "overfits"
    assert found.train_fall.mean == pytest.approx(0.2)


def test_a_rise_that_may_be_noise_cannot_be_told() -> None:
    noisy = alike([2.1, 0.6, 0.4, 0.45, 0.45], noise=0.2)
    found = overfitting(curves(validation=noisy, test=noisy, train=FALLING, train_running=FALLING))
    assert found.reading == found.verdict == "cannot_tell"


def test_one_seed_cannot_tell_overfitting() -> None:
    held_out = [[2.1, 0.6, 0.4, 0.5, 0.6]]
    found = overfitting(curves(validation=held_out, test=held_out, train=FALLING[:1], train_running=FALLING[:1]))
    assert found.reading == "cannot_tell"


def test_a_network_that_was_never_better_than_at_the_start_is_still_read() -> None:
    worse = alike([0.1, 0.6, 0.7, 0.8, 0.9])
    found = overfitting(curves(validation=worse, test=worse, train=worse, train_running=worse))
    assert (found.best_epoch, found.reading) == (0, "unstable")


def test_runs_that_all_diverged_at_once_are_read_as_far_as_they_came() -> None:
    start = [[2.3], [2.4]]
    found = overfitting(curves(validation=start, test=start, train=start, train_running=start))
    assert (found.best_epoch, found.last_epoch, found.train_fall.seeds) == (0, 0, 0)


@pytest.mark.parametrize(("accuracy", "hardly"), [(0.11, True), (0.5, False)])
def test_a_network_at_chance_has_hardly_learned(accuracy: float, hardly: bool) -> None:
    flat = alike([1 - accuracy] * 3)
    assert overfitting(curves(validation=flat, test=flat, train=flat, train_running=flat)).hardly_learned is hardly


def depths_at_end(**losses: list[float]) -> pd.DataFrame:
    """Losses of three depths by split, four seeds."""
    return pd.concat(
        runs(
            {depth: [loss + 1e-4 * (-1) ** (seed + depth) for seed in range(4)] for depth, loss in enumerate(values)},
            "loss",
        )
        .assign(split=split)
        .assign(accuracy=lambda frame: 1 - frame["loss"])
        for split, values in losses.items()
    )


@pytest.mark.parametrize(
    ("train", "held_out", "verdict"),
    [
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.35], "yes"),
        ([0.3, 0.2, 0.25], [0.4, 0.3, 0.35], "no"),  # training got worse too
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.301], "no"),  # less than matters
        ([0.3, 0.2, 0.1], [0.4, 0.3, 0.2], "no"),  # the deepest is the best
    ],
)
def test_depth_overfits_where_training_gets_better_and_the_test_worse(
    train: list[float], held_out: list[float], verdict: str
) -> None:
    found = overfitting_by_depth(depths_at_end(train=train, validation=held_out, test=held_out))
    assert found.verdict == verdict
    assert found.deepest == 2


def test_whether_depth_overfits_cannot_be_told_where_the_training_loss_may_go_either_way() -> None:
    ends = depths_at_end(train=[0.3, 0.2, 0.2], validation=[0.4, 0.3, 0.35], test=[0.4, 0.3, 0.35])
    undecided = (ends["split"] == "train") & (ends["depth"] == 2)
    ends.loc[undecided, "loss"] += np.array([0.02, -0.02, 0.02, -0.02])
    assert overfitting_by_depth(ends).verdict == "cannot_tell"


def test_a_gap_that_nobody_would_notice_is_none() -> None:
    held_out = alike([2.1, 0.6, 0.4, 0.3, 0.201], noise=1e-5)
    learned = alike([2.1, 0.6, 0.4, 0.3, 0.2], noise=1e-5)
    found = overfitting(curves(validation=held_out, test=held_out, train=learned, train_running=learned))
    assert found.accuracy_gap.low > -1e-9
    assert found.reading == "none"


def test_overfitting_by_depth_that_may_be_too_small_to_matter_is_slight() -> None:
    train = [0.3, 0.2, 0.1]
    slight, plain = (
        overfitting_by_depth(depths_at_end(train=train, validation=held_out, test=held_out))
        for held_out in ([0.4, 0.30, 0.3051], [0.4, 0.30, 0.35])
    )
    assert (slight.verdict, slight.slight) == ("yes", True)
    assert (plain.verdict, plain.slight) == ("yes", False)


def test_deeper_networks_that_learn_less_underfit() -> None:
    found = overfitting_by_depth(depths_at_end(train=[0.1, 0.2, 2.3], validation=[0.1, 0.2, 2.3], test=[0.1, 0.2, 2.3]))
    assert found.underfits
    assert found.verdict == "no"
