"""Names of snapshots: which one is current, what the next is called, and which have had their day."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

SNAPSHOT_NAME = re.compile(r"results-(\d{8}T\d{6}Z)\.duckdb")
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
KEPT = 3


def in_folders(*folders: Path) -> list[Path]:
    """All the snapshots in some folders, the latest name first: that one is current, wherever it is."""
    found = (path for folder in folders for path in folder.glob("results-*.duckdb") if time_of(path))
    return sorted(found, key=lambda path: path.name, reverse=True)


def time_of(path: Path) -> datetime | None:
    """The UTC time in the name of a snapshot; None for any other file."""
    match = SNAPSHOT_NAME.fullmatch(path.name)
    try:
        return datetime.strptime(match.group(1), TIME_FORMAT) if match else None
    except ValueError:  # digits, but no date
        return None


def name_at(moment: datetime) -> str:
    return f"results-{moment:{TIME_FORMAT}}.duckdb"


def next_moment(newest: Path | None) -> datetime:
    """The current UTC time, or a second after the newest snapshot where the clock stands behind it."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    previous = time_of(newest) if newest else None
    return max(now, previous + timedelta(seconds=1)) if previous else now


def prune(folder: Path) -> None:
    """Keeps the last three of those that were published here."""
    _remove(in_folders(folder)[KEPT:])


def remove_unfinished(folder: Path) -> None:
    _remove(folder.glob("results-*.duckdb.tmp*"))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
