"""What the diagnosis says of the shipped studies, where it is known what is wrong with them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from stores import EVERYTHING, cut_store

from dashboard import queries
from dashboard.analysis.overfitting import overfitting_by_depth
from dashboard.diagnosis import run, sweep
from dashboard.diagnosis.counterfactuals import counterfactuals
from dashboard.diagnosis.sweep import SweepDiagnosis
from dashboard.texts import Texts
from dashboard.verdict_words import VerdictWords

SMALL_DATA = {100: 7_500, 300: 3_750, 1_000: 1_071}  # training examples: epochs, for an equal number of updates
HE_RELU = {"activation": "relu", "initializer": "he_normal"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    few = "dataset = 'mnist' AND width = 128 AND (train_size < 3000 OR initializer = 'he_normal')"
    return cut_store(tmp_path_factory.mktemp("verdicts"), few, among=EVERYTHING)


@pytest.fixture(scope="module")
def shipped_question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_store(tmp_path_factory.mktemp("question"), "activation = 'linear'")


def sweep_of(snapshot: Path, **family: Any) -> SweepDiagnosis:
    metrics = queries.family_metrics(snapshot, **family)
    found = sweep.diagnose(sweep.ends(metrics), metrics, queries.family_start(snapshot, **family))
    assert found is not None
    return found


def verdicts_of(snapshot: Path, chosen: str) -> pd.DataFrame:
    """One row a run: depth, seed, verdict."""
    configurations = queries.configurations(snapshot).query(chosen)
    verdicts = []
    for run_id in configurations["run_id"]:
        row = {str(name): value for name, value in queries.diagnosed_run(snapshot, run_id).iloc[0].items()}
        history = queries.diagnosed_metrics(snapshot, run_id), queries.diagnosed_layers(snapshot, run_id)
        verdicts.append(run.diagnose(row, *history).verdict)
    return configurations.assign(verdict=verdicts)


# --- Plain ReLU networks of fifty layers -----------------------------------------------------------------------------


def test_fifty_plain_relu_layers_lose_training_accuracy_and_do_not_overfit(shipped: Path) -> None:
    found = sweep_of(shipped, **HE_RELU)
    assert found.whole.after == 50
    assert (found.effect, found.verdict) == ("yes", "fall")
    assert found.whole.train.verdict == "fall"
    assert found.whole.kind != "overfitting"
    assert found.whole.causes["overfitting"] == "no"


def test_no_run_of_fifty_plain_relu_layers_is_called_overfitting(shipped: Path) -> None:
    plain = "depth == 50 and activation == 'relu' and normalization == 'none' and not shortcut"
    verdicts = verdicts_of(shipped, plain)["verdict"]
    assert len(verdicts) >= 3
    assert "overfitting" not in set(verdicts)


def test_shortcuts_without_normalisation_explode(shipped: Path) -> None:
    found = sweep_of(shipped, **HE_RELU, shortcut=True)
    assert (found.verdict, found.whole.kind) == ("fall", "exploding")


# --- Little data and many layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize(("examples", "epochs"), SMALL_DATA.items())
def test_with_few_examples_depth_overfits(shipped: Path, activation: str, examples: int, epochs: int) -> None:
    found = sweep_of(shipped, activation=activation, train_size=examples, epochs=epochs)
    assert (found.whole.after, found.verdict, found.whole.kind) == (10, "fall", "overfitting")
    assert found.whole.train_loss.estimate.high < 0
    assert found.whole.test_loss.estimate.low > 0


def test_each_deep_run_on_few_examples_is_called_overfitting(shipped: Path) -> None:
    verdicts = verdicts_of(shipped, "train_size <= 1000 and depth >= 4 and output == 'softmax' and dropout == 0")
    assert len(verdicts) == 2 * 3 * 3 * 5
    assert set(verdicts["verdict"]) == {"overfitting"}


def test_shortcuts_around_normalised_layers_are_one_change_and_carry_fifty_layers(shipped: Path) -> None:
    stored = queries.configurations(shipped)
    plain = "depth == 50 and activation == 'relu' and normalization == 'none' and not shortcut"
    found = counterfactuals(stored, stored.query(plain).iloc[0])
    together = [each for each in found if each.fields == {"shortcut", "normalization"}]
    assert {each.changed["normalization"][1] for each in together} == {"batch", "layer"}
    assert all(each.accuracy > 0.95 for each in together)


# --- The networks of the question ------------------------------------------------------------------------------------


def test_overfitting_by_depth_is_said_of_the_depths_that_were_compared(shipped_question: Path) -> None:
    metrics = queries.family_metrics(shipped_question)
    found = sweep_of(shipped_question)
    ends = sweep.ends(metrics)
    assert found.overfits_from == overfitting_by_depth(ends[~ends["diverged"]]).best
    words = VerdictWords(Texts("en"), "hidden")
    assert found.overfits_from != found.best
    assert f"from {found.overfits_from} hidden layers on" in " ".join(words.sweep(found))
    assert words.cause(found, "overfitting").startswith(f"Between {found.overfits_from} hidden layers")
