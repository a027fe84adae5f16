"""Copies of a whole store: a work file starts as one of the newest snapshot, and a snapshot is one of the work file.

A file is copied as it is, in a small part of the time that writing its rows anew takes. That is only done to bring a
work file into order again, whose runs were appended as they came.
"""

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb

from trainer.blocks import lengthen
from trainer.database import (
    SCHEMA_VERSION,
    TABLES,
    Connection,
    attach,
    check_length,
    connect,
    create_tables,
    has_current_layout,
    renew_comments,
    transaction,
    whole_length,
)

# Runs that may stand elsewhere than their run_id would have them. Beside the shipped 2,315 runs, 100 that were appended
# one by one make a file 7 % larger (5 MB) than a sorted one, 500 make it 40 % larger; queries take as long as before.
# An empty store, to which 100 runs were added, has 8 MB instead of 5.
OUT_OF_ORDER = 100
FREE_BLOCKS = 40  # 10 MB that nothing is in; appending leaves up to 20, and what was removed may leave any number


def stamp(file: Path, published: datetime | None) -> None:
    """Makes a file that was copied from another a store of its own.

    Args:
        published: UTC time at which it is published as a snapshot; None for a work file.

    Raises:
        duckdb.Error: it was cut off, or has not the layout of `schema.sql`, or cannot be written.
    """
    with closing(connect(file)) as connection:
        check_length(connection, file, exactly=True)
        if not has_current_layout(connection):
            raise duckdb.CatalogException("it has not the tables and columns of this version")
        if connection.execute("SELECT schema_version FROM store").fetchall() != [(SCHEMA_VERSION,)]:
            raise duckdb.CatalogException("it has another schema version")
        with transaction(connection):
            renew_comments(connection)
            connection.execute("UPDATE store SET published = ?", [published])
        length = whole_length(connection)
        connection.execute("CHECKPOINT")  # on a full disk this fails; closing would leave the rest in the log
        length = max(length, whole_length(connection))
    if published:  # what DuckDB has cut off, so that it is noticed where anything else is
        lengthen(file, length)


def copy_in_order(source: Path, target: Path) -> None:
    """Writes all rows of a work file into a new one, sorted, so that it compresses well and a query for a few runs
    reads a small part of it.

    Raises:
        duckdb.Error: the source is damaged, or the target cannot be written.
    """
    with closing(connect(target)) as connection:
        attach(connection, source, "source", read_only=True)
        with transaction(connection):
            create_tables(connection, published=None)
            for name in TABLES:
                connection.execute(
                    f"INSERT INTO {name} BY NAME SELECT * FROM source.{name} ORDER BY ALL"  # noqa: S608  # from TABLES
                )
        connection.execute("DETACH source")
        connection.execute("CHECKPOINT")


def is_in_order(connection: Connection) -> bool:
    """Whether few runs of a work file stand after one with a larger run_id, and few of its blocks are free."""
    row = connection.execute(
        "SELECT free_blocks, (SELECT count(*) FROM "
        "(SELECT run_id < max(run_id) OVER (ORDER BY rowid) AS late FROM run) WHERE late) FROM pragma_database_size()"
    ).fetchone()
    return row is not None and row[0] <= FREE_BLOCKS and row[1] <= OUT_OF_ORDER


def with_log(file: Path) -> tuple[Path, Path]:
    """A DuckDB file and its write-ahead log, which belong together."""
    return file, file.with_name(file.name + ".wal")


def remove(file: Path) -> None:
    for path in with_log(file):
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
