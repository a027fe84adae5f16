"""Finds the newest published snapshot and opens it for reading."""

import re
from functools import lru_cache
from pathlib import Path

import duckdb

DATA_FOLDER = Path(__file__).parents[1] / "data"
SCHEMA_VERSION = 2
HEADERS = 3 * 4_096  # bytes of a DuckDB file before its first block
SNAPSHOT_NAME = re.compile(r"results-\d{8}T\d{6}Z\.duckdb")


class SnapshotError(Exception):
    """There is no store to read. `reason` is a key of the section `problem` of the texts; `details` fill that text."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


def newest_readable(folder: Path) -> tuple[Path, list[SnapshotError]]:
    """The latest snapshot that can be read, and what was wrong with any later one.

    Raises:
        SnapshotError: none can be read.
    """
    problems: list[SnapshotError] = []
    for path in _snapshots(folder):
        try:
            check(path)
        except SnapshotError as problem:
            if not path.exists():  # newer ones were published since it was found, and its day was over
                return newest_readable(folder)
            problems.append(problem)
        else:
            return path, problems
    raise problems[0] if problems else SnapshotError("missing", folder=folder.name)


def newest_name(folder: Path) -> str | None:
    """The latest name, whether or not the file can be read: enough to notice that there is a new one."""
    return next((path.name for path in _snapshots(folder)), None)


def _snapshots(folder: Path) -> list[Path]:
    """Shipped or published on this machine, the latest name first."""
    found = [path for place in (folder, folder / "local") for path in place.glob("results-*.duckdb")]
    named = (path for path in found if SNAPSHOT_NAME.fullmatch(path.name))
    return sorted(named, key=lambda path: path.name, reverse=True)


@lru_cache(maxsize=16)
def check(path: Path) -> None:
    """Raises SnapshotError unless the file is a store of this schema with at least one run. Snapshots never change,
    so that one look at each is enough."""
    try:
        connection = connect(path)
        if _is_cut_off(connection, path.stat().st_size):
            raise SnapshotError("damaged", file=path.name)
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not {"store", "run"} <= tables:
            raise SnapshotError("foreign", file=path.name)
        row = connection.execute("SELECT schema_version FROM store").fetchone()
        if row is None or row[0] != SCHEMA_VERSION:
            came = row[0] if row else None
            raise SnapshotError("other_schema", file=path.name, came=came, expected=SCHEMA_VERSION)
        runs = connection.execute("SELECT count(*) FROM run").fetchone()
        if runs is None or runs[0] == 0:
            raise SnapshotError("empty", file=path.name)
    except (duckdb.Error, OSError) as error:
        raise SnapshotError("damaged", file=path.name) from error


def _is_cut_off(connection: duckdb.DuckDBPyConnection, size: int) -> bool:
    """Whether a file of so many bytes was longer once: DuckDB opens it, and fails when it reads what is missing.

    A snapshot is as long as all blocks that it counts. Of an earlier one free blocks at the end may be missing, which
    DuckDB had cut off itself: there the last block that a table uses must be."""
    row = connection.execute("SELECT block_size, used_blocks, total_blocks FROM pragma_database_size()").fetchone()
    block, used, every = row or (0, 0, 0)
    if size >= HEADERS + block * every:
        return False
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    last = max((_last_block(connection, name) for (name,) in tables), default=-1)
    return bool(size < HEADERS + block * max(used, last + 1))


def _last_block(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute("SELECT max(block_id) FROM pragma_storage_info(?)", [table]).fetchone()
    return -1 if row is None or row[0] is None else int(row[0])


@lru_cache(maxsize=4)
def _connection(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), read_only=True, config={"enable_external_access": False, "threads": 2})


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A cursor of its own for each caller: a DuckDB connection must not be shared between threads."""
    return _connection(path).cursor()
