"""The budget of training, on curves that are logged as they come."""

import pandas as pd

from dashboard.analysis.budget import budget


def curves(**epochs: range) -> pd.DataFrame:
    rows = [
        (seed, epoch, split, 0.5 + 0.004 * epoch)
        for split, logged in epochs.items()
        for epoch in logged
        for seed in range(4)
    ]
    return pd.DataFrame(rows, columns=["seed", "epoch", "split", "accuracy"])


def test_a_test_split_that_is_logged_less_often_than_others_is_judged_at_its_own_epochs() -> None:
    found = budget(curves(train=range(101), test=range(0, 100, 9)))
    assert (found.since, found.last, found.too_short) == (72, 99, "yes")


def test_a_single_epoch_says_nothing_of_the_budget() -> None:
    assert budget(curves(test=range(20, 21))).too_short == "cannot_tell"
    assert budget(curves(train=range(20))).too_short == "cannot_tell"
