"""Opens DuckDB files: waits for their lock, tells damage from a file that is merely in use or somebody else's, and
commits all or nothing."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

import duckdb

from trainer.blocks import HEADERS
from trainer.errors import FathomError
from trainer.snapshots import time_of

SCHEMA = Path(__file__).with_name("schema.sql")
SCHEMA_VERSION = 2
TABLES = (
    "study",
    "study_run",
    "provenance",
    "run",
    "own_layer",
    "own_note",
    "failure",
    "epoch_metric",
    "layer_stat",
    "layer_histogram",
    "singular_value",
    "collapsed_map",
    "confusion",
)
LOCK_PATIENCE = 60.0  # seconds: an append of another process takes well under one, a publication a few

Used = TypeVar("Used")
Connection = duckdb.DuckDBPyConnection
Layout = frozenset[tuple[str, str, str, bool]]  # table, column, type, whether it may be NULL


class DamagedError(FathomError):
    """A file should hold a store, and its bytes are not what DuckDB once wrote."""


@contextmanager
def reading(file: Path) -> Iterator[Connection]:
    """A store, opened for reading; it has the tables 'store' and 'run', of this schema or an earlier one.

    Raises:
        DamagedError: it is damaged, or turns out to be while it is read.
        FathomError: it is not a store that this trainer reads, or it may not be read.
    """
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise FathomError(
            f"{file} should be a store of Fathom, but it cannot be read ({error.strerror}). Move it away, or make it "
            "readable, and run the trainer again."
        ) from error
    try:
        with _interruptible(), closing(connect(file, read_only=True)) as connection:
            check_length(connection, file, exactly=time_of(file) is not None)
            check_schema(connection, file)
            yield connection
    except duckdb.Error as error:
        raise _explained(file, error) from error


@contextmanager
def writing(file: Path) -> Iterator[Connection]:
    """A store, opened for writing for a moment.

    Raises:
        FathomError: it cannot be written. What it held before is still there.
    """
    try:
        with _interruptible(), closing(connect(file)) as connection:
            yield connection
    except duckdb.Error as error:
        raise FathomError(
            f"{file} cannot be written ({first_line(error)}). What was stored before is kept. Make sure that there is "
            "room on the disk and that the folder may be written, and run the same command again."
        ) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """A signal that ends one of DuckDB's queries becomes an error of DuckDB's own: here it is what it was."""
    try:
        yield
    except RuntimeError as error:
        if "Query interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise


def connect(file: Path, read_only: bool = False) -> Connection:
    return with_lock(file, lambda: duckdb.connect(str(file), read_only=read_only))


def attach(connection: Connection, file: Path, name: str, read_only: bool = False) -> None:
    quoted = str(file).replace("'", "''")
    statement = f"ATTACH '{quoted}' AS {name} {'(READ_ONLY)' if read_only else ''}"
    with_lock(file, lambda: connection.execute(statement))


def with_lock(file: Path, use: Callable[[], Used]) -> Used:
    """Does what takes the lock of a file, waiting for a bounded time while another process holds it."""
    deadline = time.monotonic() + LOCK_PATIENCE
    pause = 0.01
    while True:
        try:
            return use()
        except (duckdb.IOException, BlockingIOError) as error:
            if isinstance(error, duckdb.IOException) and "could not set lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise FathomError(
                    f"{file} has been in use by another process for {LOCK_PATIENCE:.0f} seconds. Close the program "
                    "that has it open, and run the trainer again."
                ) from error
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, so that two waiting processes take turns
        pause = min(pause * 2, 1.0)


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a commit that failed has already been rolled back
            connection.execute("ROLLBACK")
        raise


def create_tables(connection: Connection, published: datetime | None) -> None:
    """Best within a transaction: each comment would be one of its own."""
    connection.execute(SCHEMA.read_text(encoding="utf-8"))
    connection.execute("INSERT INTO store VALUES (?, ?)", [SCHEMA_VERSION, published])


def renew_comments(connection: Connection) -> None:
    """Gives tables that were made by an earlier `schema.sql` the comments that it has now."""
    rows = connection.execute(
        "SELECT comment FROM duckdb_tables() UNION SELECT comment FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    present = {comment for (comment,) in rows}
    for statement in _schema_statements(connection):
        comment = statement.query.partition(" IS '")[2].rstrip("; \n").removesuffix("'").replace("''", "'")
        if not _makes_a_table(statement) and comment not in present:
            connection.execute(statement)


def tables_of(connection: Connection, catalog: str | None = None) -> set[str]:
    """The tables of the connection's own store, or of one that is attached to it."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = coalesce(?, current_database())", [catalog]
    ).fetchall()
    return {name for (name,) in rows}


def has_current_layout(connection: Connection) -> bool:
    """Whether the tables and columns are those of `schema.sql`: a column may be added within one schema version."""
    return _layout(connection) == _current_layout()


def _layout(connection: Connection) -> Layout:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal"
    ).fetchall()
    return frozenset(rows)


@cache
def _current_layout() -> Layout:
    with duckdb.connect() as connection:
        for statement in filter(_makes_a_table, _schema_statements(connection)):  # the comments would take far longer
            connection.execute(statement)
        return _layout(connection)


def _schema_statements(connection: Connection) -> list[duckdb.Statement]:
    return connection.extract_statements(SCHEMA.read_text(encoding="utf-8"))


def _makes_a_table(statement: duckdb.Statement) -> bool:
    return statement.type == duckdb.StatementType.CREATE


def columns_of(table: str) -> list[str]:
    """The columns of a table, as the schema has them."""
    return [column for name, column, _, _ in sorted(_current_layout()) if name == table]


def check_schema(connection: Connection, file: Path) -> None:
    """Raises FathomError where a file is a DuckDB database, but not a store that this trainer can take over: one of its
    own schema or of an earlier one."""
    try:
        if not {"store", "run"} <= tables_of(connection):
            raise duckdb.CatalogException("it lacks a table")
        rows = connection.execute("SELECT schema_version FROM store").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:  # no such table, no such column
        raise FathomError(
            f"{file} is a DuckDB database, but not a store of Fathom (it should have the tables 'store' and 'run'). "
            "Move it away, or give another folder with --data."
        ) from error
    version = rows[0][0] if rows else None
    if version is None or version > SCHEMA_VERSION:
        raise FathomError(
            f"{file} has schema version {version}, but this trainer works with versions up to {SCHEMA_VERSION}. Use "
            "the version of Fathom that wrote it, or give another folder with --data."
        )


def read_everything(connection: Connection) -> None:
    """Reads every value once: DuckDB checks a block when it reads it, and not before."""
    for name in tables_of(connection):
        connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {name}").fetchall()  # noqa: S608  # a name it gave us


def whole_length(connection: Connection) -> int:
    """Bytes of the connection's file with all the blocks that its header counts: DuckDB cuts off free ones at the end,
    and goes on counting them."""
    row = connection.execute("SELECT block_size * total_blocks FROM pragma_database_size()").fetchone()
    return HEADERS + (int(row[0]) if row else 0)


def check_length(connection: Connection, file: Path, exactly: bool) -> None:
    """Raises duckdb.IOException where a file was cut off: DuckDB opens one, and fails on what is missing.

    Args:
        exactly: whether to look for the last block that is in use, rather than to count those that are: of a file with
            free blocks among them as many might be missing. Takes longer, but for a file of its whole length.
    """
    size = file.stat().st_size
    if size >= whole_length(connection):
        return
    row = connection.execute("SELECT block_size, used_blocks FROM pragma_database_size()").fetchone()
    block_size, blocks = row or (1, 0)
    if exactly:
        blocks = max(blocks, _last_block(connection) + 1)
    if size < HEADERS + block_size * blocks:
        raise duckdb.IOException("it is shorter than the blocks that its header counts")


def _last_block(connection: Connection) -> int:
    """The number of the last block, of 0, 1, …, that holds a part of a table."""
    last = -1
    for name in tables_of(connection):
        row = connection.execute("SELECT max(block_id) FROM pragma_storage_info(?)", [name]).fetchone()
        last = max(last, row[0] if row and row[0] is not None else -1)
    return last


def _explained(file: Path, error: duckdb.Error) -> FathomError:
    reason = first_line(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return FathomError(f"{file} could not be read to its end ({reason}). Free some memory, and run it again.")
    if "storage version" in reason:
        return FathomError(
            f"{file} was written by another version of DuckDB ({reason}). Install that version, or give another "
            "folder with --data."
        )
    return DamagedError(f"{file} should be a store of Fathom, but it is damaged ({reason}).")


def first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
