"""Small stores for tests, cut out of the shipped one, so that they hold real measurements."""

from pathlib import Path

import duckdb

from trainer.database import SCHEMA, SCHEMA_VERSION
from trainer.store import RUN_TABLES

PROJECT = Path(__file__).parents[1]


def shipped_snapshot() -> Path:
    return max((PROJECT / "data").glob("results-*.duckdb"), key=lambda path: path.name)


QUESTION = "run_id IN (SELECT run_id FROM shipped.study_run WHERE study IN ('question', 'activations'))"
EVERYTHING = "true"


def cut_store(
    folder: Path, condition: str, name: str = "results-20260101T000000Z.duckdb", among: str = QUESTION
) -> Path:
    """A snapshot with the shipped runs that meet a condition on the table `run`, and all that belongs to them; of the
    question's two studies alone, unless `among` says otherwise."""
    file = folder / name
    condition = f"{condition} AND {among}"
    with duckdb.connect(str(file)) as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        connection.execute(f"ATTACH '{shipped_snapshot()}' AS shipped (READ_ONLY)")
        connection.execute("INSERT INTO store SELECT ?, published FROM shipped.store", [SCHEMA_VERSION])
        for table in ("provenance", "study"):
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM shipped.{table}")
        shipped = {name for (name,) in connection.execute("SHOW TABLES FROM shipped").fetchall()}
        for table in (name for name in RUN_TABLES if name in shipped):  # a table may be younger than what is shipped
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * FROM shipped.{table} "
                f"WHERE run_id IN (SELECT run_id FROM shipped.run WHERE {condition})"
            )
        connection.execute(
            "INSERT INTO study_run BY NAME SELECT * FROM shipped.study_run WHERE run_id IN (SELECT run_id FROM run)"
        )
    return file
