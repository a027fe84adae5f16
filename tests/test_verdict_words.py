"""Verdicts in words, in both languages."""

from pathlib import Path

import pytest
from stores import cut_store

from dashboard import queries
from dashboard.diagnosis import sweep
from dashboard.diagnosis.counterfactuals import Counterfactual, counterfactuals
from dashboard.diagnosis.run import FAULTS, Figure, Finding, RunDiagnosis, diagnose
from dashboard.diagnosis.signs import signs_of
from dashboard.diagnosis.thresholds import TABLE
from dashboard.texts import Texts
from dashboard.verdict_words import FORMS, VerdictWords, factor

LANGUAGES = ("en", "ja")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    condition = "activation IN ('linear', 'sigmoid') AND depth IN (0, 1, 3, 5)"
    return cut_store(tmp_path_factory.mktemp("words"), condition)


@pytest.fixture(params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> VerdictWords:
    return VerdictWords(Texts(request.param), "hidden")


def diagnosis_of(snapshot: Path, activation: str, depth: int) -> tuple[RunDiagnosis, list[Counterfactual]]:
    stored = queries.configurations(snapshot)
    row = stored[(stored["activation"] == activation) & (stored["depth"] == depth)].iloc[0]
    run = queries.diagnosed_run(snapshot, row["run_id"]).iloc[0].to_dict()
    metrics = queries.diagnosed_metrics(snapshot, row["run_id"])
    found = diagnose(run, metrics, queries.diagnosed_layers(snapshot, row["run_id"]))
    return found, counterfactuals(stored, row)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_a_sweep_is_told_in_full_sentences(snapshot: Path, words: VerdictWords, activation: str) -> None:
    metrics = queries.family_metrics(snapshot, activation=activation)
    measured = sweep.ends(metrics), metrics, queries.family_start(snapshot, activation=activation)
    found = sweep.diagnose(*measured)
    assert found is not None
    said = words.sweep(found)
    assert said
    assert not any("{" in sentence or "nan" in sentence for sentence in said)
    vanishing = words.texts("sweep.cause.vanishing")
    ruled_out = words.texts("sweep.ruled_out", names="").split("{")[0][:6]
    if activation == "sigmoid":
        assert vanishing in said[2]
    else:
        assert any(vanishing in sentence and sentence.startswith(ruled_out) for sentence in said)
    table = words.steps(sweep.steps(*measured))
    assert len(table) == 3


def test_a_run_is_told_with_its_figures_and_the_change_that_helped(snapshot: Path, words: VerdictWords) -> None:
    found, stored = diagnosis_of(snapshot, "sigmoid", 3)
    said = words.run(found)
    assert found.verdict == "vanishing"
    assert words.texts("diagnosis.fault.vanishing") in said[0]
    assert "0.24" in said[1]
    remedies = words.remedies(found, stored)
    assert remedies[0].startswith(words.texts("setting.activation"))
    assert len(remedies) == 2  # another activation, fewer layers: each kind of change once
    assert words.remedies(found, []) == [
        words.texts("diagnosis.try.vanishing") + " " + words.texts("diagnosis.untested")
    ]


def test_a_healthy_run_needs_no_remedy(snapshot: Path, words: VerdictWords) -> None:
    found, _ = diagnosis_of(snapshot, "linear", 5)
    assert words.run(found) == [words.texts("diagnosis.verdict.healthy")]
    assert words.remedies(found, []) == []


def test_every_fault_and_figure_has_its_words(snapshot: Path, words: VerdictWords) -> None:
    signs = signs_of(
        {"depth": 1, "activation": "relu", "diverged_epoch": None},
        queries.diagnosed_metrics(snapshot, "none"),
        queries.diagnosed_layers(snapshot, "none"),
    )
    for fault in FAULTS:
        for presence, strength in (("yes", 1.0), ("yes", 0.2), ("cannot_tell", 0.0)):
            figures = tuple(Figure(name, 0.5, 0.4) for name in FORMS)
            finding = Finding(fault, presence, strength, figures, (1, 2), (0, 3))  # type: ignore[arg-type]
            assert words.finding(finding)
        assert words.remedies(RunDiagnosis(fault, (), signs), [])


def test_the_table_shows_every_limit(words: VerdictWords) -> None:
    table = words.thresholds()
    assert len(table) == len(TABLE)
    assert not table.map(lambda cell: "{" in cell).any().any()


@pytest.mark.parametrize(
    ("value", "text"), [(0.237, "0.24"), (1.0, "1.00"), (0.0, "0"), (4.7e-5, "1/21,000"), (12_345.0, "12,000")]
)
def test_a_factor_is_written_as_people_say_it(value: float, text: str) -> None:
    assert factor(value) == text
