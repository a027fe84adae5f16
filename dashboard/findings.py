"""What each study shows, in one sentence: `python -m dashboard findings`, the table of the README.

Which two settings of a study are compared is decided here; what came out is read from the store, whatever it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.analysis.differences import verdict_of
from dashboard.analysis.estimates import Estimate, estimate
from dashboard.analysis.pairs import paired_values
from dashboard.analysis.settings import alike
from dashboard.diagnosis.signs import guessing_where_diverged
from dashboard.queries.diagnosis import configurations
from dashboard.queries.plain import PLAIN
from dashboard.queries.studies import questions
from dashboard.settings_wording import SettingsWording
from dashboard.texts import Texts
from dashboard.verdict_words import VerdictWords
from dashboard.wording import Wording

START, END = "<!-- findings -->", "<!-- end of findings -->"


@dataclass(frozen=True)
class Contrast:
    """Two settings that a study compares, and the circumstances in each of which it does."""

    study: str
    change: Mapping[str, tuple[Any, Any]]  # setting: before, after
    among: Sequence[Mapping[str, Any]]
    fixed: Mapping[str, Any] = field(default_factory=dict)  # what is other than in the question


def _each(setting: str, *values: Any) -> list[dict[str, Any]]:
    return [{setting: value} for value in values]


ACTIVATIONS = _each("activation", "linear", "relu", "tanh", "sigmoid")
SHALLOW_TO_DEEP = {"depth": (1, 10)}
TEN_LAYERS = {"depth": 10}
SMALL_DATA = {"train_size": 3_000, "epochs": 326}
NIELSEN = {
    "output": "sigmoid",
    "initializer": "fan_in_normal",
    "bias_initializer": "standard_normal",
    "width": 30,
    "validation_size": 10_000,
    "train_size": 50_000,
    "l2": 5e-5,
    "learning_rate": 0.1,
    "batch_size": 10,
    "epochs": 30,
}
CONTRASTS = (
    Contrast("question", {"depth": (4, 5)}, _each("activation", "linear")),
    Contrast("activations", SHALLOW_TO_DEEP, _each("activation", "relu", "tanh", "sigmoid")),
    Contrast("epochs", {"epochs": (20, 60)}, ACTIVATIONS, TEN_LAYERS),
    Contrast("initializers", {"initializer": ("glorot_uniform", "orthogonal")}, ACTIVATIONS, TEN_LAYERS),
    Contrast("learning_rates", {"learning_rate": (0.01, 0.1)}, ACTIVATIONS, TEN_LAYERS),
    Contrast(
        "optimizers",
        {"optimizer": ("sgd", "adam"), "learning_rate": (0.01, 0.001)},
        _each("activation", "linear", "relu", "sigmoid"),
        TEN_LAYERS,
    ),
    Contrast(
        "shortcuts",
        {"depth": (5, 50)},
        [
            {"shortcut": shortcut, "normalization": normalization}
            for shortcut in (False, True)
            for normalization in ("none", "batch")
        ],
        {"activation": "relu", "initializer": "he_normal"},
    ),
    Contrast(
        "data_size",
        {"train_size": (48_000, 100), "epochs": (20, 7_500)},
        _each("activation", "linear", "relu"),
        TEN_LAYERS,
    ),
    Contrast("width", {"width": (16, 256)}, _each("activation", "linear", "relu"), TEN_LAYERS),
    Contrast("dropout", {"dropout": (0.0, 0.5)}, _each("depth", 1, 10), {"activation": "relu"} | SMALL_DATA),
    Contrast("task", SHALLOW_TO_DEEP, _each("activation", "linear", "relu"), {"dataset": "fashion_mnist"}),
    Contrast("nielsen", {"depth": (1, 4)}, _each("activation", "sigmoid"), NIELSEN),
)


def effects(runs: pd.DataFrame, contrast: Contrast) -> list[tuple[Mapping[str, Any], Estimate]]:
    """The change of test accuracy, paired over seeds, in each of the circumstances that is stored.

    Args:
        runs: as `dashboard.queries.diagnosis.configurations` gives them.
    """
    found = []
    for circumstance in contrast.among:
        common = {**PLAIN, **contrast.fixed, **circumstance}
        before, after = (
            alike(runs, common | {setting: pair[side] for setting, pair in contrast.change.items()}) for side in (0, 1)
        )
        differences = paired_values(before, after, "accuracy")
        if len(differences):
            found.append((circumstance, estimate(differences)))
    return found


def sentence(found: Sequence[tuple[Mapping[str, Any], Estimate]], contrast: Contrast, texts: Texts) -> str:
    """What was changed, where, and what test accuracy did then, with interval and verdict."""
    settings, accuracy = SettingsWording(texts, "hidden"), Wording(texts, "hidden", "accuracy")
    parts = [
        texts(
            "finding.effect",
            circumstance=settings.described(circumstance, list(circumstance)),
            difference=accuracy.difference(effect),
            verdict=texts(f"verdict.{verdict_of(effect)}"),
        )
        for circumstance, effect in found
    ]
    where = settings.described(contrast.fixed, list(contrast.fixed))
    return texts(
        "finding.sentence_where" if where else "finding.sentence",
        where=where,
        change=VerdictWords(texts, "hidden").change(contrast.change),
        effects=texts("finding.separator").join(parts),
    )


def table(snapshot: Path, texts: Texts) -> str:
    """A Markdown table with a row for each study of which the store holds all that is compared."""
    runs = guessing_where_diverged(configurations(snapshot))
    asked = questions(snapshot, texts.language)
    lines = [texts("finding.head"), "| --- | --- | --- |"]
    for contrast in CONTRASTS:
        found = effects(runs, contrast)
        if len(found) == len(contrast.among) and contrast.study in asked:
            lines.append(f"| `{contrast.study}` | {asked[contrast.study]} | {sentence(found, contrast, texts)} |")
    return "\n".join(lines)


def put_into(document: str, found: str) -> str:
    """The document with the table between its two marks.

    Raises:
        ValueError: it has no such marks.
    """
    before, opening, rest = document.partition(START)
    _, closing, after = rest.partition(END)
    if not (opening and closing):
        raise ValueError
    return f"{before}{START}\n{found}\n{END}{after}"
