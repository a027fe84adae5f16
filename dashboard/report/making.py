"""Makes a report for a server: in a process of its own, one at a time, so that other readers do not wait for it."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from shutil import which
from urllib.parse import urlencode

SECONDS = 180.0
PATIENCE = 300.0  # seconds: for the reports of others that come first
MOST_ASKED = 3  # reports at once: each that waits holds one of the few threads that all downloads share
MOST_KEPT = 4  # of those made last

_kept: dict[tuple[Path, str], bytes] = {}
_turn = threading.Lock()
_asked = threading.BoundedSemaphore(MOST_ASKED)


class BusyError(Exception):
    """Too many reports were asked for at once, or this one took too long."""


def make(snapshot: Path, state: dict[str, str]) -> bytes:
    """The report on one snapshot at one state; those made last are kept.

    Raises:
        BusyError: there was no turn for it, or it could not be made.
    """
    wanted = snapshot, urlencode(sorted(state.items()))
    kept = _kept.get(wanted)
    if kept is not None:
        return kept
    if not _asked.acquire(blocking=False):
        raise BusyError("too many reports are asked for")
    try:
        if not _turn.acquire(timeout=PATIENCE):
            raise BusyError("other reports are being made")
        try:
            if wanted not in _kept:  # somebody else may have waited for the same one
                _kept[wanted] = _make(*wanted)
                for oldest in list(_kept)[:-MOST_KEPT]:
                    del _kept[oldest]
            return _kept[wanted]
        finally:
            _turn.release()
    finally:
        _asked.release()


def _make(snapshot: Path, view: str) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "report.html"
            command = [
                sys.executable,
                "-m",
                "dashboard",
                "report",
                str(out),
                "--data",
                str(snapshot),
                f"--view=?{view}",
            ]
            if which("nice"):
                command = ["nice", "-n", "5", *command]
            subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)  # noqa: S603  # our own program
            return out.read_bytes()
    except (subprocess.SubprocessError, OSError) as error:
        raise BusyError("the report could not be made") from error
