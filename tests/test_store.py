"""The store keeps what was measured: whole, once, and readable whatever happens while it is written."""

import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from training import Trained, only, trained

from trainer import database
from trainer.database import SCHEMA, SCHEMA_VERSION, TABLES
from trainer.errors import FathomError
from trainer.store import RUN_TABLES, Store
from trainer.study import Study

KEYS = ("run_id", "study", "provenance_id", "epoch", "layer", "split", "quantity", "actual", "predicted")


@pytest.fixture(scope="module")
def cohort() -> Trained:
    return trained(activation="linear")  # the one with a collapsed map: it fills every table


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "data")
    made.prepare()
    return made


def read(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def run_ids(file: Path) -> set[str]:
    return {run_id for (run_id,) in read(file, "SELECT run_id FROM run")}


def rows_of(file: Path, table: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sorted_by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: [row[key] for key in KEYS if key in row])


def same(received: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return len(received) == len(expected) and all(map(same, received, expected))
    if isinstance(expected, float):  # most are stored in single precision
        return math.isclose(received, expected, rel_tol=1e-6, abs_tol=1e-37)
    return bool(received == expected)


def study_of(cohort: Trained, name: str = "small") -> Study:
    return Study(name, "Why?", f"# {name}", cohort.runs)


def snapshots(store: Store) -> list[str]:
    return sorted(path.name for path in store.local.iterdir() if path.name not in ("work.duckdb", "work.lock"))


def test_what_is_appended_is_read_from_the_snapshot(store: Store, cohort: Trained) -> None:
    store.remember_studies([study_of(cohort)])
    store.append(cohort.tables)
    snapshot = store.publish()
    for table, expected in cohort.tables.items():
        received = sorted_by_key(rows_of(snapshot, table))
        rows = sorted_by_key(expected.to_pylist())
        assert len(received) == len(rows) > 0
        for got, row in zip(received, rows, strict=True):
            for name, value in row.items():
                assert same(got[name], value), (table, name)
            assert all(got[name] is None for name in got.keys() - row.keys())  # what was not measured is NULL
    assert read(snapshot, "SELECT * FROM study") == [("small", "# small")]
    assert set(read(snapshot, "SELECT * FROM study_run")) == {("small", run.run_id) for run in cohort.runs}
    ((version, published),) = read(snapshot, "SELECT schema_version, published FROM store")
    assert version == SCHEMA_VERSION
    assert snapshot.name == f"results-{published:%Y%m%dT%H%M%SZ}.duckdb"


def test_every_table_of_the_schema_is_written_or_known_not_to_be(cohort: Trained) -> None:
    with duckdb.connect() as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables == {"store", *TABLES}
    assert set(cohort.tables) == set(TABLES) - {"study", "study_run", "failure", "own_layer", "own_note"}


def test_every_table_and_column_has_a_comment() -> None:
    with duckdb.connect() as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        bare = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND coalesce(comment, '') = '' "
            "UNION ALL SELECT table_name, '' FROM duckdb_tables() WHERE NOT internal AND coalesce(comment, '') = ''"
        ).fetchall()
    assert bare == []


def test_comments_travel_with_the_snapshot(store: Store) -> None:
    comments = read(store.publish(), "SELECT comment FROM duckdb_columns() WHERE column_name = 'delta_rms'")
    assert comments[0][0].startswith("Root mean square of δ")


def test_publishing_is_atomic_and_leaves_nothing_unfinished(store: Store, cohort: Trained) -> None:
    store.append(cohort.tables)
    published = store.publish()
    assert snapshots(store) == [published.name]


def test_a_snapshot_that_fails_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = store.publish()
    shutil.copy(store.work_file, store.work_file.with_suffix(".kept"))
    store.work_file.write_bytes(b"damaged")
    with pytest.raises(FathomError, match=r"could not be published.*What is trained is kept"):
        store.publish()
    assert snapshots(store) == [earlier.name, "work.kept"]
    assert store.work_file.read_bytes() == b"damaged"


def test_what_a_killed_publisher_left_is_removed_by_the_next(store: Store) -> None:
    for name in ("results-20200101T000000Z.duckdb.tmp", "results-20200101T000000Z.duckdb.tmp.wal"):
        (store.local / name).write_bytes(b"half")
    published = store.publish()
    assert snapshots(store) == [published.name]


def test_the_last_three_local_snapshots_are_kept(store: Store) -> None:
    published = [store.publish().name for _ in range(5)]
    assert published == sorted(set(published))
    assert snapshots(store) == published[-3:]


def test_a_shipped_snapshot_is_never_pruned(store: Store) -> None:
    shipped = store.folder / "results-20200101T000000Z.duckdb"
    store.publish().rename(shipped)
    for _ in range(4):
        store.publish()
    assert shipped.exists()


def test_the_next_snapshot_is_later_even_when_the_clock_is_behind(store: Store) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    ahead = store.folder / f"results-{tomorrow:%Y%m%dT%H%M%SZ}.duckdb"
    store.publish().rename(ahead)
    assert store.publish().name == f"results-{tomorrow + timedelta(seconds=1):%Y%m%dT%H%M%SZ}.duckdb"


def test_the_newest_snapshot_is_the_one_with_the_latest_name_wherever_it_is(store: Store) -> None:
    assert store.newest_snapshot() is None
    for folder, name in (
        (store.folder, "results-20250101T000000Z.duckdb"),
        (store.local, "results-20260101T000000Z.duckdb"),
        (store.folder, "results-20240101T000000Z.duckdb"),
        (store.local, "results-20270101T000000Z.duckdb.tmp"),
        (store.local, "results-99999999T999999Z.duckdb"),  # digits, but no date
        (store.folder, "results-latest.duckdb"),
    ):
        (folder / name).touch()
    assert store.newest_snapshot() == store.local / "results-20260101T000000Z.duckdb"


def test_appending_a_run_twice_keeps_the_first(store: Store, cohort: Trained) -> None:
    first, second = (run.run_id for run in cohort.runs)
    store.append(only(cohort.tables, first))
    counts = {table: len(rows_of(store.work_file, table)) for table in TABLES}
    store.append(only(cohort.tables, first))
    assert {table: len(rows_of(store.work_file, table)) for table in TABLES} == counts
    store.append(cohort.tables)
    assert run_ids(store.work_file) == {first, second}
    for table in RUN_TABLES:
        assert len(rows_of(store.work_file, table)) == 2 * counts[table] or table == "confusion"


def with_seconds(tables: dict[str, pa.Table], seconds: float) -> dict[str, pa.Table]:
    run = tables["run"]
    column = run.column_names.index("seconds")
    return {**tables, "run": run.set_column(column, "seconds", pa.array([seconds] * len(run)))}


def test_a_run_that_is_trained_anew_replaces_the_old_one(store: Store, cohort: Trained) -> None:
    store.append(with_seconds(cohort.tables, 1.0))
    before = {table: len(rows_of(store.work_file, table)) for table in TABLES}
    store.append(with_seconds(only(cohort.tables, cohort.runs[0].run_id), 2.0), replace=True)
    assert {table: len(rows_of(store.work_file, table)) for table in TABLES} == before
    seconds = dict(read(store.work_file, "SELECT run_id, seconds FROM run"))
    assert seconds == {cohort.runs[0].run_id: 2.0, cohort.runs[1].run_id: 1.0}


def test_a_cohort_is_stored_whole_or_not_at_all(store: Store, cohort: Trained) -> None:
    broken = dict(cohort.tables)
    broken["confusion"] = broken["confusion"].drop_columns(["count"])  # NOT NULL, and the last table
    with pytest.raises(FathomError, match=r"work\.duckdb.*cannot be written"):
        store.append(broken)
    assert all(rows_of(store.work_file, table) == [] for table in TABLES)
    store.append(cohort.tables)  # and the store can still be used
    assert len(run_ids(store.work_file)) == 2


def test_a_replacement_that_fails_keeps_the_old_run(store: Store, cohort: Trained) -> None:
    store.append(cohort.tables)
    broken = {**cohort.tables, "confusion": cohort.tables["confusion"].drop_columns(["count"])}
    with pytest.raises(FathomError):
        store.append(broken, replace=True)
    assert run_ids(store.work_file) == {run.run_id for run in cohort.runs}


@pytest.fixture
def shipped(tmp_path: Path, cohort: Trained) -> Store:
    """A fresh clone: one snapshot with both runs and their study, and nothing local."""
    maker = Store(tmp_path / "maker")
    maker.prepare()
    maker.remember_studies([study_of(cohort)])
    maker.append(cohort.tables)
    clone = Store(tmp_path / "clone")
    clone.folder.mkdir()
    shutil.copy(maker.publish(), clone.folder)
    return clone


def test_a_fresh_clone_knows_what_is_finished_without_making_a_file(shipped: Store, cohort: Trained) -> None:
    assert shipped.finished_runs() == {run.run_id for run in cohort.runs}
    assert not shipped.must_publish([study_of(cohort)])
    assert shipped.must_publish([study_of(cohort), study_of(cohort, "another")])
    assert not shipped.local.exists()


def test_the_work_file_starts_from_the_newest_snapshot(shipped: Store, cohort: Trained) -> None:
    snapshot = shipped.newest_snapshot()
    assert snapshot is not None
    shipped.prepare()
    for table in {*RUN_TABLES, "provenance", "study", "study_run"} - {"own_layer", "own_note"}:
        expected = sorted_by_key(rows_of(snapshot, table))
        assert sorted_by_key(rows_of(shipped.work_file, table)) == expected != []


def test_a_newer_shipped_snapshot_brings_the_runs_that_are_lacking(shipped: Store, cohort: Trained) -> None:
    local, pulled = (run.run_id for run in cohort.runs)
    snapshot = shipped.newest_snapshot()
    assert snapshot is not None
    aside = snapshot.rename(snapshot.with_suffix(".aside"))
    shipped.prepare()
    shipped.append(with_seconds(only(cohort.tables, local), 123.0))
    own_study = Study("own", "Why?", "# own", cohort.runs[:1])
    shipped.remember_studies([own_study])
    aside.rename(snapshot)
    shipped.prepare()
    shipped.prepare()  # once more changes nothing
    assert run_ids(shipped.work_file) == {local, pulled}
    assert read(shipped.work_file, f"SELECT seconds FROM run WHERE run_id = '{local}'") == [(123.0,)]
    assert len(rows_of(shipped.work_file, "epoch_metric")) == len(cohort.tables["epoch_metric"])
    assert read(shipped.work_file, "SELECT study FROM study ORDER BY study") == [("own",), ("small",)]
    assert len(rows_of(shipped.work_file, "study_run")) == 3


def test_a_study_that_asks_for_other_runs_replaces_what_it_asked_before(store: Store, cohort: Trained) -> None:
    store.remember_studies([study_of(cohort)])
    shorter = Study("small", "Why?", "# shorter", cohort.runs[:1])
    store.remember_studies([shorter])
    assert read(store.work_file, "SELECT * FROM study") == [("small", "# shorter")]
    assert read(store.work_file, "SELECT run_id FROM study_run") == [(cohort.runs[0].run_id,)]
    store.append(cohort.tables)
    store.publish()
    assert not store.must_publish([shorter])
    assert store.must_publish([study_of(cohort)])
    assert store.must_publish([Study("small", "Why, then?", "# shorter, and asked otherwise", shorter.runs)])


def test_unpublished_runs_are_noticed(store: Store, cohort: Trained) -> None:
    store.append(cohort.tables)
    assert store.must_publish([])
    store.publish()
    assert not store.must_publish([])


# A store of an earlier schema is taken over: columns by name, its default where one was not known yet.


def to_first_schema(file: Path) -> None:
    """Takes from a store what the second version of the schema brought."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP TABLE failure")
        connection.execute("ALTER TABLE layer_histogram ADD COLUMN edges FLOAT[]")
        connection.execute(
            "UPDATE layer_histogram "
            "SET edges = list_transform(range(32), lambda i: low + (high - low) * i / 32) || [high]"
        )
        for column in ("low", "high"):
            connection.execute(f"ALTER TABLE layer_histogram DROP COLUMN {column}")
        for column in ("sweep", "validation_size", "output", "bias_initializer"):  # these had one value each
            connection.execute(f"ALTER TABLE run DROP COLUMN {column}")
        connection.execute("ALTER TABLE run ALTER COLUMN dataset SET NOT NULL")
        connection.execute("ALTER TABLE provenance DROP COLUMN device")
        connection.execute("UPDATE store SET schema_version = 1")


def contents(file: Path) -> dict[str, list[dict[str, Any]]]:
    return {table: sorted_by_key(rows_of(file, table)) for table in TABLES}


def test_a_work_file_of_an_earlier_schema_is_brought_up_to_date_with_all_that_it_holds(
    store: Store, cohort: Trained
) -> None:
    store.remember_studies([study_of(cohort)])
    store.append(only(cohort.tables, cohort.runs[0].run_id))
    before = contents(store.work_file)
    to_first_schema(store.work_file)
    store.prepare()
    assert contents(store.work_file) == before
    assert read(store.work_file, "SELECT * FROM store") == [(SCHEMA_VERSION, None)]
    store.append(cohort.tables)
    assert run_ids(store.publish()) == {run.run_id for run in cohort.runs}


def test_a_snapshot_of_an_earlier_schema_is_taken_over_and_published_anew(shipped: Store) -> None:
    snapshot = shipped.newest_snapshot()
    assert snapshot is not None
    before = contents(snapshot)
    to_first_schema(snapshot)
    assert shipped.must_publish([])
    shipped.prepare()
    published = shipped.publish()
    assert contents(published) == before
    assert read(published, "SELECT schema_version FROM store") == [(SCHEMA_VERSION,)]
    assert read(snapshot, "SELECT schema_version FROM store") == [(1,)]
    assert not shipped.must_publish([])


def test_a_work_file_that_lacks_a_newer_column_gets_it_within_the_same_version(store: Store, cohort: Trained) -> None:
    store.append(cohort.tables)
    with duckdb.connect(str(store.work_file)) as connection:
        connection.execute("ALTER TABLE layer_stat DROP COLUMN dead_fraction")
    store.prepare()
    assert read(store.work_file, "SELECT count(*), count(dead_fraction), count(weight_norm) FROM layer_stat") == [
        (len(cohort.tables["layer_stat"]), 0, len(cohort.tables["layer_stat"]))
    ]


# Bad files: each is one sentence, and stays where and as it is.


def foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS id")


def foreign_store_table(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE store AS SELECT 'Main Street' AS address")


def other_version(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO store VALUES (999, NULL)")


def no_version(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))


def no_run_table(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE store AS SELECT {SCHEMA_VERSION} AS schema_version")


def later_storage(path: Path) -> None:
    """DuckDB says which checksum the changed header should have, and gets it."""
    no_version(path)
    content = bytearray(path.read_bytes())
    content[12:20] = (9_999).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(duckdb.Error, match="computed checksum") as caught:
        duckdb.connect(str(path))
    content[:8] = int(str(caught.value).split("computed checksum ")[1].split()[0]).to_bytes(8, "little")
    path.write_bytes(content)


BAD_FILES = {
    "foreign": (foreign, "is a DuckDB database, but not a store of Fathom"),
    "foreign, with a table of that name": (foreign_store_table, "is a DuckDB database, but not a store of Fathom"),
    "other version": (
        other_version,
        f"has schema version 999, but this trainer works with versions up to {SCHEMA_VERSION}",
    ),
    "no version": (no_version, "has schema version None"),
    "no runs": (no_run_table, "is a DuckDB database, but not a store of Fathom"),
    "of a later DuckDB": (later_storage, "was written by another version of DuckDB"),
    "a folder": (Path.mkdir, "should be a store of Fathom, but it cannot be read"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("place", ["block/local/work.duckdb", "block/results-20260101T000000Z.duckdb"])
def test_a_bad_file_is_refused_in_one_sentence_and_kept(tmp_path: Path, place: str, kind: str) -> None:
    """In a folder whose name holds 'lock': that once made a damaged file look like one in use, for a minute."""
    make, sentence = BAD_FILES[kind]
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    make(path)
    content = path.read_bytes() if path.is_file() else None
    store = Store(tmp_path / "block")
    with pytest.raises(FathomError) as caught:
        store.finished_runs()
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert sentence in message
    assert "\n" not in message
    with suppress(FathomError):
        store.prepare()
    assert (path.read_bytes() if path.is_file() else None) == content


# Damaged files: passed over or moved aside, never deleted, and said so.


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("results" * 10_000)


def cut(share: float) -> Callable[[Path], None]:
    """Cuts a file off. DuckDB opens many of them, and fails when it reads what is missing."""
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


def overwritten(path: Path) -> None:
    """Opens as before, and has its full length: what is wrong comes to light where it is read."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\0" * (size // 3))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": empty,
    "text": text,
    **{f"cut to {share:.1%}": cut(share) for share in (0.001, 0.1, 0.5, 0.9, 0.99)},
    "overwritten": overwritten,
}


def listening(store: Store) -> tuple[Store, list[str]]:
    said: list[str] = []
    return Store(store.folder, notify=said.append), said


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_work_file_is_moved_aside_and_the_newest_good_snapshot_goes_on(
    store: Store, cohort: Trained, damage: str
) -> None:
    first, second = (run.run_id for run in cohort.runs)
    store.append(only(cohort.tables, first))
    published = store.publish()
    store.append(only(cohort.tables, second))
    DAMAGES[damage](store.work_file)
    content = store.work_file.read_bytes()
    store, said = listening(store)
    store.prepare()
    assert run_ids(store.work_file) == {first}
    (aside,) = store.local.glob("work-damaged-*.duckdb")
    assert aside.read_bytes() == content
    assert said[0].startswith(f"{store.work_file} should be a store of Fathom, but it is damaged (")
    assert said[1].endswith(f"is now {aside.name}; the trainer goes on from {published.name}.")
    assert len(said) == 2
    store.append(cohort.tables)
    assert run_ids(store.publish()) == {first, second}
    store.prepare()
    assert len(said) == 2  # it is sound now


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_snapshot_is_passed_over_kept_and_succeeded(
    store: Store, cohort: Trained, damage: str
) -> None:
    first, second = (run.run_id for run in cohort.runs)
    store.append(only(cohort.tables, first))
    good = store.publish()
    store.append(only(cohort.tables, second))
    newest = store.publish()
    store.work_file.unlink()  # as in a clone: the snapshots are all there is
    DAMAGES[damage](newest)
    content = newest.read_bytes()
    store, said = listening(store)
    if damage != "overwritten":  # which comes to light only when it is read from end to end
        assert store.finished_runs() == {first}
        assert store.must_publish([])
    store.prepare()
    assert run_ids(store.work_file) == {first}
    (sentence,) = said
    assert sentence.startswith(f"{newest} should be a store of Fathom, but it is damaged (")
    assert sentence.endswith("It is left out.")
    assert newest.read_bytes() == content
    assert store.publish().name > newest.name > good.name
    assert not listening(store)[0].must_publish([])


def test_a_file_that_duckdb_shortened_itself_is_not_taken_for_damaged(store: Store, cohort: Trained) -> None:
    """What is written over and over leaves free blocks, which DuckDB cuts off at the end and still counts."""
    store, said = listening(store)
    for _ in range(4):
        store.remember_studies([study_of(cohort)])
        store.finished_runs()
        store.prepare()
    assert said == []


def test_where_nothing_good_is_left_the_store_starts_anew_and_says_so(store: Store) -> None:
    text(store.work_file)
    store, said = listening(store)
    store.prepare()
    assert said[1].endswith("the trainer starts anew, as there is no snapshot to go on from.")
    assert store.finished_runs() == set()


def test_a_failed_run_is_written_down_until_it_is_trained(store: Store, cohort: Trained) -> None:
    first, second = (run.run_id for run in cohort.runs)
    store.note_failure({first: "one", second: "two"}, "no memory", 2)
    store.note_failure({first: "one"}, "no memory at all", 3)
    rows = "SELECT run_id, name, reason, attempts FROM failure ORDER BY name"
    both = [(first, "one", "no memory at all", 3), (second, "two", "no memory", 2)]
    assert read(store.publish(), rows) == both
    assert store.finished_runs() == set()  # so that the next refresh tries again
    store.append(only(cohort.tables, first))
    assert read(store.publish(), rows) == both[1:]
    store.note_failure({first: "one"}, "no memory", 2)  # when it was to be replaced: the old run is still there
    assert read(store.publish(), rows) == both[1:]


def test_failures_are_taken_over_from_a_snapshot_unless_the_run_was_trained_since(
    store: Store, cohort: Trained
) -> None:
    first, second = (run.run_id for run in cohort.runs)
    store.note_failure({first: "one", second: "two"}, "no memory", 2)
    store.publish()
    clone = Store(store.folder / "clone")
    clone.prepare()
    clone.append(only(cohort.tables, first))
    shutil.copy(store.newest_snapshot() or "", clone.folder)
    clone.prepare()
    assert read(clone.work_file, "SELECT run_id FROM failure") == [(second,)]


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("mine")
    with pytest.raises(FathomError, match=r"it is not a folder\. Give another with --data"):
        Store(path)
    assert path.read_text() == "mine"


def test_a_data_folder_that_cannot_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FathomError, match=r"cannot be used: .*File name too long.*--data"):
        Store(tmp_path / ("x" * 300))


def test_a_local_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "local").touch()
    with pytest.raises(FathomError, match=r"data folder .* cannot be written .*Make it writable"):
        Store(tmp_path).prepare()


@pytest.fixture
def holder(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the work file open until a line is written to it."""
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", program, str(store.work_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("action", ["append", "publish"])
def test_a_writer_waits_while_another_process_has_the_store_open(
    store: Store, cohort: Trained, holder: subprocess.Popen[str], action: str
) -> None:
    def release() -> None:
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()

    threading.Timer(0.4, release).start()
    started = time.monotonic()
    if action == "append":
        store.append(cohort.tables)
        assert len(run_ids(store.work_file)) == 2
    else:
        assert store.publish().exists()
    assert time.monotonic() - started > 0.3


def test_a_store_that_stays_in_use_is_reported(
    store: Store, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_PATIENCE", 0.1)
    with pytest.raises(FathomError, match=r"in use by another process for 0 seconds\. Close the program"):
        store.finished_runs()
