"""The labelled set: runs with a fault that is known by construction and confirmed by what cures it, and healthy ones.

Each file in `labelled/` is a study of one kind. Its first grid holds the runs to be diagnosed; the grids after it hold
the same configurations with one thing changed. A run of a faulty kind is labelled with its fault only if one of these
changes raises its test accuracy by `CURED` or more, at every seed; a run of a healthy kind is labelled healthy only if
none raises it by `IMPROVED` or more in the mean. All others are left out. No rule of Fathom, or of any other tool, has
a part in this.

Two things are facts of the record, not matters of a rule: a run whose loss stopped being a number has diverged, and is
labelled so where smaller steps cure it; and a network of dead layers gives every image the same answer, so that a run
of the dead kind that does not is left out.
"""

import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from dashboard.diagnosis.counterfactuals import FIELDS
from dashboard.diagnosis.run import Fault
from dashboard.diagnosis.signs import CHANCE
from trainer.configuration import RunConfiguration

FOLDER = Path(__file__).parent / "labelled"
KINDS: dict[str, Fault | Literal["healthy"]] = {
    "sigmoid_depth": "vanishing",
    "small_start": "vanishing",
    "large_start": "exploding",
    "diverging_rate": "diverged",
    "dead_units": "dead",
    "saturated_units": "saturated",
    "saturated_sigmoid": "saturated",
    "few_epochs": "undertrained",
    "small_rate": "undertrained",
    "little_data": "overfitting",
    "strong_l2": "plateau",
    "narrow": "plateau",
    "healthy_relu": "healthy",
    "healthy_tanh": "healthy",
    "healthy_linear": "healthy",
    "healthy_sigmoid": "healthy",
    "healthy_deep": "healthy",
}
CURED_BY_RATE = {"dead_units", "saturated_units", "saturated_sigmoid"}
CURED = 0.05  # of test accuracy: what a change must add to count as the cure of a fault
IMPROVED = 0.02  # what no change may add to a healthy network
# What may be changed in a healthy network without making it another one.
HABITS = {"learning_rate", "initializer", "epochs"}


@dataclass(frozen=True)
class Labelled:
    """One run with its label."""

    run_id: str
    kind: str
    label: str
    configuration: str  # what it is without its seed
    held_out: bool  # from the choice of thresholds


def labelled_runs(runs: pd.DataFrame) -> tuple[list[Labelled], pd.DataFrame]:
    """Labels what is stored.

    Args:
        runs: run_id, accuracy (test, at the last epoch), diverged, answers (different digits that it predicts).

    Returns:
        The labelled runs, and for each kind the numbers of configurations: asked, stored, labelled.
    """
    by_id = runs.assign(accuracy=runs["accuracy"].where(~runs["diverged"], CHANCE)).set_index("run_id")
    found, counts = [], []
    for kind, label in KINDS.items():
        first, *later = _grids(kind)
        groups = _by_configuration(first)
        chosen = []
        for name, members in sorted(groups.items(), key=lambda item: hashlib.sha256(item[0].encode()).hexdigest()):
            if all(run.run_id in by_id.index for run in members):
                changes = [*later, first] if label == "healthy" else later
                effects = _effects(by_id, members, list(itertools.chain(*changes)))
                if effects is not None and _deserves(label, effects):
                    chosen.append((name, members))
        stored = sum(all(run.run_id in by_id.index for run in members) for members in groups.values())
        counts.append((kind, label, len(groups), stored, len(chosen)))
        for place, (name, members) in enumerate(chosen):  # every other configuration, whatever the order of the file
            for run in members:
                if own := _label_of(kind, by_id.loc[run.run_id]):
                    found.append(Labelled(run.run_id, kind, own, name, place % 2 == 1))
    return found, pd.DataFrame(counts, columns=["kind", "label", "configurations", "stored", "labelled"])


def _label_of(kind: str, run: pd.Series) -> str | None:
    """The label of one run of a configuration that deserves its kind's label; None where it must be left out."""
    if run["diverged"] and kind in CURED_BY_RATE:
        return "diverged"
    return None if kind == "dead_units" and run["answers"] > 1 else KINDS[kind]


def _grids(kind: str) -> list[list[RunConfiguration]]:
    content = tomllib.loads((FOLDER / f"{kind}.toml").read_text(encoding="utf-8"))
    return [list(_combinations(grid)) for grid in content["grid"]]


def _combinations(grid: dict[str, Any]) -> Iterator[RunConfiguration]:
    choices = [value if isinstance(value, list) else [value] for value in grid.values()]
    for combination in itertools.product(*choices):
        yield RunConfiguration.model_validate(dict(zip(grid, combination, strict=True)))


def _by_configuration(runs: list[RunConfiguration]) -> dict[str, list[RunConfiguration]]:
    groups: dict[str, list[RunConfiguration]] = {}
    for run in runs:
        name = json.dumps(run.model_dump(exclude={"seed"}), sort_keys=True)
        groups.setdefault(name, []).append(run)
    return groups


def _effects(
    by_id: pd.DataFrame, members: list[RunConfiguration], others: list[RunConfiguration]
) -> dict[str, list[float]] | None:
    """For each single change that is stored, its effect on test accuracy by seed; None where none is stored."""
    effects: dict[str, list[float]] = {}
    for run in members:
        for other in others:
            changed = [field for field in FIELDS if getattr(run, field, None) != getattr(other, field, None)]
            if other.seed == run.seed and len(changed) == 1 and other.run_id in by_id.index:
                name = f"{changed[0]}={getattr(other, changed[0])}"
                gain = float(by_id.loc[other.run_id, "accuracy"] - by_id.loc[run.run_id, "accuracy"])
                effects.setdefault(name, []).append(gain)
    return {name: gains for name, gains in effects.items() if len(gains) == len(members)} or None


def _deserves(label: str, effects: dict[str, list[float]]) -> bool:
    if label != "healthy":
        return any(min(gains) >= CURED for gains in effects.values())
    habits = {name: gains for name, gains in effects.items() if name.split("=")[0] in HABITS}
    longer = any(name.startswith("epochs") for name in habits)  # without it, health is not known
    return longer and all(sum(gains) / len(gains) < IMPROVED for gains in habits.values())
