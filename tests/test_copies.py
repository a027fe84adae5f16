"""Stores are copied as files: a copy holds what writing every row anew would, and is known to be whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from training import Trained, only, renamed, trained

from dashboard.snapshots import SnapshotError, newest_readable
from trainer import blocks, copies
from trainer import store as store_module
from trainer.blocks import BLOCK, HEADERS, are_whole
from trainer.database import SCHEMA_VERSION, TABLES, DamagedError, read_everything, reading
from trainer.errors import FathomError
from trainer.store import Store
from trainer.study import Study


@pytest.fixture(scope="module")
def cohort() -> Trained:
    return trained(activation="linear")  # it fills every table of the grid's


@pytest.fixture
def store(tmp_path: Path, cohort: Trained) -> Store:
    """With two runs, their study, and one that failed."""
    made = Store(tmp_path / "data")
    made.prepare()
    made.remember_studies([Study("small", "Why?", "# small", cohort.runs)])
    made.append(cohort.tables)
    made.note_failure({"other": "another"}, "no memory", 2)
    return made


def read(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def differences(one: Path, other: Path) -> dict[str, int]:
    """By table, how many rows the one or the other lacks; none where they hold the same."""
    found = {}
    with duckdb.connect() as connection:
        for name, file in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{file}' AS {name} (READ_ONLY)")
        for table in TABLES:
            queries = (
                f"FROM one.{table} EXCEPT ALL FROM other.{table}",
                f"FROM other.{table} EXCEPT ALL FROM one.{table}",
            )
            found[table] = sum(len(connection.execute(query).fetchall()) for query in queries)
    return {table: rows for table, rows in found.items() if rows}


@contextmanager
def always_sorted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "OUT_OF_ORDER", -1)
        yield


def size_of(store: Store) -> int:
    """Blocks that the work file has."""
    return (store.work_file.stat().st_size - HEADERS) // BLOCK


def damage(file: Path, block: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(HEADERS + block * BLOCK + BLOCK // 2)
        stream.write(bytes(range(100, 164)))


def test_a_snapshot_is_the_same_whether_the_work_file_is_copied_or_sorted(store: Store, cohort: Trained) -> None:
    def published() -> Path:
        copied = store.publish()
        with always_sorted():
            in_order = store.publish()
        assert differences(copied, in_order) == {}
        assert differences(copied, store.work_file) == {}
        assert [read(file, "SELECT count(*) FROM store") for file in (copied, in_order)] == [[(1,)], [(1,)]]
        return copied

    assert set(read(published(), "SELECT count(*) FROM run")) == {(2,)}
    store.append(renamed(cohort, 1))
    assert read(published(), "SELECT count(*) FROM run") == [(3,)]
    store.append(only(cohort.tables, cohort.runs[0].run_id), replace=True)
    assert read(published(), "SELECT count(*) FROM run") == [(3,)]
    store.remember_studies([Study("small", "Why?", "# smaller", cohort.runs[:1])])
    store.note_failure({"other": "another"}, "no memory at all", 3)
    assert read(published(), "SELECT spec, reason FROM study, failure") == [("# smaller", "no memory at all")]


def test_a_work_file_is_the_same_whether_a_snapshot_is_copied_or_collected(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = store.publish()
    made = []
    for name in ("copied", "collected"):
        clone = Store(tmp_path / name)
        clone.folder.mkdir()
        shutil.copy(snapshot, clone.folder)
        clone.prepare()
        made.append(clone)
        monkeypatch.setattr(Store, "_copy_newest", lambda *_: None)
    copied, collected = made
    assert differences(copied.work_file, collected.work_file) == differences(copied.work_file, snapshot) == {}
    for clone in made:
        assert read(clone.work_file, "FROM store") == [(SCHEMA_VERSION, None)]
        assert clone.finished_runs() == store.finished_runs()


def test_runs_that_came_in_any_order_are_sorted_once_there_are_many(
    store: Store, cohort: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "OUT_OF_ORDER", 3)
    ids = "SELECT run_id FROM run ORDER BY rowid"
    late = []
    for number in (9, 8, 7, 6, 5, 4):
        store.append(renamed(cohort, number))
        snapshot = store.publish()
        assert read(snapshot, ids) == read(store.work_file, ids)
        stored = [run_id for (run_id,) in read(snapshot, ids)]
        late.append(sum(run_id < max(stored[: place + 1]) for place, run_id in enumerate(stored)))
    assert max(late) == 3
    assert 0 in late[3:]
    assert differences(snapshot, store.work_file) == {}


def test_a_work_file_of_which_many_blocks_are_free_is_written_anew(
    store: Store, cohort: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = "SELECT free_blocks FROM pragma_database_size()"
    for number in range(4):
        store.append(renamed(cohort, number))
    ((before,),) = read(store.work_file, free)
    monkeypatch.setattr(copies, "FREE_BLOCKS", before)
    store.publish()
    assert read(store.work_file, free) == [(before,)]
    monkeypatch.setattr(copies, "FREE_BLOCKS", before - 1)
    snapshot = store.publish()
    assert read(store.work_file, free) == [(0,)]
    assert differences(snapshot, store.work_file) == {}


def test_publishing_each_new_run_leaves_the_file_small(store: Store, cohort: Trained) -> None:
    for number in range(20):
        store.append(renamed(cohort, number))
        snapshot = store.publish()
    with always_sorted():
        anew = store.publish()
    assert snapshot.stat().st_size < 3 * anew.stat().st_size
    assert read(snapshot, "SELECT count(*) FROM run") == read(anew, "SELECT count(*) FROM run") == [(22,)]


def test_what_is_only_in_the_log_is_published(store: Store) -> None:
    """As a trainer leaves it that is killed between two checkpoints."""
    with duckdb.connect(str(store.work_file)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("UPDATE study SET spec = '# from the log'")
    assert store.work_file.with_name("work.duckdb.wal").exists()
    assert read(store.publish(), "SELECT spec FROM study") == [("# from the log",)]


def test_a_log_that_cannot_be_written_into_its_file_stays_beside_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(store.work_file)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("UPDATE study SET spec = '# from the log'")
    files = (store.work_file, store.work_file.with_name("work.duckdb.wal"))
    content = [file.read_bytes() for file in files]

    def no_room(*_: Any, **__: Any) -> Any:
        raise duckdb.IOException("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "connect", no_room)
        with pytest.raises(FathomError, match=r"could not be published .*No space left"):
            store.publish()
    assert [file.read_bytes() for file in files] == content
    assert read(store.publish(), "SELECT spec FROM study") == [("# from the log",)]


def test_what_is_only_in_the_log_of_a_snapshot_is_taken_over(store: Store) -> None:
    snapshot = store.publish()
    store.work_file.unlink()
    with duckdb.connect(str(snapshot)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("UPDATE study SET spec = '# from the log'")
    store.prepare()
    assert read(store.work_file, "SELECT spec FROM study") == [("# from the log",)]


def test_comments_of_an_earlier_schema_are_renewed(store: Store) -> None:
    with duckdb.connect(str(store.work_file)) as connection:
        connection.execute("COMMENT ON COLUMN run.run_id IS 'as it was called once'")
        connection.execute("COMMENT ON TABLE run IS NULL")
    comments = "SELECT comment FROM duckdb_columns() UNION ALL SELECT comment FROM duckdb_tables() ORDER BY ALL"
    copied = read(store.publish(), comments)
    with always_sorted():
        assert copied == read(store.publish(), comments)
    assert (
        "Hash of the whole configuration and the recipe version; of a recorded or imported run, some other unique name",
    ) in copied


# Whole files: every block has its checksum, and none is missing.


def test_what_duckdb_has_written_is_known_to_be_whole(store: Store, cohort: Trained) -> None:
    """If this fails, DuckDB has another storage format, and the trainer reads every value instead: right, but slow."""
    for number in range(4):
        store.append(renamed(cohort, number))
        assert are_whole(store.work_file)
        assert are_whole(store.publish())


def test_no_block_may_differ_or_end_early(store: Store, tmp_path: Path) -> None:
    snapshot = store.publish()
    copy = tmp_path / "copy.duckdb"
    for block in range((snapshot.stat().st_size - HEADERS) // BLOCK):
        shutil.copy(snapshot, copy)
        damage(copy, block)
        assert not are_whole(copy)
    shutil.copy(snapshot, copy)
    os.truncate(copy, copy.stat().st_size - 1)
    assert not are_whole(copy)


def test_a_longer_file_is_still_whole_and_the_same_store(store: Store, tmp_path: Path) -> None:
    snapshot = store.publish()
    copy = Path(shutil.copy(snapshot, tmp_path / "copy.duckdb"))
    blocks.lengthen(copy, copy.stat().st_size + 2 * BLOCK)
    assert copy.stat().st_size == snapshot.stat().st_size + 2 * BLOCK
    assert are_whole(copy)
    with reading(copy) as connection:
        read_everything(connection)
    assert differences(copy, snapshot) == {}


def test_a_snapshot_that_was_cut_off_is_noticed_though_it_has_free_blocks(
    store: Store, cohort: Trained, tmp_path: Path
) -> None:
    """Or what was cut off was one of these: then all can be read."""
    noticed = 0
    for number in range(4):
        store.append(renamed(cohort, number))
        snapshot = store.publish()
        ((free,),) = read(snapshot, "SELECT free_blocks FROM pragma_database_size()")
        for lacking in range(1, free + 1):
            folder = tmp_path / f"{number} {lacking}"
            folder.mkdir()
            copy = Path(shutil.copy(snapshot, folder))
            os.truncate(copy, copy.stat().st_size - lacking * BLOCK)
            opened = whole = False
            with suppress(DamagedError), reading(copy) as connection:
                opened = True
                read_everything(connection)
                whole = True
            assert opened == whole
            if whole:
                assert newest_readable(folder) == (copy, [])
                continue
            with pytest.raises(SnapshotError, match="damaged"):
                newest_readable(folder)
            noticed += 1
    assert noticed > 0


@pytest.mark.parametrize("place", ["snapshot", "work file"])
def test_whichever_block_is_damaged_nothing_wrong_is_taken_over_or_published(
    store: Store, cohort: Trained, tmp_path: Path, place: str
) -> None:
    """It is said, or it is of no matter: in a block that is free, or in an index, which is then made anew."""
    for number in range(3):
        store.append(renamed(cohort, number))
    good = store.publish()
    harmless = 0
    for block in range((good.stat().st_size - HEADERS) // BLOCK):
        said: list[str] = []
        clone = Store(tmp_path / f"clone {block}", notify=said.append)
        clone.folder.mkdir()
        snapshot = Path(shutil.copy(good, clone.folder))
        if place == "snapshot":
            damage(snapshot, block)
            clone.prepare()
            assert said or differences(clone.work_file, good) == {}
            assert not said or (clone.runs_at_work() == set() and "It is left out." in said[0])
            clone.append(cohort.tables)
            clone.publish()
        else:
            clone.prepare()
            if block >= size_of(clone):
                continue
            damage(clone.work_file, block)
            try:
                assert differences(clone.publish(), good) == {}
            except FathomError as error:
                said.append(str(error))
                assert "could not be published" in said[0]
                assert list(clone.local.glob("results-*")) == []
        harmless += not said
        assert not clone.work_file.with_name("work.duckdb.new").exists()
    assert harmless > 0


def test_a_sort_that_fails_leaves_the_work_file_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(store_module, "copy_in_order", no_room)
    content = store.work_file.read_bytes()
    with always_sorted(), pytest.raises(FathomError, match=r"could not be published .*No space left.*Make room"):
        store.publish()
    assert store.work_file.read_bytes() == content
    assert sorted(path.name for path in store.local.iterdir()) == ["work.duckdb", "work.lock"]


def test_what_a_killed_sort_left_is_removed_by_the_next_publication(store: Store) -> None:
    for name in ("work.duckdb.new", "work.duckdb.new.wal"):
        (store.local / name).write_bytes(b"half")
    published = store.publish()
    assert sorted(path.name for path in store.local.iterdir()) == [published.name, "work.duckdb", "work.lock"]


def test_publishing_where_nothing_was_prepared_makes_no_work_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.local.mkdir()
    with pytest.raises(FathomError, match="could not be published"):
        store.publish()
    assert not store.work_file.exists()
    store.prepare()
