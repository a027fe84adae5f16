"""The store: a private work file that grows by one transaction per cohort, and the snapshots published from it.

DuckDB locks a file for as long as a process has it open. The work file is therefore open only while it is used, and
readers never see it: they read snapshots, which appear complete under a new name and are never changed.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from trainer.errors import FathomError
from trainer.study import Study

SCHEMA = Path(__file__).with_name("schema.sql")
SCHEMA_VERSION = 2
TABLES = (
    "study",
    "study_run",
    "provenance",
    "run",
    "failure",
    "epoch_metric",
    "layer_stat",
    "layer_histogram",
    "singular_value",
    "collapsed_map",
    "confusion",
)
RUN_TABLES = tuple(table for table in TABLES if table not in ("study", "study_run", "provenance", "failure"))

SNAPSHOT_NAME = re.compile(r"results-(\d{8}T\d{6}Z)\.duckdb")
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
SNAPSHOTS_KEPT = 3
LOCK_PATIENCE = 60.0  # seconds: an append of another process takes well under one
ABANDONED_AFTER = 3600.0  # seconds without a change, after which an unfinished snapshot is nobody's any more

Used = TypeVar("Used")
Layout = frozenset[tuple[str, str, str, bool]]  # table, column, type, whether it may be NULL


class Store:
    """The results in one data folder: `<folder>` holds the shipped snapshot, `<folder>/local` what is made here."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet; the folder may be missing.

        Raises:
            FathomError: `folder` is something else than a folder, or may not be read.
        """
        try:
            problem = None if folder.is_dir() or not folder.exists() else "it is not a folder"
        except OSError as error:
            problem = str(error)
        if problem:
            raise FathomError(f"The data folder {folder} cannot be used: {problem}. Give another with --data.")
        self.folder = folder
        self.local = folder / "local"
        self.work_file = self.local / "work.duckdb"

    def newest_snapshot(self) -> Path | None:
        """Of all the snapshots, shipped or published here, the one with the latest name."""
        return max([*_snapshots(self.folder), *_snapshots(self.local)], key=lambda path: path.name, default=None)

    def finished_runs(self) -> set[str]:
        """The run_ids that are in the work file or in the newest snapshot."""
        return self._run_ids(self.work_file) | self._run_ids(self.newest_snapshot())

    def unpublished_runs(self) -> bool:
        """Whether the work file holds a run that the newest snapshot lacks."""
        return bool(self._run_ids(self.work_file) - self._run_ids(self.newest_snapshot()))

    def knows(self, study: Study) -> bool:
        """Whether the newest snapshot holds the study with just the runs that it asks for now."""
        rows = self._read(self.newest_snapshot(), "SELECT run_id FROM study_run WHERE study = ?", [study.name])
        return {run_id for (run_id,) in rows} == {run.run_id for run in study.runs}

    def outdated(self) -> bool:
        """Whether the newest snapshot was written with an earlier form of the schema."""
        snapshot = self.newest_snapshot()
        if snapshot is None:
            return False
        with _connect(snapshot, read_only=True) as connection:
            check_schema(connection, snapshot)
            return _layout(connection) != _current_layout()

    def _run_ids(self, file: Path | None) -> set[str]:
        return {run_id for (run_id,) in self._read(file, "SELECT run_id FROM run")}

    def _read(self, file: Path | None, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query; none where there is no file."""
        if file is None or not file.exists():
            return []
        with _connect(file, read_only=True) as connection:
            check_schema(connection, file)
            return connection.execute(query, list(parameters)).fetchall()

    def prepare(self) -> None:
        """Makes the work file, or brings its tables up to date, and takes over what the newest snapshot has more."""
        _make_folder(self.local)
        snapshot = self.newest_snapshot()
        with _connect(self.work_file) as connection:
            if not _tables(connection):
                with _transaction(connection):
                    _create_tables(connection, published=None)
            check_schema(connection, self.work_file)
            if _layout(connection) != _current_layout():
                with _transaction(connection):
                    _bring_up_to_date(connection)
            if snapshot is not None:
                _attach(connection, snapshot, "snapshot", read_only=True)
                check_schema(connection, snapshot, catalog="snapshot")
                with _transaction(connection):
                    _copy_missing(connection, source="snapshot")
                connection.execute("DETACH snapshot")

    def remember_studies(self, studies: Iterable[Study]) -> None:
        """Writes which runs the studies ask for; a run may be named before it is trained."""
        with _connect(self.work_file) as connection, _transaction(connection):
            for study in studies:
                members = pa.table(
                    {"study": [study.name] * len(study.runs), "run_id": [run.run_id for run in study.runs]}
                )
                connection.execute("DELETE FROM study WHERE study = ?", [study.name])
                connection.execute("DELETE FROM study_run WHERE study = ?", [study.name])
                connection.execute("INSERT INTO study VALUES (?, ?)", [study.name, study.spec])
                connection.register("arriving", members)
                connection.execute("INSERT INTO study_run BY NAME SELECT * FROM arriving")
                connection.unregister("arriving")

    def append(self, tables: Mapping[str, pa.Table], replace: bool = False) -> None:
        """Adds one cohort in one transaction; runs that are already there are left as they are, or replaced."""
        with _connect(self.work_file) as connection, _transaction(connection):
            if replace:
                _forget(connection, tables["run"]["run_id"].to_pylist())
            present = {run_id for (run_id,) in connection.execute("SELECT run_id FROM run").fetchall()}
            for name in TABLES:
                if name not in tables:
                    continue
                connection.register("arriving", tables[name])
                if name == "provenance":
                    connection.execute("INSERT OR IGNORE INTO provenance BY NAME SELECT * FROM arriving")
                else:
                    connection.execute(
                        f"INSERT INTO {name} BY NAME "  # noqa: S608  # a name from TABLES
                        "SELECT * FROM arriving WHERE NOT list_contains(?::VARCHAR[], run_id)",
                        [sorted(present)],
                    )
                connection.unregister("arriving")

    def publish(self) -> Path:
        """Copies the work file into a new snapshot, complete and synced before it gets its name; keeps the last three.

        Rows are sorted, so that the file compresses well and a query for a few runs reads a small part of it.
        """
        target = self.local / self._next_name()
        unfinished = target.with_suffix(".duckdb.tmp")
        unfinished.unlink(missing_ok=True)
        try:
            with closing(_open(unfinished)) as connection:
                _create_tables(connection, published=_time_of(target))
                _attach(connection, self.work_file, "work", read_only=True)
                for name in TABLES:
                    connection.execute(
                        f"INSERT INTO {name} BY NAME SELECT * FROM work.{name} ORDER BY ALL"  # noqa: S608  # a name from TABLES
                    )
                connection.execute("DETACH work")
            _sync(unfinished)
            unfinished.rename(target)
            _sync(self.local)
        except (OSError, duckdb.Error) as error:
            raise FathomError(
                f"The results could not be published into {self.local}: {error}. Nothing trained is lost; make room or "
                "make the folder writable, and run the trainer again."
            ) from error
        finally:
            for path in (unfinished, unfinished.with_name(unfinished.name + ".wal")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        self._prune()
        return target

    def _next_name(self) -> str:
        """The current UTC time, or a second after the newest snapshot where the clock stands behind it."""
        moment = datetime.now(UTC).replace(tzinfo=None)
        newest = self.newest_snapshot()
        previous = _time_of(newest) if newest else None
        if previous:
            moment = max(moment, previous + timedelta(seconds=1))
        return f"results-{moment.strftime(TIME_FORMAT)}.duckdb"

    def _prune(self) -> None:
        """Keeps the last three, and removes what a publisher that was killed left behind."""
        superseded = sorted(_snapshots(self.local))[:-SNAPSHOTS_KEPT]
        unfinished = [path for path in self.local.glob("results-*.duckdb.tmp*") if _age(path) > ABANDONED_AFTER]
        for path in [*superseded, *unfinished]:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def check_schema(connection: duckdb.DuckDBPyConnection, file: Path, catalog: str | None = None) -> None:
    """Raises FathomError where a file is a DuckDB database, but not a store that this trainer can take over: one of its
    own schema or of an earlier one."""
    try:
        if not {"store", "run"} <= _tables(connection, catalog):
            raise duckdb.CatalogException("it lacks a table")
        rows = connection.execute(
            f"SELECT schema_version FROM {f'{catalog}.store' if catalog else 'store'}"  # noqa: S608  # our own name
        ).fetchall()
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


def _create_tables(connection: duckdb.DuckDBPyConnection, published: datetime | None) -> None:
    connection.execute(SCHEMA.read_text(encoding="utf-8"))
    connection.execute("INSERT INTO store VALUES (?, ?)", [SCHEMA_VERSION, published])


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str | None = None) -> set[str]:
    """The tables of a store: of the connection's own, or of one that is attached to it."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = coalesce(?, current_database())", [catalog]
    ).fetchall()
    return {name for (name,) in rows}


def _layout(connection: duckdb.DuckDBPyConnection) -> Layout:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal"
    ).fetchall()
    return frozenset(rows)


@cache
def _current_layout() -> Layout:
    with duckdb.connect() as connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        return _layout(connection)


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables anew as the schema is now and fills them with what was there: columns by name, NULL where one
    was not known yet. All within one transaction, so that a failure leaves the file as it was."""
    earlier = [name for name in TABLES if name in _tables(connection)]
    for name in earlier:
        connection.execute(f"CREATE TEMP TABLE earlier_{name} AS SELECT * FROM {name}")  # noqa: S608  # from TABLES
    for name in ("store", *earlier):
        connection.execute(f"DROP TABLE {name}")
    _create_tables(connection, published=None)
    for name in earlier:
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM earlier_{name}")  # noqa: S608  # from TABLES
        connection.execute(f"DROP TABLE earlier_{name}")


def _copy_missing(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Copies the runs that `source` has and the work file lacks, with all that belongs to them."""
    known = "(SELECT study FROM study)"
    conditions = {
        "provenance": "provenance_id NOT IN (SELECT provenance_id FROM provenance)",
        "failure": "run_id NOT IN (SELECT run_id FROM run UNION ALL SELECT run_id FROM failure)",
        **dict.fromkeys(RUN_TABLES, "run_id IN (SELECT run_id FROM missing)"),
        "study_run": f"study NOT IN {known}",  # the runs of a study before the study itself, by which it is known
        "study": f"study NOT IN {known}",
    }
    connection.execute(
        f"CREATE TEMP TABLE missing AS SELECT run_id FROM {source}.run "  # noqa: S608  # our own name
        "WHERE run_id NOT IN (SELECT run_id FROM run)"
    )
    present = _tables(connection, source)  # an earlier schema has fewer
    for name, condition in conditions.items():
        if name in present:
            connection.execute(
                f"INSERT INTO {name} BY NAME SELECT * FROM {source}.{name} WHERE {condition}"  # noqa: S608  # our own
            )
    connection.execute("DELETE FROM failure WHERE run_id IN (SELECT run_id FROM run)")
    connection.execute("DROP TABLE missing")


def _forget(connection: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> None:
    for name in RUN_TABLES:
        connection.execute(
            f"DELETE FROM {name} WHERE list_contains(?::VARCHAR[], run_id)",  # noqa: S608  # a name from TABLES
            [list(run_ids)],
        )


@contextmanager
def _connect(file: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a store for a moment.

    Raises:
        FathomError: it cannot be opened, or turns out to be damaged while it is read or written.
    """
    try:
        with closing(_open(file, read_only)) as connection:
            yield connection
    except duckdb.Error as error:
        raise FathomError(
            f"{file} should be a store of Fathom, but it cannot be {'read' if read_only else 'written'} "
            f"({_first_line(error)}). Move it away and run the trainer again: it goes on from the newest snapshot."
        ) from error


def _open(file: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    return _with_lock(file, lambda: duckdb.connect(str(file), read_only=read_only))


def _with_lock(file: Path, use: Callable[[], Used]) -> Used:
    """Does what takes the lock of a DuckDB file, waiting for a bounded time while another process holds it."""
    deadline = time.monotonic() + LOCK_PATIENCE
    pause = 0.01
    while True:
        try:
            return use()
        except duckdb.IOException as error:
            if "could not set lock" not in str(error).lower():
                raise
            if time.monotonic() > deadline:
                raise FathomError(
                    f"{file} has been in use by another process for {LOCK_PATIENCE:.0f} seconds. Close the program "
                    "that has it open, and run the trainer again."
                ) from error
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, so that two waiting processes take turns
        pause = min(pause * 2, 1.0)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _attach(connection: duckdb.DuckDBPyConnection, file: Path, name: str, read_only: bool) -> None:
    quoted = str(file).replace("'", "''")
    statement = f"ATTACH '{quoted}' AS {name} {'(READ_ONLY)' if read_only else ''}"
    _with_lock(file, lambda: connection.execute(statement))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FathomError(
            f"The data folder {folder} cannot be made ({error}). Make it writable, or give another with --data."
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _snapshots(folder: Path) -> list[Path]:
    return [path for path in folder.glob("results-*.duckdb") if _time_of(path)]


def _time_of(path: Path) -> datetime | None:
    """The UTC time in the name of a snapshot; None for any other file."""
    match = SNAPSHOT_NAME.fullmatch(path.name)
    try:
        return datetime.strptime(match.group(1), TIME_FORMAT) if match else None
    except ValueError:  # digits, but no date
        return None


def _age(path: Path) -> float:
    """Seconds since the last change of a file; none where it has just gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
