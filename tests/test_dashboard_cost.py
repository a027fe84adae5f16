"""The cost chapter: costs, the frontier, and what more parameters bring, on data with known answers; and the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stores import cut_store
from test_dashboard_app import open_chapter, words

from dashboard.analysis import cost
from dashboard.queries.plain import PLAIN
from dashboard.texts import Texts


def runs(accuracies: dict[int, float], spread: float = 0.001, **settings: Any) -> pd.DataFrame:
    """Four seeds of networks of some depths, with the accuracy of each depth give or take `spread`."""
    return pd.DataFrame(
        [
            PLAIN
            | {
                "depth": depth,
                "seed": seed,
                "test_accuracy": accuracy + spread * (seed - 1.5),
                "status": "finished",
                "seconds": 10.0 * (depth + 1),
                "parameters": 1_000 * (depth + 1),
                "flops_per_example": 2_000 * (depth + 1),
            }
            | settings
            for depth, accuracy in accuracies.items()
            for seed in range(4)
        ]
    )


def test_memory_holds_parameters_gradients_and_the_signals_of_a_batch() -> None:
    one = runs({1: 0.9}, optimizer="adam", batch_size=10, width=5).iloc[:1]
    assert cost.training_bytes(one).tolist() == [4 * (2_000 * 4 + 10 * (784 + 2 * 5 + 10))]


def test_a_run_that_diverged_has_the_accuracy_of_guessing() -> None:
    assert cost.with_costs(runs({1: 0.9}, status="diverged"))["accuracy"].tolist() == [0.1] * 4


def test_without_hidden_layers_networks_of_every_activation_are_one() -> None:
    each = [runs({0: 0.9, 1: 0.95}, activation=activation) for activation in ("linear", "relu")]
    table = cost.by_settings(cost.with_costs(pd.concat(each)))
    assert table[["depth", "activation", "seeds"]].to_numpy().tolist() == [
        [0, "linear", 4],
        [1, "linear", 4],
        [1, "relu", 4],
    ]


def test_the_frontier_is_what_nothing_beats() -> None:
    costs, gains = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([0.5, 0.7, 0.6, 0.7, 0.9])
    assert cost.frontier(costs, gains).tolist() == [True, True, False, False, True]


def test_doubling_the_depth_is_paired_over_seeds() -> None:
    found = cost.doubling(cost.with_costs(runs({2: 0.90, 4: 0.92})), 2)
    assert found is not None
    assert found.accuracy.mean == pytest.approx(0.02)
    assert found.accuracy.high - found.accuracy.low == pytest.approx(0)  # each seed gains the same
    assert found.parameters == pytest.approx(5 / 3)
    assert found.seconds == pytest.approx(5 / 3)
    assert cost.doubling(cost.with_costs(runs({2: 0.90})), 2) is None


@pytest.mark.parametrize(
    ("accuracies", "answer"),
    [
        ({1: 0.90, 2: 0.92, 3: 0.95}, "yes"),
        ({1: 0.90, 2: 0.92, 3: 0.85}, "no"),
        ({1: 0.90, 2: 0.95, 3: 0.92}, "up_to_a_point"),  # better than the smallest, and worse than the best
        ({1: 0.90, 2: 0.90, 3: 0.90}, "no"),
    ],
)
def test_more_parameters_are_better_only_where_they_surely_are(accuracies: dict[int, float], answer: str) -> None:
    found = cost.series_of(cost.with_costs(runs(accuracies)), PLAIN, "depth", ("dataset", "activation"))
    assert cost.more_is_better(found) == answer


def test_where_no_series_surely_gains_it_does_not_depend() -> None:
    known = cost.series_of(cost.with_costs(runs({1: 0.90, 3: 0.85})), PLAIN, "depth", ("dataset", "activation"))
    single = runs({1: 0.9, 3: 0.95})[lambda rows: rows["seed"] == 0]
    unknown = cost.series_of(cost.with_costs(single), PLAIN, "depth", ("dataset", "activation"))
    assert cost.more_is_better([*known, *unknown]) == "cannot_tell"


def test_one_seed_cannot_tell_whether_more_is_better() -> None:
    single = runs({1: 0.9, 3: 0.95})[lambda rows: rows["seed"] == 0]
    found = cost.series_of(cost.with_costs(single), PLAIN, "depth", ("dataset", "activation"))
    assert cost.more_is_better(found) == "cannot_tell"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_says_what_doubling_costs_and_what_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    cut_store(tmp_path, "activation IN ('linear', 'sigmoid') AND depth IN (0, 2, 4) AND seed < 3")
    app = open_chapter(monkeypatch, tmp_path, "cost", language, depth="2", against="parameters", everything="True")
    assert not app.exception
    assert len(app.get("plotly_chart")) == 3
    assert Texts(language)("cost.says.not_stored", dataset="Fashion-MNIST") in words(app)
    assert "{" not in words(app)
