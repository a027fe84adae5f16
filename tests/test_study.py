"""A study file becomes a grid of runs; a mistake in it becomes one sentence."""

from pathlib import Path

import pytest

from trainer.errors import FathomError
from trainer.study import find_studies, find_study, read_study, shipped_studies

QUESTION = '[question]\nen = "Why?"\nja = "なぜ？"\n'
GRID = "[[grid]]\ndepth = 1\nseed = 0\n"


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_lists_are_combined_each_with_each(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, QUESTION + "[[grid]]\ndepth = [1, 2, 3]\nseed = [0, 1]\nwidth = 8\n"))
    assert (study.name, study.question) == ("mine", "Why?")
    assert [(run.depth, run.seed, run.width) for run in study.runs] == [
        (depth, seed, 8) for depth in (1, 2, 3) for seed in (0, 1)
    ]


def test_a_run_that_two_grids_ask_for_is_there_once(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, QUESTION + GRID + "[[grid]]\ndepth = [1, 2]\nseed = 0\n"))
    assert [run.depth for run in study.runs] == [1, 2]


def test_the_shipped_studies_ask_for_what_was_promised() -> None:
    studies = {study.name: study for study in map(read_study, shipped_studies())}
    asked = {(run.activation, run.depth, run.seed) for run in studies["question"].runs}
    assert asked == {("linear", depth, seed) for depth in range(11) for seed in range(16)}
    runs = studies["activations"].runs
    assert {(run.activation, run.depth, run.seed) for run in runs} == {
        (activation, depth, seed)
        for activation in ("sigmoid", "tanh", "relu")
        for depth in range(11)
        for seed in range(8)
    }
    for run in [*studies["question"].runs, *runs]:
        assert (run.width, run.optimizer, run.learning_rate, run.batch_size, run.epochs) == (128, "sgd", 0.01, 128, 20)
        assert (run.initializer, run.train_size, run.dataset) == ("glorot_uniform", 48_000, "mnist")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (QUESTION + GRID + "depht = 3\n", ["grid 1", "'depht'", "not known", "depth, width"]),
        (QUESTION + GRID + 'width = "wide"\n', ["grid 1", "'width'", "'wide'", "valid integer"]),
        (QUESTION + GRID + 'width = "8"\n', ["grid 1", "'width'", "'8'", "valid integer"]),
        (QUESTION + GRID + "width = true\n", ["'width'", "True", "valid integer"]),
        (QUESTION + GRID + "width = [8, 0]\n", ["'width'", "got 0", "greater than or equal to 1"]),
        (QUESTION + GRID + "learning_rate = nan\n", ["'learning_rate'", "got nan", "less than or equal to 100"]),
        (QUESTION + GRID + "learning_rate = 0\n", ["'learning_rate'", "got 0", "greater than 0"]),
        (QUESTION + GRID + 'activation = "swish"\n', ["'activation'", "'swish'", "'linear', 'sigmoid'"]),
        (QUESTION + GRID + "width = []\n", ["grid 1", "'width'", "empty list"]),
        (QUESTION + "[[grid]]\nseed = 0\n", ["grid 1", "'depth'", "missing"]),
        (QUESTION + GRID + "[[grid]]\ndepth = 1\n", ["grid 2", "'seed'", "missing"]),
        (QUESTION, ["'grid'", "missing"]),
        ("grid = []\n" + QUESTION, ["no [[grid]]"]),
        (QUESTION + GRID.replace("[[grid]]", "[grid]"), ["'grid'", "[[grid]] with two brackets"]),
        (GRID, ["'question'", "missing"]),
        ('[question]\nen = "Why?"\n' + GRID, ["'question.ja'", "missing"]),
        (QUESTION + 'fr = "Pourquoi ?"\n' + GRID, ["'question.fr'", "not known", "en, ja"]),
        (QUESTION.replace('"Why?"', "3") + GRID, ["'question.en'", "got 3", "valid string"]),
        ("studies = 1\n" + QUESTION + GRID, ["'studies'", "not known", "question, grid"]),
        ("depth: 3\n", ["cannot be read as TOML", "line 1"]),
        (QUESTION + GRID + "width = " + "9" * 5_000, ["cannot be read as TOML"]),
    ],
)
def test_a_mistake_names_the_file_the_key_what_came_and_what_is_allowed(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FathomError) as caught:
        read_study(path)
    message = str(caught.value)
    assert message.startswith(f"The study file {path}")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FathomError, match="cannot be read as TOML"):
        read_study(path)


@pytest.mark.parametrize("name", ["answer", "missing/study.toml", "x" * 5_000, ""])
def test_an_unknown_study_is_refused_with_the_names_that_there_are(name: str) -> None:
    with pytest.raises(FathomError, match=r"Give one of activations, .*question, .*or the path"):
        find_study(name)


def test_a_study_is_found_by_its_name_or_by_the_path_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, QUESTION + GRID)
    assert [found.stem for found in find_studies(["question", str(path), "question"])] == ["question", "mine"]
    assert find_studies([]) == shipped_studies()


def test_two_files_cannot_claim_one_name(tmp_path: Path) -> None:
    path = write(tmp_path, QUESTION + GRID, "question.toml")
    with pytest.raises(FathomError, match="would both be the study 'question'"):
        find_studies([str(path)])
