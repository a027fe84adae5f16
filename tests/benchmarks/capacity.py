"""What appending and publishing cost when the store is large.

    python tests/benchmarks/capacity.py [--runs 500 10000] [--json]

The store is filled with copies of a shipped run of nine hidden layers, everything that was recorded of it, whose
numbers are shaken a little so that they compress like those of so many runs. 10,000 of them take some minutes and
several gigabytes of disk.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # before this folder, whose dashboard.py is another

import duckdb
import pyarrow as pa

from dashboard import queries
from dashboard.snapshots import DATA_FOLDER, connect, newest_readable
from trainer.database import writing
from trainer.store import RUN_TABLES, Store

COHORT = 4
TEMPLATE = "SELECT run_id FROM run WHERE origin = 'grid' AND depth = 9 AND status = 'finished' ORDER BY run_id LIMIT 1"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures appending and publishing.")
    parser.add_argument("--runs", type=int, nargs="+", default=[500, 10_000], metavar="N", help="sizes of the store")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.prepare()
        rows = [measure(store, runs) for runs in sorted(options.runs)]
    if options.json:
        print(json.dumps(rows))
        return
    for name in rows[0]:
        print(
            f"{name:<24}" + "".join(f"{row[name]:>14,.3g}" if name != "runs" else f"{row[name]:>14,}" for row in rows)
        )


def measure(store: Store, runs: int) -> dict[str, float]:
    fill(store, runs)
    cohort = cohort_from(store, runs)
    figures: dict[str, float] = {
        "runs": runs,
        "append_s": seconds(lambda: store.append(cohort)),
        "publish_s": seconds(lambda: store.publish()),
        "prepare_s": seconds(lambda: store.prepare()),
        "finished_runs_s": seconds(lambda: store.finished_runs()),
    }
    snapshot = newest_of(store)
    figures["open_s"] = seconds(lambda: queries.store_facts(newest_readable(store.folder)[0]))
    for table in ("epoch_metric", "layer_stat", "layer_histogram"):
        counted = connect(snapshot).execute(f"SELECT count(*) FROM {table}").fetchone()
        figures[f"rows of {table}"] = counted[0] if counted else 0
    figures["snapshot_mb"] = snapshot.stat().st_size / 1e6
    figures["work_file_mb"] = store.work_file.stat().st_size / 1e6
    figures["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return figures


def newest_of(store: Store) -> Path:
    snapshot = store.newest_snapshot()
    assert snapshot is not None
    return snapshot


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fill(store: Store, runs: int, at_a_time: int = 500) -> None:
    """Copies, until there are so many runs but for one cohort."""
    shipped, _ = newest_readable(DATA_FOLDER)
    first = len(store.runs_at_work())
    while first < runs - COHORT:
        last = min(first + at_a_time, runs - COHORT)
        with writing(store.work_file) as connection:
            connection.execute(f"ATTACH '{shipped}' AS shipped (READ_ONLY)")
            if first == 0:
                connection.execute("INSERT INTO provenance BY NAME SELECT * FROM shipped.provenance")
            for table in RUN_TABLES:
                connection.execute(f"INSERT INTO {table} BY NAME {copies(connection, table, first, last)}")
        first = last


def cohort_from(store: Store, runs: int) -> dict[str, pa.Table]:
    shipped, _ = newest_readable(DATA_FOLDER)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{shipped}' AS shipped (READ_ONLY)")
        return {
            table: connection.sql(copies(connection, table, runs - COHORT, runs)).to_arrow_table()
            for table in RUN_TABLES
        }


def copies(connection: duckdb.DuckDBPyConnection, table: str, first: int, last: int) -> str:
    """A query for copies of the template's rows, with names of their own and each number shaken by up to 1 %."""
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'shipped' AND table_name = ?",
        [table],
    ).fetchall()
    shaken = [
        f'"{name}" * (1 + 0.01 * random()) AS "{name}"' if kind in ("FLOAT", "DOUBLE") else f'"{name}"'
        for name, kind in columns
        if name != "run_id"
    ]
    template = TEMPLATE.replace("FROM run", "FROM shipped.run")
    return (
        f"SELECT 'copy ' || copy AS run_id, {', '.join(shaken)} FROM range({first}, {last}) AS copies(copy) "
        f"CROSS JOIN (SELECT * FROM shipped.{table} WHERE run_id = ({template}))"
    )


if __name__ == "__main__":
    main()
