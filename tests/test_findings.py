"""`python -m dashboard findings`: the table of what each study shows, on the shipped store."""

import io
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest
from stores import shipped_snapshot

from dashboard import findings
from dashboard.__main__ import _put, main
from dashboard.findings import CONTRASTS, END, START, Contrast, effects, put_into, table
from dashboard.queries.diagnosis import configurations
from dashboard.queries.plain import select
from dashboard.texts import LANGUAGES, Texts
from trainer.study import find_study, read_study, shipped_studies

PROJECT = Path(__file__).parents[1]
READMES = {"en": PROJECT / "README.md", "ja": PROJECT / "README.ja.md"}
SHIPPED = {path.stem for path in shipped_studies()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_says_what_the_shipped_store_shows(language: str) -> None:
    document = READMES[language].read_text(encoding="utf-8")
    assert put_into(document, table(shipped_snapshot(), Texts(language))) == document


def test_every_shipped_study_has_its_row() -> None:
    rows = table(shipped_snapshot(), Texts("en")).splitlines()[2:]
    assert {row.split("`")[1] for row in rows} == SHIPPED


@pytest.mark.parametrize("contrast", [each for each in CONTRASTS if each.study in SHIPPED], ids=lambda each: each.study)
def test_both_sides_of_a_comparison_were_asked_for_by_its_study(contrast: Contrast) -> None:
    runs = [run.model_dump() for run in read_study(find_study(contrast.study)).runs]
    for circumstance in contrast.among:
        for side in (0, 1):
            changed = {setting: values[side] for setting, values in contrast.change.items()}
            wanted = {**contrast.fixed, **circumstance, **changed}
            assert any(wanted.items() <= run.items() for run in runs), wanted


def test_an_effect_is_the_mean_of_the_differences_within_a_seed() -> None:
    contrast = next(each for each in CONTRASTS if each.study == "question")
    ((_, found),) = effects(configurations(shipped_snapshot()), contrast)
    (row,) = select(
        shipped_snapshot(),
        """
        SELECT avg(deep.accuracy - shallow.accuracy) AS mean, count(*) AS seeds
        FROM (SELECT * FROM run JOIN epoch_metric USING (run_id) WHERE depth = 4 AND split = 'test' AND epoch = 20)
                AS shallow
        JOIN (SELECT * FROM run JOIN epoch_metric USING (run_id) WHERE depth = 5 AND split = 'test' AND epoch = 20)
                AS deep USING (seed, activation, dataset, train_size, epochs, width, initializer, optimizer,
                               learning_rate, shortcut, normalization, dropout)
        WHERE activation = 'linear' AND dataset = 'mnist' AND train_size = 48000 AND width = 128
              AND initializer = 'glorot_uniform' AND optimizer = 'sgd' AND learning_rate = 0.01
              AND NOT shortcut AND normalization = 'none' AND dropout = 0
        """,
    ).to_dict("records")
    assert (found.mean, found.seeds) == (pytest.approx(row["mean"], abs=1e-9), row["seeds"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_fills_the_space_between_its_marks_and_nothing_else(tmp_path: Path, language: str) -> None:
    document = tmp_path / "TEXT.md"
    document.write_text(f"above\n{START}\nold\n{END}\nbelow\n", encoding="utf-8")
    assert main(["findings", str(document), "--lang", language]) == 0
    written = document.read_text(encoding="utf-8")
    assert written.startswith(f"above\n{START}\n| ")
    assert written.endswith(f" |\n{END}\nbelow\n")
    assert "old" not in written


@pytest.mark.parametrize("content", ["no mark", f"{START} only", f"{END} before {START}"])
def test_a_text_without_the_marks_is_left_as_it_is(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "TEXT.md"
    document.write_text(content, encoding="utf-8")
    assert main(["findings", str(document)]) == 2
    assert document.read_text(encoding="utf-8") == content
    assert START in capsys.readouterr().err


def test_a_text_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", str(tmp_path / "none.md")]) == 2
    assert "No such file" in capsys.readouterr().err


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_text_outlives_a_full_disk(tmp_path: Path) -> None:
    document = tmp_path / "TEXT.md"
    document.write_text(f"above\n{START}\nold\n{END}\nbelow\n", encoding="utf-8")
    before = document.read_text(encoding="utf-8")
    errors = io.StringIO()
    with full_disk(), redirect_stderr(errors):
        assert main(["findings", str(document)]) == 2
    assert "cannot be written" in errors.getvalue()
    assert document.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [document]


def test_a_pipe_is_written_into() -> None:
    ours, theirs = os.pipe()
    _put(Path(f"/dev/fd/{theirs}"), "document")
    assert os.read(ours, 100) == b"document"
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("signalled", [KeyboardInterrupt(), RuntimeError("Query interrupted")])  # as DuckDB puts it
def test_a_command_that_is_stopped_says_so(
    tmp_path: Path,
    language: str,
    signalled: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*arguments: object) -> None:
        raise signalled

    monkeypatch.setattr(findings, "put_into", stop)
    document = tmp_path / "TEXT.md"
    document.write_text("mine", encoding="utf-8")
    assert main(["findings", str(document), "--lang", language]) == 130
    assert capsys.readouterr().err == Texts(language)("report.stopped") + "\n"
    assert document.read_text(encoding="utf-8") == "mine"
