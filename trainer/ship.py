"""`python -m trainer.ship`: makes the newest local snapshot the shipped one, less what the repository need not carry.

All is kept of the runs of `WHOLE`, whose distributions and maps the dashboard shows at every epoch that has them. Of
the grid's other runs the first and last epoch's histograms and singular values stay, and no matrix of a collapsed map:
these are most of the bytes, and can be trained anew. All other tables are shipped as they are, but for what belongs to
somebody's own runs.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

import duckdb

from trainer import snapshots
from trainer.database import TABLES, attach, connect, create_tables, first_line, reading, tables_of
from trainer.datasets import DATA_FOLDER
from trainer.errors import FathomError
from trainer.interruption import stoppable
from trainer.store import RUN_TABLES

WHOLE = ("question", "activations", "task")
PROFILES = ("layer_histogram", "singular_value")
GRID = "(SELECT run_id FROM source.run WHERE origin = 'grid')"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.ship", description="Makes the newest local snapshot the one that is shipped."
    )
    parser.add_argument(
        "--from", dest="source", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store"
    )
    parser.add_argument("--to", dest="target", type=Path, default=DATA_FOLDER, metavar="DIR", help="where to ship it")
    options = parser.parse_args()
    try:
        shipped = ship(options.source, options.target)
    except FathomError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(
        f"Shipped as {shipped}, {shipped.stat().st_size / 1e6:.1f} MB. Commit it in place of the others.\n"
    )
    return 0


def ship(source: Path, target: Path) -> Path:
    """Writes the newest snapshot in `source`/local into `target` under its own name, and removes older ones there.

    Raises:
        FathomError: there is no local snapshot, it cannot be read, or the target cannot be written.
    """
    found = snapshots.in_folders(source / "local")
    if not found:
        raise FathomError(
            f"A snapshot results-<UTC time>.duckdb was expected in {source / 'local'}, but there is none. Run "
            "'python -m trainer' first, or name another folder with --from."
        )
    newest = found[0]
    shipped = target / newest.name
    unfinished = shipped.with_suffix(".duckdb.tmp")
    try:
        unfinished.unlink(missing_ok=True)
        with reading(newest):  # says what is wrong with it, where something is
            pass
        _copy(newest, unfinished)
        unfinished.rename(shipped)
        for older in snapshots.in_folders(target):
            if older.name < shipped.name:
                older.unlink()
    except (OSError, duckdb.Error) as error:
        raise FathomError(
            f"{shipped} cannot be written ({first_line(error)}). Make room, or make the folder writable."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return shipped


def _copy(source: Path, target: Path) -> None:
    with closing(connect(target)) as connection:
        create_tables(connection, published=snapshots.time_of(source))
        attach(connection, source, "source", read_only=True)
        connection.execute(
            "CREATE TEMP TABLE whole AS SELECT DISTINCT run_id FROM source.study_run "
            "WHERE list_contains(?::VARCHAR[], study)",
            [list(WHOLE)],
        )
        for name in (table for table in TABLES if table in tables_of(connection, "source")):
            connection.execute(f"INSERT INTO {name} BY NAME {_shipped_part(name)} ORDER BY ALL")  # names of our own
        connection.execute("DETACH source")
        connection.execute("CHECKPOINT")  # or closing leaves in the log, silently, what a full disk does not take


def _shipped_part(name: str) -> str:
    if name in PROFILES:
        return (
            f"SELECT part.* FROM source.{name} part JOIN source.run USING (run_id) "
            "WHERE origin = 'grid' AND (run_id IN (FROM whole) OR epoch IN (0, epochs))"
        )
    if name == "collapsed_map":
        kept = ", ".join(f"CASE WHEN run_id IN (FROM whole) THEN {part} END AS {part}" for part in ("matrix", "bias"))
        return f"SELECT * REPLACE ({kept}) FROM source.collapsed_map"
    if name in RUN_TABLES:
        return f"SELECT * FROM source.{name} SEMI JOIN {GRID} USING (run_id)"
    return f"SELECT * FROM source.{name}"


if __name__ == "__main__":
    raise SystemExit(stoppable(main))
