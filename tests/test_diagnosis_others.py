"""The replayed rules of other tools, on histories made to raise one alarm each."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.diagnosis.others.autotrainer import AUTOTRAINER
from dashboard.diagnosis.others.deepdiagnosis import DEEPDIAGNOSIS
from dashboard.diagnosis.others.rules import History, RuleSet, replay
from dashboard.diagnosis.others.sagemaker import SAGEMAKER
from dashboard.diagnosis.run import FAULTS

EPOCHS, DEPTH = 6, 3
TOOLS = (SAGEMAKER, AUTOTRAINER, DEEPDIAGNOSIS)


def history(activation: str = "tanh", diverged: int | None = None, accuracy: float = 0.95, **layers: Any) -> History:
    """A healthy run, but for what is given: its final accuracy, and statistics of every layer (or, as a list, of the
    layers from the input on)."""
    usual = {
        "gradient_norm": 0.1,
        "gradient_rms": 1e-3,
        "weight_norm": 10.0,
        "update_ratio": 1e-3,
        "preactivation_mean": 0.0,
        "preactivation_std": 1.0,
        "weight_std": 0.05,
        "dead_fraction": 0.0,
    }
    rows = [
        {"epoch": epoch, "layer": layer}
        | {name: value[layer - 1] if isinstance(value, list) else value for name, value in (usual | layers).items()}
        for epoch in range(EPOCHS + 1)
        for layer in range(1, DEPTH + 2)
    ]
    gains = np.linspace(0.1, accuracy, EPOCHS + 1)
    metrics = [
        (epoch, split, 2.3 * (1 - gain) + 0.05, gain)
        for split in ("train", "train_running", "validation")
        for epoch, gain in enumerate(gains)
    ]
    run = {"depth": DEPTH, "width": 128, "activation": activation, "diverged_epoch": diverged, "learning_rate": 0.1}
    return History(run, pd.DataFrame(metrics, columns=["epoch", "split", "loss", "accuracy"]), pd.DataFrame(rows))


def alarms(tool: RuleSet, run: History) -> set[str]:
    return {alarm.rule for alarm in replay(tool, run)}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_healthy_run_raises_no_alarm(tool: RuleSet) -> None:
    assert alarms(tool, history()) == set()


@pytest.mark.parametrize(
    ("tool", "run", "rule"),
    [
        (SAGEMAKER, history(gradient_rms=[5e-8, 1e-3, 1e-3, 1e-3]), "VanishingGradient"),
        (SAGEMAKER, history(diverged=3), "ExplodingTensor"),
        (SAGEMAKER, history("relu", dead_fraction=0.6), "DeadRelu"),
        (SAGEMAKER, history(preactivation_std=30.0), "SaturatedActivation"),
        (SAGEMAKER, history("sigmoid", preactivation_mean=-40.0), "SaturatedActivation"),
        (SAGEMAKER, history(update_ratio=20.0), "WeightUpdateRatio (large)"),
        (SAGEMAKER, history(update_ratio=1e-9), "WeightUpdateRatio (small)"),
        (SAGEMAKER, history(weight_std=[0.05, 0.05, 0.2, 0.05]), "PoorWeightInitialization"),
        (SAGEMAKER, history(accuracy=0.1), "LossNotDecreasing"),
        (AUTOTRAINER, history(accuracy=0.3, gradient_norm=[1e-6, 1e-4, 1e-2, 1.0]), "vanishing gradient"),
        (AUTOTRAINER, history(accuracy=0.3, gradient_norm=[99.0, 9.0, 3.0, 1.0]), "exploding gradient"),
        (AUTOTRAINER, history("relu", accuracy=0.3, dead_fraction=0.8), "dying ReLU"),
        (AUTOTRAINER, history(accuracy=0.11), "slow convergence"),
        (DEEPDIAGNOSIS, history(gradient_rms=5e-8), "vanishing gradient"),
        (DEEPDIAGNOSIS, history(diverged=3), "numerical error"),
        (DEEPDIAGNOSIS, history("relu", preactivation_mean=-1.0), "dead node"),
        (DEEPDIAGNOSIS, history(preactivation_std=9.0), "saturated activation"),
        (DEEPDIAGNOSIS, history(gradient_norm=1e-4), "unchanged weights"),
        (DEEPDIAGNOSIS, history(gradient_norm=20.0), "improper weight change"),
    ],
)
def test_each_rule_raises_its_alarm(tool: RuleSet, run: History, rule: str) -> None:
    assert rule in alarms(tool, run)


def test_autotrainer_looks_at_no_gradient_where_accuracy_satisfies_it() -> None:
    assert alarms(AUTOTRAINER, history(accuracy=0.9, gradient_norm=[1e-6, 1e-4, 1e-2, 1.0])) == set()


def test_an_accuracy_that_swings_oscillates() -> None:
    run = history()
    swinging = run.metrics.assign(accuracy=0.8 + 0.1 * (run.metrics["epoch"] % 2))
    assert alarms(AUTOTRAINER, History(run.run, swinging, run.layers)) == {"oscillating accuracy"}


def test_slow_convergence_is_named_only_where_no_gradient_explains_it() -> None:
    slow = history(accuracy=0.11, gradient_norm=[1e-6, 1e-4, 1e-2, 1.0])
    assert alarms(AUTOTRAINER, slow) == {"vanishing gradient"}


def test_a_validation_loss_far_above_the_training_loss_overfits() -> None:
    run = history()
    wider = run.metrics.assign(loss=run.metrics["loss"] * (1 + 0.5 * (run.metrics["split"] == "validation")))
    found = {alarm.rule: alarm.epochs for alarm in replay(SAGEMAKER, History(run.run, wider, run.layers))}
    assert found["Overfit"] == tuple(range(1, EPOCHS + 1))  # from the second time in a row


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_rule_set_says_where_it_comes_from_and_what_it_leaves_out(tool: RuleSet) -> None:
    assert tool.source.startswith("https://")
    assert tool.not_replayed
    assert all(rule.means <= set(FAULTS) for rule in tool.rules)
