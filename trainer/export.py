"""`python -m trainer.export DIR`: the results as Parquet files, one a table, with what each column means inside."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.database import Connection, DamagedError, reading, tables_of
from trainer.datasets import DATA_FOLDER
from trainer.errors import FathomError
from trainer.interruption import stoppable
from trainer.store import Store

COMMENT = "comment"  # the key of a table's or a column's meaning in the metadata of its file
ROWS_AT_A_TIME = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.export",
        description="Writes the newest published results as Parquet files, one a table.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder for the files; made if it is not there")
    parser.add_argument("--data", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store")
    options = parser.parse_args(arguments)
    try:
        snapshot = Store(options.data).newest_snapshot()
        if snapshot is None:
            raise FathomError(
                f"There are no results in {options.data}: a file results-<UTC time>.duckdb was expected there or in "
                "its folder 'local'. Run 'python -m trainer', or give another folder with --data."
            )
        files = export(snapshot, options.folder)
    except FathomError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"Wrote {len(files)} tables of {snapshot.name} into {options.folder}.\n")
    return 0


def export(snapshot: Path, folder: Path) -> list[Path]:
    """Writes every table of a snapshot into `<folder>/<table>.parquet`, in place of what is there.

    Raises:
        FathomError: the snapshot cannot be read, or the folder cannot be written.
    """
    try:
        with reading(snapshot) as connection:
            folder.mkdir(parents=True, exist_ok=True)
            return [_write(connection, table, folder) for table in sorted(tables_of(connection))]
    except DamagedError as error:
        raise FathomError(
            f"{error} Move it away, and run the same command again: it takes the newest of the others."
        ) from error
    except OSError as error:
        raise FathomError(
            f"The files cannot be written into {folder} ({error}). Make room or make it writable, or give another "
            "folder."
        ) from error


def _write(connection: Connection, table: str, folder: Path) -> Path:
    """One table. It appears under its name only when it is complete."""
    target = folder / f"{table}.parquet"
    unfinished = target.with_suffix(".parquet.tmp")
    table_comment, comments = _comments(connection, table)
    reader = connection.sql(f'FROM "{table}"').to_arrow_reader(ROWS_AT_A_TIME)
    fields = [field.with_metadata({COMMENT: comments.get(field.name, "")}) for field in reader.schema]
    schema = pa.schema(fields, {COMMENT: table_comment})
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _comments(connection: Connection, table: str) -> tuple[str, dict[str, str]]:
    """What the store says that a table, and each of its columns, means."""
    ((of_table,),) = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = ?", [table]).fetchall()
    of_columns = connection.execute(
        "SELECT column_name, coalesce(comment, '') FROM duckdb_columns() WHERE table_name = ?", [table]
    ).fetchall()
    return of_table or "", dict(of_columns)


if __name__ == "__main__":
    raise SystemExit(stoppable(main))
