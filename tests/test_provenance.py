"""A result names the code, the versions and the machine that made it."""

import dataclasses
import platform
import re

import duckdb
import pytest

from trainer import provenance
from trainer.configuration import RECIPE


def test_it_names_the_commit_the_versions_and_the_machine() -> None:
    found = provenance.gather()
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?|unknown", found.git_commit)
    assert (found.recipe, found.python, found.duckdb) == (RECIPE, platform.python_version(), duckdb.__version__)
    assert found.processor
    assert found.cores >= 1


def test_its_identity_follows_from_all_of_it() -> None:
    found = provenance.gather()
    assert found.provenance_id == provenance.gather().provenance_id
    for field in dataclasses.fields(found):
        other = dataclasses.replace(found, **{field.name: "other"})
        assert other.provenance_id != found.provenance_id


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.gather().git_commit == "unknown"
