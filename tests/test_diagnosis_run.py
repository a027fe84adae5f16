"""The rules for one run, on histories made to show one fault each."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.diagnosis import thresholds
from dashboard.diagnosis.run import FAULTS, RULES, RunDiagnosis, diagnose
from dashboard.diagnosis.signs import GUESSING

EPOCHS = 12
HEALTHY = [GUESSING, *(0.2 + 0.8 * 0.5**epoch for epoch in range(1, EPOCHS + 1))]
STUCK = [GUESSING] * (EPOCHS + 1)


def metrics(train: list[float], held_out: list[float] | None = None) -> pd.DataFrame:
    """Losses by epoch, 0 first; the accuracy falls from 1 to chance as the loss rises to that of guessing."""
    series = {"train": train, "train_running": train, "validation": held_out or train, "test": held_out or train}
    rows = [
        (epoch, split, loss, max(0.1, 1 - 0.9 * loss / GUESSING))
        for split, losses in series.items()
        for epoch, loss in enumerate(losses)
        if not (split == "train_running" and epoch == 0)
    ]
    return pd.DataFrame(rows, columns=["epoch", "split", "loss", "accuracy"])


def layers(depth: int = 5, weights: float = 1.0, slope: float = 1.0, **at_end: float) -> pd.DataFrame:
    """The same gains in every hidden layer at every epoch; shares of dead or saturated units at the last one."""
    rows = []
    for epoch in range(EPOCHS + 1):
        for layer in range(1, depth + 2):
            hidden = layer <= depth
            rows.append(
                {
                    "epoch": epoch,
                    "layer": layer,
                    "delta_rms": (weights * slope) ** (depth - layer) if hidden else 1.0,
                    "weight_gain": weights if hidden else np.nan,
                    "slope_gain": slope if hidden else np.nan,
                    "update_ratio": 1e-3 if epoch else np.nan,
                    "saturated_fraction": 0.0 if hidden else np.nan,
                    "dead_fraction": 0.0 if hidden else np.nan,
                    **(
                        {name: share if hidden else np.nan for name, share in at_end.items()} if epoch == EPOCHS else {}
                    ),
                }
            )
    return pd.DataFrame(rows)


def run(depth: int = 5, activation: str = "tanh", diverged_epoch: int | None = None) -> dict[str, Any]:
    return {"depth": depth, "activation": activation, "diverged_epoch": diverged_epoch}


def of(curves: pd.DataFrame, statistics: pd.DataFrame, **configuration: Any) -> RunDiagnosis:
    return diagnose(run(**configuration), curves, statistics)


def test_a_network_that_learns_is_healthy() -> None:
    found = of(metrics(HEALTHY), layers())
    assert found.verdict == "healthy"
    assert found.findings == ()


@pytest.mark.parametrize(
    ("verdict", "curves", "statistics"),
    [
        ("exploding", metrics(STUCK), layers(weights=2.0)),
        ("dead", metrics(STUCK), layers(dead_fraction=1.0)),
        ("saturated", metrics(STUCK), layers(saturated_fraction=0.9)),
        ("vanishing", metrics(STUCK), layers(slope=0.25)),
        ("overfitting", metrics(HEALTHY, [*HEALTHY[:7], *np.linspace(0.25, 0.4, 6)]), layers()),
        ("plateau", metrics(STUCK), layers()),
        ("undertrained", metrics(list(np.linspace(GUESSING, 1.0, EPOCHS + 1))), layers()),
        ("diverged", metrics([GUESSING] + [10.0] * EPOCHS), layers()),
    ],
)
def test_each_fault_is_found(verdict: str, curves: pd.DataFrame, statistics: pd.DataFrame) -> None:
    found = of(curves, statistics, activation="relu" if verdict == "dead" else "tanh")
    assert found.verdict == verdict
    assert found.findings[0].presence == "yes"
    assert all(np.isfinite(figure.value) for figure in found.findings[0].figures)


def test_a_loss_that_is_not_finite_is_divergence_whatever_else_there_is() -> None:
    found = of(metrics([GUESSING, 2.0]), pd.DataFrame(columns=layers().columns), diverged_epoch=2)
    assert found.verdict == "diverged"
    assert next(finding for finding in found.findings if finding.presence == "yes").epochs == (2, 2)


@pytest.mark.parametrize("statistics", [layers(slope=0.25), layers(saturated_fraction=0.9), layers(dead_fraction=1.0)])
def test_what_does_not_keep_a_network_from_learning_is_no_fault(statistics: pd.DataFrame) -> None:
    assert of(metrics(HEALTHY), statistics).verdict == "healthy"


def test_a_test_loss_that_rises_at_the_last_epoch_alone_is_no_overfitting() -> None:
    assert of(metrics(HEALTHY, [*HEALTHY[:-1], 0.4]), layers()).verdict == "healthy"


def test_a_wide_gap_is_overfitting_even_where_the_test_loss_does_not_rise() -> None:
    gap = metrics(HEALTHY)
    gap.loc[gap["split"] == "test", "accuracy"] -= 0.2
    found = of(gap, layers())
    assert found.verdict == "overfitting"
    (finding,) = (each for each in found.findings if each.fault == "overfitting")
    assert {figure.name: figure.value for figure in finding.figures}["accuracy_gap"] == pytest.approx(0.2)


def test_a_network_that_is_far_from_its_training_data_is_stuck_first_whatever_its_test_loss_does() -> None:
    held_out = [*STUCK[:3], *np.linspace(STUCK[3], STUCK[3] + 0.5, EPOCHS - 2)]
    train = [loss - 0.001 * epoch for epoch, loss in enumerate(STUCK)]
    found = of(metrics(train, held_out), layers())
    assert [finding.fault for finding in found.findings if finding.presence == "yes"] == ["plateau", "overfitting"]


def test_a_gap_at_one_epoch_alone_is_no_overfitting() -> None:
    gap = metrics(HEALTHY)
    gap.loc[(gap["split"] == "test") & (gap["epoch"] == EPOCHS), "accuracy"] -= 0.2
    assert of(gap, layers()).verdict == "healthy"


def test_where_there_is_no_accuracy_the_losses_decide_about_overfitting() -> None:
    found = of(metrics(HEALTHY).assign(accuracy=np.nan), layers())
    assert "overfitting" not in {finding.fault for finding in found.findings}


def test_units_so_few_that_they_must_saturate_are_a_plateau() -> None:
    saturated = layers(saturated_fraction=0.9)
    assert diagnose({**run(), "width": 32}, metrics(STUCK), saturated).verdict == "saturated"
    assert diagnose({**run(), "width": 3}, metrics(STUCK), saturated).verdict == "plateau"  # 2³ < 10 classes
    assert diagnose({**run(), "width": 3, "classes": 4}, metrics(STUCK), saturated).verdict == "saturated"


def test_causes_come_before_what_they_cause() -> None:
    found = of(metrics(STUCK), layers(slope=0.25))
    assert [finding.fault for finding in found.findings] == ["vanishing", "plateau"]


def test_one_hidden_layer_has_no_depth_to_vanish_over() -> None:
    assert of(metrics(STUCK), layers(depth=1, slope=0.01), depth=1).verdict == "plateau"


def test_without_layer_statistics_a_stuck_network_is_on_a_plateau_whose_cause_cannot_be_told() -> None:
    found = of(metrics(STUCK), pd.DataFrame(columns=layers().columns))
    assert found.verdict == "plateau"
    assert {finding.fault for finding in found.findings if finding.presence == "cannot_tell"} >= {"vanishing"}


def test_between_the_limits_one_run_cannot_tell() -> None:
    loss = GUESSING * (thresholds.TROUBLE.limit + thresholds.TROUBLE.ruled_out) / 2
    flat = [GUESSING, *([loss] * EPOCHS)]
    assert of(metrics(flat), layers()).verdict == "cannot_tell"


def test_every_fault_has_its_rule() -> None:
    assert [rule.__name__ for rule in RULES] == list(FAULTS)


def test_what_is_not_stored_is_not_ruled_out() -> None:
    found = of(metrics(STUCK), layers().drop(columns=["dead_fraction", "saturated_fraction"]))
    assert {finding.fault: finding.presence for finding in found.findings}["saturated"] == "cannot_tell"


def test_guessing_has_the_loss_of_the_outputs() -> None:
    """Ten sigmoids that all say one in ten: their summed cross-entropy is 3.25 nats, not ln 10."""
    guessing = [3.2508] * (EPOCHS + 1)
    settings = {**run(), "output": "sigmoid"}
    assert {finding.fault for finding in diagnose(settings, metrics(guessing), layers()).findings} == {"plateau"}
    assert "diverged" in {finding.fault for finding in diagnose(run(), metrics(guessing), layers()).findings}
