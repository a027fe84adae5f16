"""trainer → data ← dashboard: the store is all that the two halves share, and only training loads TensorFlow."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from training import PROJECT

HEAVY = ("tensorflow", "keras", "distributed")


def modules_of(package: str) -> list[Path]:
    return sorted((PROJECT / package).rglob("*.py"))


def imported_by(source: str) -> Iterator[str]:
    """The top-level package of every import in a file, also of those inside functions and of `import_module`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (argument.value.split(".")[0] for argument in node.args if isinstance(argument, ast.Constant))


@pytest.mark.parametrize(("half", "other"), [("trainer", "dashboard"), ("dashboard", "trainer")])
def test_neither_half_imports_the_other(half: str, other: str) -> None:
    files = modules_of(half)
    assert files
    guilty = [path for path in files if other in imported_by(path.read_text(encoding="utf-8"))]
    assert guilty == []


@pytest.mark.parametrize(
    "source",
    [
        "import trainer",
        "from trainer.store import Store",
        "def later():\n    import trainer.store as store",
        "import importlib\nimportlib.import_module('trainer.store')",
        "__import__('trainer')",
    ],
)
def test_an_import_of_the_other_half_would_be_found(source: str) -> None:
    assert "trainer" in imported_by(source)


@pytest.mark.parametrize("source", ["'import trainer'", "from . import trainer", "import trainers", "# import trainer"])
def test_what_is_no_import_of_the_other_half_is_not_taken_for_one(source: str) -> None:
    assert "trainer" not in imported_by(source)


def loaded_after(program: str, *arguments: str) -> set[str]:
    """Which heavy packages are in memory once a program has run, in a process of its own."""
    ending = f"\nimport sys\nprint('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))"
    command = [sys.executable, "-c", program + ending, *arguments]
    completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == 0, completed.stderr
    return set(completed.stdout.splitlines()[-1].removeprefix("loaded:").split())


IMPORT_ALL = """
import importlib, logging, runpy, sys
logging.disable()  # streamlit's notes that no browser is there
runpy.run_module("dashboard.app", run_name="__main__")  # as Streamlit runs it; begins the page that chapters draw on
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_no_module_of_the_dashboard_loads_tensorflow() -> None:
    """Every module in one process; importing a page also draws it once, as far as it gets without a browser."""
    paths = [path.relative_to(PROJECT).with_suffix("") for path in modules_of("dashboard")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    assert "dashboard" in names
    assert loaded_after(IMPORT_ALL, *names) == set()


@pytest.mark.parametrize("option", ["--list", "--dry-run"])
def test_listing_and_planning_do_not_load_tensorflow(option: str, tmp_path: Path) -> None:
    """A plan for this machine is rehearsed in processes of their own; for another, not at all."""
    program = "import sys\nfrom trainer.cli import main\nassert main(sys.argv[1:]) == 0"
    assert loaded_after(program, option, "--data", str(tmp_path), "--scheduler", "tcp://nobody:1") == set()


def test_python_m_trainer_list_does_not_load_tensorflow(tmp_path: Path) -> None:
    """As it is typed: `-X importtime` names every module that is imported."""
    command = [sys.executable, "-X", "importtime", "-m", "trainer", "--list", "--data", str(tmp_path)]
    completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == 0
    imported = {line.rsplit("|", 1)[-1].strip() for line in completed.stderr.splitlines()}
    assert "trainer.cli" in imported
    assert not imported & set(HEAVY)


def test_this_check_would_find_tensorflow() -> None:
    """Its package is stood in for by one that costs nothing: what is tested is that the check sees it."""
    assert loaded_after("import sys, types\nsys.modules['tensorflow'] = types.ModuleType('tensorflow')") == {
        "tensorflow"
    }
    assert "keras" in loaded_after("import trainer.network")


def test_a_server_needs_only_what_is_listed_for_it() -> None:
    """The dashboard's own list names what its modules import, at the versions that the project asks for."""
    listed = (PROJECT / "dashboard" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [line for line in listed if not line.startswith("#")]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert set(asked) <= set(project)
    names = {re.split(r"[\[>]", line)[0].replace("markdown-it-py", "markdown_it") for line in asked}
    imported = {name for file in modules_of("dashboard") for name in imported_by(file.read_text(encoding="utf-8"))}
    assert imported - set(sys.stdlib_module_names) - {"dashboard"} <= names


def test_the_least_version_of_what_is_needed_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = dict(
        line.split("==")
        for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    for requirement in project:
        name, least = requirement.split(">=")
        assert pinned[name.split("[")[0]].startswith(f"{least}."), requirement
