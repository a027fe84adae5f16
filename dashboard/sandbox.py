"""SQL of strangers on the store: each query in a process of its own, with limits on time, memory and rows."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

WORKER = Path(__file__).with_name("sandbox_worker.py")
SECONDS = 10.0  # for one query, the start of its process included
ROWS = 5_000
BYTES = 8 << 20
LONGEST = 10_000  # characters of a query
# As many queries at a time as leave the dashboard half of the processor; more wait for their turn, but not for ever.
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
PATIENCE = 15.0  # seconds

_turns = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Answer:
    """The rows of a query; `more` says that there are others after them."""

    rows: pd.DataFrame
    more: bool


class QueryProblem(Exception):  # noqa: N818  # it is told to the reader, who asked for it
    """A query without an answer. `reason` is a key of the section `sql.problem` of the texts, which `details` fill;
    `message` is what DuckDB said of a mistake in the query."""

    def __init__(self, reason: str, message: str = "", **details: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message
        self.details = details


def ask(snapshot: Path, sql: str) -> Answer:
    """Runs one query on one snapshot.

    Raises:
        QueryProblem: it is refused, wrong, too slow or too large, or too many others are running.
    """
    if len(sql) > LONGEST:
        raise QueryProblem("long", most=LONGEST, length=len(sql))
    if not _turns.acquire(timeout=PATIENCE):
        raise QueryProblem("busy")
    try:
        return _read(_run(snapshot, sql))
    finally:
        _turns.release()


def _run(snapshot: Path, sql: str) -> bytes:
    request = json.dumps({"snapshot": str(snapshot.absolute()), "sql": sql, "rows": ROWS, "bytes": BYTES})
    # Isolated from the folder that the server was started in, and without its environment, which may hold secrets.
    command = [sys.executable, "-I", str(WORKER)]
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        completed = subprocess.run(  # noqa: S603  # our own program
            command,
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            cwd=Path(sys.prefix).anchor,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QueryProblem("slow", seconds=SECONDS) from None
    return completed.stdout


def _read(output: bytes) -> Answer:
    if not output:  # the operating system ended it: out of memory, or a fault of DuckDB's
        raise QueryProblem("failed")
    said = json.loads(output)
    if "problem" in said:
        raise QueryProblem(said["problem"], said.get("message", ""), **said["details"])
    columns = zip(*said["rows"], strict=True) if said["rows"] else ([] for _ in said["names"])
    series = {
        name: pd.Series(values, dtype=None if kind in ("BOOLEAN", "VARCHAR") else "float64" if None in values else None)
        for name, kind, values in zip(said["names"], said["kinds"], columns, strict=True)
    }
    return Answer(pd.DataFrame(series), said["more"])
