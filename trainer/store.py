"""The store: a private work file that grows by one transaction per cohort, and the snapshots published from it.

DuckDB locks a file for as long as a process has it open. The work file is therefore open only while it is used, and
readers never see it: they read snapshots, which appear complete under a new name and are never changed.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from trainer import snapshots
from trainer.blocks import are_whole
from trainer.copies import copy_in_order, is_in_order, remove, stamp, sync, with_log
from trainer.database import (
    TABLES,
    Connection,
    DamagedError,
    attach,
    check_length,
    columns_of,
    connect,
    create_tables,
    first_line,
    has_current_layout,
    read_everything,
    reading,
    tables_of,
    transaction,
    with_lock,
    writing,
)
from trainer.errors import FathomError
from trainer.study import Study

RUN_TABLES = tuple(table for table in TABLES if table not in ("study", "study_run", "provenance", "failure"))
Notify = Callable[[str], None]


class Store:
    """The results in one data folder: `<folder>` holds the shipped snapshot, `<folder>/local` what is made here."""

    def __init__(self, folder: Path, notify: Notify = lambda sentence: None) -> None:
        """Touches nothing yet; the folder may be missing.

        Args:
            notify: is told, in a sentence for people, of each damaged file that was passed over or moved aside.

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
        self._new_file = self.local / "work.duckdb.new"
        self._notify = notify
        self._damaged: set[Path] = set()

    def newest_snapshot(self) -> Path | None:
        """Of all the snapshots, shipped or published here, the one with the latest name."""
        return next(iter(self._snapshots()), None)

    def finished_runs(self) -> set[str]:
        """The run_ids that are in the work file or in the newest snapshot that can be read."""
        return self.runs_at_work() | self._published_runs()

    def runs_at_work(self) -> set[str]:
        """The run_ids that are in the work file: once it is prepared, all that are finished."""
        return {run_id for (run_id,) in self._read(self.work_file, "SELECT run_id FROM run") or []}

    def must_publish(self, studies: Iterable[Study]) -> bool:
        """Whether the newest snapshot is damaged or of an earlier schema, or lacks a run, or a study as it is now."""
        if self.runs_at_work() - self._published_runs() or self._damaged:
            return True
        newest = self.newest_snapshot()
        if newest is not None:
            with reading(newest) as connection:
                if not has_current_layout(connection):
                    return True
        members = self._published("SELECT study, run_id FROM study_run")
        specs = dict(self._published("SELECT study, spec FROM study"))
        return any(
            specs.get(study.name) != study.spec
            or {run.run_id for run in study.runs} != {run_id for name, run_id in members if name == study.name}
            for study in studies
        )

    def _published_runs(self) -> set[str]:
        return {run_id for (run_id,) in self._published("SELECT run_id FROM run")}

    def _published(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the newest snapshot that can be read."""
        answers = (self._read(snapshot, query) for snapshot in self._snapshots())
        return next((rows for rows in answers if rows is not None), [])

    def _snapshots(self) -> list[Path]:
        """The latest name first."""
        return snapshots.in_folders(self.folder, self.local)

    def _read(self, file: Path, query: str) -> list[tuple[Any, ...]] | None:
        """The rows of a query; None where there is no file, or a damaged one."""
        if not _is_there(file):
            return None
        try:
            with reading(file) as connection:
                return connection.execute(query).fetchall()
        except DamagedError as error:
            self._pass_over(file, error)
            return None

    def _pass_over(self, file: Path, damage: DamagedError) -> None:
        if file not in self._damaged:
            self._damaged.add(file)
            self._notify(f"{damage} It is left out.")

    def prepare(self) -> None:
        """Makes the work file, or brings its tables up to date, and takes over what the newest snapshot has more.

        A damaged work file is moved aside, and a new one takes its place that starts from the newest snapshot.
        """
        try:
            self.local.mkdir(parents=True, exist_ok=True)
            with self._alone():
                damage = self._damage_of_work_file()
                if damage:
                    self._pass_over(self.work_file, damage)
                if damage or not self.work_file.exists():
                    self._make_work_file()
                    return
                with writing(self.work_file) as connection:
                    if not has_current_layout(connection):
                        with transaction(connection):
                            _bring_up_to_date(connection)
                    self._take_over(connection)
        except OSError as error:
            raise self._not_writable(error) from error

    def _damage_of_work_file(self) -> DamagedError | None:
        """Reads it from end to end: what is trained must not be added to a file that cannot be published."""
        if not self.work_file.exists():
            return None
        try:
            with reading(self.work_file) as connection:
                if are_whole(self.work_file):
                    check_length(connection, self.work_file, exactly=True)
                else:  # it may still be sound: blocks that are not in use may hold anything
                    read_everything(connection)
        except DamagedError as error:
            return error
        return None

    def _make_work_file(self) -> None:
        with self._new_work_file() as unfinished:
            origin = self._copy_newest(unfinished) or self._collect(unfinished)
            sync(unfinished)
            if self.work_file.exists():
                aside = self.work_file.with_name(f"work-damaged-{datetime.now(UTC):{snapshots.TIME_FORMAT}}.duckdb")
                for path, kept in zip(with_log(self.work_file), with_log(aside), strict=True):
                    if path.exists():
                        path.rename(kept)
                start = (
                    f"goes on from {origin.name}" if origin else "starts anew, as there is no snapshot to go on from"
                )
                self._notify(f"{self.work_file} was moved aside and is now {aside.name}; the trainer {start}.")

    @contextmanager
    def _new_work_file(self) -> Iterator[Path]:
        """Where a work file is to be made, which takes its place at the end: under another name first, so that whoever
        kills this leaves a whole file or none."""
        remove(self._new_file)
        try:
            yield self._new_file
            self._new_file.rename(self.work_file)
        finally:
            remove(self._new_file)
        sync(self.local)

    def _copy_newest(self, file: Path) -> Path | None:
        """Copies the newest snapshot as it is. Returns it; None where there is none, or it cannot be copied so: it is
        damaged, of an earlier layout, no store at all, or has a log beside it."""
        newest = self.newest_snapshot()
        if newest is None or with_log(newest)[1].exists():
            return None
        try:
            shutil.copyfile(newest, file)
            if are_whole(file):
                stamp(file, published=None)
                return newest
        except (OSError, duckdb.Error):  # the other way says what is wrong
            pass
        remove(file)
        return None

    def _collect(self, file: Path) -> Path | None:
        """Makes the tables, and copies row by row what the newest snapshot has that can be read. Returns that one."""
        with writing(file) as connection:
            with transaction(connection):
                create_tables(connection, published=None)
            origin = self._take_over(connection)
            connection.execute("CHECKPOINT")  # what closing a connection cannot write, it leaves in the log, silently
        return origin

    def _take_over(self, connection: Connection) -> Path | None:
        """Copies what the newest snapshot that can be read has more. Returns that snapshot."""
        for snapshot in self._snapshots():
            try:
                with reading(snapshot):
                    attach(connection, snapshot, "snapshot", read_only=True)
                try:
                    with transaction(connection):
                        _copy_missing(connection, source="snapshot")
                    return snapshot
                except duckdb.Error:
                    with reading(snapshot) as source:
                        read_everything(source)
                    raise  # the snapshot is sound: it is the work file that cannot be written
                finally:
                    connection.execute("DETACH snapshot")
            except DamagedError as damage:
                self._pass_over(snapshot, damage)
        return None

    def remember_studies(self, studies: Iterable[Study]) -> None:
        """Writes which runs the studies ask for; a run may be named before it is trained."""
        with self._at_work() as connection, transaction(connection):
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
        arriving = tables["run"]["run_id"].to_pylist()
        with self._at_work() as connection, transaction(connection):
            if replace:
                _forget(connection, arriving)
            present = connection.execute(
                "SELECT run_id FROM run WHERE list_contains(?::VARCHAR[], run_id)", [arriving]
            ).fetchall()
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
                        [[run_id for (run_id,) in present]],
                    )
                connection.unregister("arriving")
            connection.execute("DELETE FROM failure WHERE list_contains(?::VARCHAR[], run_id)", [arriving])

    @staticmethod
    def columns(table: str) -> list[str]:
        """The columns of a table, as the schema has them."""
        return columns_of(table)

    def own_runs(self) -> list[tuple[str, str, str, str | None]]:
        """run_id, name, origin and sweep of the runs that are not the grid's, of work file or newest snapshot."""
        query = "SELECT run_id, name, origin, sweep FROM run WHERE origin <> 'grid' ORDER BY sweep, name, run_id"
        return self._read(self.work_file, query) or self._published(query)

    def study_runs(self, study: str) -> Iterator[dict[str, list[dict[str, Any]]]]:
        """One run of a study after the other, from the newest snapshot: by table, its rows. A sweep of own runs counts
        as a study.

        Raises:
            FathomError: there is no snapshot, or no such study in it.
        """
        snapshot = self.newest_snapshot()
        if snapshot is None:
            raise FathomError(
                f"There are no results in {self.folder}. Run 'python -m trainer', or give another folder with --data."
            )
        with reading(snapshot) as connection:
            runs = connection.execute(
                "SELECT run_id FROM study_run SEMI JOIN run USING (run_id) WHERE study = $study UNION "
                "SELECT run_id FROM run WHERE sweep = $study ORDER BY run_id",
                {"study": study},
            ).fetchall()
            if not runs:
                known = connection.execute(
                    "SELECT study FROM study UNION SELECT sweep FROM run WHERE sweep IS NOT NULL ORDER BY ALL"
                ).fetchall()
                names = ", ".join(name for (name,) in known) or "none"
                raise FathomError(f"There are no runs of a study or sweep '{study}'. Those that are stored: {names}.")
            for (run_id,) in runs:
                yield {
                    name: connection.sql(f"FROM {name} WHERE run_id = ?", params=[run_id]).to_arrow_table().to_pylist()
                    for name in ("run", "epoch_metric", "layer_stat", "layer_histogram")
                }

    def rename(self, run_id: str, name: str) -> None:
        """Gives an own run another name; runs of the grid have none but that of their configuration."""
        with self._at_work() as connection, transaction(connection):
            connection.execute("UPDATE run SET name = ? WHERE run_id = ? AND origin <> 'grid'", [name, run_id])

    def remove(self, run_id: str) -> None:
        """Forgets an own run and all that belongs to it; a run of the grid stays."""
        with self._at_work() as connection, transaction(connection):
            own = connection.execute(
                "SELECT run_id FROM run WHERE run_id = ? AND origin <> 'grid'", [run_id]
            ).fetchall()
            _forget(connection, [each for (each,) in own])

    def note_failure(self, names: Mapping[str, str], reason: str, attempts: int) -> None:
        """Writes down that runs, given as run_id → name, could not be trained; not of those that once were."""
        moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        with self._at_work() as connection, transaction(connection):
            for run_id, name in names.items():
                connection.execute(
                    "INSERT OR REPLACE INTO failure SELECT $run_id, $name, $reason, $attempts, $moment "
                    "WHERE $run_id NOT IN (SELECT run_id FROM run)",
                    {"run_id": run_id, "name": name, "reason": reason, "attempts": attempts, "moment": moment},
                )

    def publish(self) -> Path:
        """Copies the work file into a new snapshot, complete and synced before it gets its name; keeps the last three.

        The work file stays locked until then, so that of two publishers the one with the later name has more.

        Raises:
            FathomError: it cannot be written, or the work file is damaged.
        """
        try:
            with self._alone():
                moment = snapshots.next_moment(self.newest_snapshot())
                target = self.local / snapshots.name_at(moment)
                unfinished = target.with_suffix(".duckdb.tmp")
                try:
                    self._copy_to(unfinished, moment)
                    sync(unfinished)
                    unfinished.rename(target)
                    sync(self.local)
                finally:  # also what a publisher left that was killed: nobody else publishes at this moment
                    snapshots.remove_unfinished(self.local)
                    remove(self._new_file)
                snapshots.prune(self.local)
        except (OSError, duckdb.Error) as error:
            raise FathomError(
                f"The results could not be published into {self.local} ({first_line(error)}). What is trained is kept "
                "in the work file. Make room or make the folder writable, and run the same command again."
            ) from error
        return target

    def _copy_to(self, file: Path, moment: datetime) -> None:
        try:
            if self._copy_if_in_order(file) and are_whole(file):
                stamp(file, published=moment)
                return
        except duckdb.Error:
            if with_log(self.work_file)[1].exists():  # it would be taken for that of the new work file
                raise
        # Neither is there a need for a layout that is current here, nor for indexes that are sound.
        remove(file)
        with self._new_work_file() as unfinished:
            copy_in_order(self.work_file, unfinished)
            sync(unfinished)
        shutil.copyfile(self.work_file, file)
        stamp(file, published=moment)

    def _copy_if_in_order(self, file: Path) -> bool:
        """Returns whether the work file is in order, and was copied."""
        has_log = with_log(self.work_file)[1].exists()
        with closing(connect(self.work_file, read_only=not has_log)) as connection:  # nobody changes it meanwhile
            if has_log:
                connection.execute("CHECKPOINT")
            if not is_in_order(connection):
                return False
            shutil.copyfile(self.work_file, file)
            return True

    @contextmanager
    def _at_work(self) -> Iterator[Connection]:
        with self._alone(), writing(self.work_file) as connection:
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other trainers from the work file. DuckDB's own lock does not outlive a connection, and a file that is
        moved aside must not be one that somebody appends to at that moment."""
        try:
            descriptor = os.open(self.local / "work.lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise self._not_writable(error) from error
        try:
            with_lock(self.work_file, lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
            yield
        finally:
            os.close(descriptor)

    def _not_writable(self, error: OSError) -> FathomError:
        return FathomError(
            f"The data folder {self.folder} cannot be written ({error}). Make it writable, make room, or give another "
            "with --data."
        )


def _bring_up_to_date(connection: Connection) -> None:
    """Makes the tables anew as the schema is now and fills them with what was there: columns by name, NULL where one
    was not known yet. All within one transaction, so that a failure leaves the file as it was."""
    earlier = [name for name in TABLES if name in tables_of(connection)]
    for name in earlier:
        columns = _columns_now(connection, name)
        connection.execute(f"CREATE TEMP TABLE earlier_{name} AS SELECT {columns} FROM {name}")  # noqa: S608  # ours
    for name in ("store", *earlier):
        connection.execute(f"DROP TABLE {name}")
    create_tables(connection, published=None)
    for name in earlier:
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM earlier_{name}")  # noqa: S608  # from TABLES
        connection.execute(f"DROP TABLE earlier_{name}")


def _copy_missing(connection: Connection, source: str) -> None:
    """Copies the runs that `source` has and the work file lacks, with all that belongs to them."""
    known = "(SELECT study FROM study)"
    conditions = {
        "provenance": "provenance_id NOT IN (SELECT provenance_id FROM provenance)",
        "failure": "run_id NOT IN (SELECT run_id FROM run UNION ALL SELECT run_id FROM failure)",
        **dict.fromkeys(RUN_TABLES, "run_id IN (SELECT run_id FROM missing)"),
        "run": "run_id NOT IN (SELECT run_id FROM run)",  # IN would look into the index: a table may be sound without
        "study_run": f"study NOT IN {known}",  # the runs of a study before the study itself, by which it is known
        "study": f"study NOT IN {known}",
    }
    connection.execute(
        f"CREATE TEMP TABLE missing AS SELECT run_id FROM {source}.run "  # noqa: S608  # our own name
        "WHERE run_id NOT IN (SELECT run_id FROM run)"
    )
    present = tables_of(connection, source)  # an earlier schema has fewer
    for name, condition in conditions.items():
        if name in present:
            columns = _columns_now(connection, name, source)
            connection.execute(
                f"INSERT INTO {name} BY NAME SELECT {columns} FROM {source}.{name} WHERE {condition}"  # noqa: S608  # ours
            )
    connection.execute("DELETE FROM failure WHERE run_id IN (SELECT run_id FROM run)")
    connection.execute("DROP TABLE missing")


def _columns_now(connection: Connection, name: str, catalog: str | None = None) -> str:
    """What to select from a table that may have an earlier form, to get the columns that it has now."""
    if name != "layer_histogram":
        return "*"
    edges = connection.execute(
        "SELECT 1 FROM duckdb_columns() WHERE database_name = coalesce(?, current_database()) "
        "AND table_name = 'layer_histogram' AND column_name = 'edges'",
        [catalog],
    ).fetchall()
    return "* EXCLUDE (edges), edges[1] AS low, edges[-1] AS high" if edges else "*"


def _forget(connection: Connection, run_ids: Sequence[str]) -> None:
    for name in RUN_TABLES:
        connection.execute(
            f"DELETE FROM {name} WHERE list_contains(?::VARCHAR[], run_id)",  # noqa: S608  # a name from TABLES
            [list(run_ids)],
        )


def _is_there(file: Path) -> bool:
    """Also where its folder may not be entered: what opens it then says so."""
    try:
        return file.exists()
    except PermissionError:
        return True
