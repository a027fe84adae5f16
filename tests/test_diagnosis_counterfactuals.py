"""Single changes and their paired effects, on runs small enough to know the right answer."""

from typing import Any

import pandas as pd
import pytest

from dashboard.diagnosis.counterfactuals import counterfactuals, cures
from dashboard.diagnosis.signs import CHANCE
from dashboard.queries.plain import PLAIN

BASE: dict[str, Any] = {**PLAIN, "depth": 5, "activation": "sigmoid"}
NOISE = [-0.001, 0.0, 0.001, 0.0005]


def runs(accuracy: float, diverged: bool = False, **changes: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**BASE, **changes, "seed": seed, "accuracy": accuracy + noise * (1 + len(changes)), "diverged": diverged}
            for seed, noise in enumerate(NOISE)
        ]
    )


def test_single_changes_are_ranked_by_what_they_help() -> None:
    stored = pd.concat(
        [runs(0.1), runs(0.9, activation="relu"), runs(0.5, learning_rate=0.1), runs(0.05, initializer="orthogonal")]
    )
    found = counterfactuals(stored, BASE)
    assert [dict(each.changed) for each in found] == [
        {"activation": ("sigmoid", "relu")},
        {"learning_rate": (0.01, 0.1)},
        {"initializer": ("glorot_uniform", "orthogonal")},
    ]
    assert [each.verdict for each in found] == ["rise", "rise", "fall"]
    assert found[0].effect.mean == pytest.approx(0.8, abs=1e-3)
    assert found[0].effect.low < 0.8 < found[0].effect.high
    assert cures(stored, BASE) == found[:2]


def test_two_changes_at_once_are_not_one() -> None:
    assert counterfactuals(pd.concat([runs(0.1), runs(0.9, activation="relu", learning_rate=0.1)]), BASE) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "learning_rate": 0.001},
        {"train_size": 1_000, "epochs": 960},
        {"shortcut": True, "normalization": "batch"},
    ],
)
def test_what_belongs_together_is_one_change(changes: dict[str, Any]) -> None:
    found = counterfactuals(pd.concat([runs(0.1), runs(0.9, **changes)]), BASE)
    assert [set(each.changed) for each in found] == [set(changes)]


def test_another_task_is_no_remedy() -> None:
    assert counterfactuals(pd.concat([runs(0.1), runs(0.9, dataset="fashion_mnist")]), BASE) == []


def test_a_run_that_diverged_counts_as_guessing() -> None:
    found = counterfactuals(pd.concat([runs(0.9), runs(0.95, diverged=True, learning_rate=1.0)]), BASE)
    assert found[0].verdict == "fall"
    assert found[0].accuracy == CHANCE


def test_the_more_there_is_to_choose_from_the_wider_the_interval() -> None:
    few = pd.concat([runs(0.1), runs(0.2, learning_rate=0.1)])
    many = pd.concat([few, *(runs(0.2, learning_rate=rate) for rate in (0.2, 0.3, 0.4))])
    narrow, wide = (
        next(each for each in counterfactuals(stored, BASE) if each.changed["learning_rate"][1] == 0.1).effect
        for stored in (few, many)
    )
    assert wide.high - wide.low > narrow.high - narrow.low


def test_one_seed_helps_nobody_for_sure() -> None:
    stored = pd.concat([runs(0.1), runs(0.9, activation="relu")]).query("seed == 0")
    assert counterfactuals(stored, BASE)[0].verdict == "cannot_tell"
    assert cures(stored, BASE) == []


def test_only_seeds_that_both_have_are_paired() -> None:
    stored = pd.concat([runs(0.1), runs(0.9, activation="relu").query("seed > 1")])
    assert counterfactuals(stored, BASE)[0].effect.seeds == 2


def test_a_configuration_that_is_not_stored_has_no_counterfactuals() -> None:
    assert counterfactuals(runs(0.9, activation="relu"), BASE) == []
