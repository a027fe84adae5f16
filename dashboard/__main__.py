"""The dashboard without a server.

`python -m dashboard report OUT.html` writes all of it into one file that needs no network.
`python -m dashboard findings README.md` writes what each study shows into a text.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from dashboard.snapshots import DATA_FOLDER, SnapshotError, check, newest_readable
from dashboard.texts import LANGUAGES, Texts

INTERRUPTED = 130  # the exit code of a program stopped by Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    state = dict(parse_qsl(urlsplit(options.view).query or options.view))
    language = options.lang or state.get("lang", "en")
    texts = Texts(language if language in LANGUAGES else "en")
    try:
        done: int = options.command(_snapshot(options.data), texts, options, state)
    except SnapshotError as problem:
        return _fail(texts(f"problem.{problem.reason}", **problem.details))
    except (KeyboardInterrupt, RuntimeError) as stopped:
        if isinstance(stopped, RuntimeError) and "Query interrupted" not in str(stopped):  # as DuckDB puts Ctrl-C
            raise
        _fail(texts("report.stopped"))
        return INTERRUPTED
    return done


def _findings(snapshot: Path, texts: Texts, options: argparse.Namespace, state: dict[str, str]) -> int:
    from dashboard.findings import END, START, put_into, table

    file = options.document
    try:
        document = put_into(file.read_text(encoding="utf-8"), table(snapshot, texts))
        _put(file, document)
    except (OSError, UnicodeError) as error:
        return _fail(texts("report.not_written", file=file, reason=getattr(error, "strerror", None) or error))
    except ValueError:
        return _fail(texts("finding.no_mark", file=file, start=START, end=END))
    sys.stdout.write(texts("finding.written", file=file) + "\n")
    return 0


def _report(snapshot: Path, texts: Texts, options: argparse.Namespace, state: dict[str, str]) -> int:
    logging.disable()  # Streamlit's notes that no browser is there
    from dashboard.report.chapters import ReportError
    from dashboard.report.document import report

    try:
        document = report(snapshot, texts, state)
        _put(options.out, document)
    except ReportError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(texts("report.not_written", file=options.out, reason=error.strerror))
    sys.stdout.write(texts("report.written", file=options.out, megabytes=f"{len(document.encode()) / 1e6:.1f}") + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="The dashboard without a server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser("report", help="write every chapter into one HTML file that needs no network")
    report.add_argument("out", type=Path, metavar="OUT.html", help="the file to write")
    report.add_argument("--lang", choices=LANGUAGES, help="language (default: that of --view, or English)")
    report.add_argument(
        "--view", default="", metavar="ADDRESS", help="an address copied from the dashboard, whose state is shown"
    )
    report.set_defaults(command=_report)
    findings = commands.add_parser("findings", help="write a table of what each study shows into a Markdown file")
    findings.add_argument(
        "document", type=Path, metavar="README.md", help="the file, which marks where the table is to stand"
    )
    findings.add_argument("--lang", choices=LANGUAGES, help="language (default: English)")
    findings.set_defaults(command=_findings, view="")
    for command in (report, findings):
        command.add_argument(
            "--data", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store, or one snapshot"
        )
    return parser


def _snapshot(data: Path) -> Path:
    if not data.is_file():
        return newest_readable(data)[0]
    check(data)
    return data


def _put(file: Path, document: str) -> None:
    """Writes it as a whole or not at all: what was there before outlives a full disk, and Ctrl-C."""
    if file.exists() and not file.is_file():  # a pipe, such as /dev/stdout may be
        file.write_text(document, encoding="utf-8")
        return
    file = file.resolve()  # a link stays one
    unfinished = file.with_name(f"{file.name}.tmp")
    try:
        unfinished.write_text(document, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _fail(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
