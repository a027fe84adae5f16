"""The questions that were trained for."""

import tomllib
from pathlib import Path

from dashboard.queries.plain import select


def questions(snapshot: Path, language: str) -> dict[str, str]:
    """Each study with its question in one language, as its study file puts it."""
    stored = select(snapshot, "SELECT study, spec FROM study ORDER BY study")
    files = {study: tomllib.loads(spec) for study, spec in zip(stored["study"], stored["spec"], strict=True)}
    return {study: file["question"][language] for study, file in files.items()}
