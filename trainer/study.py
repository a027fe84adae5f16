"""A study: a named question, and the grid of runs that answers it, read from a TOML file."""

import itertools
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from trainer.configuration import RunConfiguration
from trainer.errors import FathomError

STUDIES_FOLDER = Path(__file__).parent / "studies"


class Question(BaseModel):
    """The sentence that the study answers, in both languages."""

    model_config = ConfigDict(extra="forbid")

    en: str
    ja: str


class StudyFile(BaseModel):
    """What a study file may hold: the question, and grids whose lists are combined each with each."""

    model_config = ConfigDict(extra="forbid")

    question: Question
    grid: list[dict[str, Any]]


@dataclass(frozen=True)
class Study:
    """A validated study. `runs` holds no run twice."""

    name: str
    question: str
    spec: str
    runs: tuple[RunConfiguration, ...]


def shipped_studies() -> list[Path]:
    return sorted(STUDIES_FOLDER.glob("*.toml"))


def find_studies(names_or_paths: Sequence[str]) -> list[Path]:
    """The files of the studies that are named, each once; all the shipped ones where none is.

    Raises:
        FathomError: there is no such study, or two different files claim one name.
    """
    shipped = shipped_studies()
    known = {path.stem: path for path in shipped}
    found = [find_study(name) for name in names_or_paths] or shipped
    for path in found:
        namesake = known.setdefault(path.stem, path)
        if namesake.resolve() != path.resolve():
            raise FathomError(
                f"The study files {namesake} and {path} would both be the study '{path.stem}', which is named after "
                "its file. Rename your own."
            )
    return list({path.stem: path for path in found}.values())


def find_study(name_or_path: str) -> Path:
    """The file of a study that is given by its name (`question`) or by the path of a file of one's own."""
    named = STUDIES_FOLDER / f"{name_or_path}.toml"
    path = Path(name_or_path)
    for candidate in (named, path):
        with suppress(OSError):  # a name too long for a file, a folder that may not be read
            if candidate.is_file():
                return candidate
    names = ", ".join(study.stem for study in shipped_studies())
    raise FathomError(
        f"There is no study '{name_or_path}'. Give one of {names}, or the path of a study file (.toml) of your own."
    )


def read_study(path: Path) -> Study:
    try:
        spec = path.read_text(encoding="utf-8")
        content = tomllib.loads(spec)
    except (OSError, ValueError) as error:  # not UTF-8, not TOML, a number of too many digits
        raise FathomError(f"The study file {path} cannot be read as TOML: {error}. Correct it.") from error
    try:
        study = StudyFile.model_validate(content)
    except ValidationError as error:
        raise FathomError(_explain(path, "", error, StudyFile)) from error
    if not study.grid:
        raise FathomError(f"The study file {path} has no [[grid]]. Add one with at least 'depth' and 'seed'.")
    runs: dict[str, RunConfiguration] = {}
    for number, grid in enumerate(study.grid, start=1):
        for combination in _combinations(path, number, grid):
            try:
                run = RunConfiguration.model_validate(combination)
            except ValidationError as error:
                raise FathomError(_explain(path, f"grid {number}, ", error, RunConfiguration)) from error
            runs[run.run_id] = run
    return Study(path.stem, study.question.en, spec, tuple(runs.values()))


def _combinations(path: Path, number: int, grid: dict[str, Any]) -> Iterator[dict[str, Any]]:
    choices = {key: value if isinstance(value, list) else [value] for key, value in grid.items()}
    for key, values in choices.items():
        if not values:
            raise FathomError(
                f"The study file {path}, grid {number}, key '{key}': expected a value or a list of values, "
                "got an empty list. Give at least one value."
            )
    for combination in itertools.product(*choices.values()):
        yield dict(zip(choices, combination, strict=True))


def _explain(path: Path, place: str, error: ValidationError, model: type[BaseModel]) -> str:
    """One sentence for the first thing that is wrong: the file, the key, what was given and what is allowed."""
    detail = error.errors()[0]
    key = ".".join(str(part) for part in detail["loc"])
    where = f"The study file {path}, {place}key '{key}'"
    if detail["type"] == "extra_forbidden":
        allowed = Question.model_fields if detail["loc"][0] == "question" else model.model_fields
        return f"{where}: this key is not known. Allowed keys are {', '.join(allowed)}."
    if detail["type"] == "missing":
        return f"{where}: this key is missing. Add it."
    rule = detail["msg"][0].lower() + detail["msg"][1:]
    if key == "grid":
        rule = "a grid is a table of its own, under a line [[grid]] with two brackets"
    return f"{where}: got {detail['input']!r}, but {rule}. Correct the value."
