"""`python -m trainer.export`: what is in the files equals what is in the store."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from stores import cut_store

from trainer.export import COMMENT, main


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    cut_store(folder, "depth = 2 AND seed < 2 AND activation IN ('linear', 'sigmoid')")
    return folder


def test_every_table_is_written_value_by_value_with_its_meaning(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "out"), "--data", str(data)]) == 0
    (snapshot,) = data.glob("*.duckdb")
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        tables = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        assert {file.stem for file in (tmp_path / "out").iterdir()} == set(tables)
        for table, meaning in tables.items():
            file = tmp_path / "out" / f"{table}.parquet"
            assert connection.execute(
                f"SELECT count(*) FROM (FROM {table} EXCEPT ALL FROM '{file}') "
                f"UNION ALL SELECT count(*) FROM (FROM '{file}' EXCEPT ALL FROM {table})"
            ).fetchall() == [(0,), (0,)]
            schema = pq.read_schema(file)
            assert schema.metadata[COMMENT.encode()].decode() == meaning
            for name, comment in connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ?", [table]
            ).fetchall():
                assert schema.field(name).metadata[COMMENT.encode()].decode() == comment
    assert capsys.readouterr().out == f"Wrote {len(tables)} tables of {snapshot.name} into {tmp_path / 'out'}.\n"


def test_an_export_replaces_the_one_before(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run.parquet").write_text("older")
    assert main([str(tmp_path), "--data", str(data)]) == 0
    assert pq.read_table(tmp_path / "run.parquet").num_rows == 4
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("nothing", "There are no results in"),
        ("damage", "should be a store of Fathom, but it is damaged"),
        ("foreign", "is a DuckDB database, but not a store of Fathom"),
        ("a file", "The files cannot be written into"),
    ],
)
def test_what_cannot_be_exported_gets_one_sentence(
    data: Path, tmp_path: Path, trouble: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path, tmp_path / "out"
    file = tmp_path / "results-20260101T000000Z.duckdb"
    if trouble == "damage":
        file.write_text("not a database")
    elif trouble == "foreign":
        duckdb.connect(str(file)).close()
    elif trouble == "a file":
        folder = data
        out.write_text("")
    assert main([str(out), "--data", str(folder)]) == 2
    written = capsys.readouterr().err
    assert sentence in written
    assert written.count("\n") == 1
