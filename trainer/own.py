"""`python -m trainer.own`: lists, renames and removes your own runs, recorded or imported; never those of the grid."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.datasets import DATA_FOLDER
from trainer.errors import FathomError
from trainer.interruption import stoppable
from trainer.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        said = _run(options)
    except FathomError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{said}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.own", description="Lists, renames and removes your own runs, never those of the grid."
    )
    parser.add_argument("--data", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="your own runs with their identifiers")
    rename = commands.add_parser("rename", help="give a run another name")
    rename.add_argument("run", metavar="RUN", help="its name, or the first digits of its identifier")
    rename.add_argument("name", metavar="NAME", help="its new name")
    remove = commands.add_parser("remove", help="forget runs and all that was measured of them")
    remove.add_argument("runs", nargs="+", metavar="RUN", help="names, or the first digits of identifiers")
    return parser


def _run(options: argparse.Namespace) -> str:
    store = Store(options.data, notify=_notify)
    if options.command == "list":
        return "\n".join(
            f"{run_id}  {name}" + (f"  ({sweep})" if sweep else "") for run_id, name, _, sweep in store.own_runs()
        ) or ("There are no own runs yet. Record one with trainer.recorder, or import one with trainer.tensorboard.")
    store.prepare()
    if options.command == "rename":
        run_id = _one(store, options.run)
        store.rename(run_id, options.name)
        return f"{run_id} is now called '{options.name}'. Published as {store.publish()}."
    run_ids = [_one(store, wanted) for wanted in options.runs]  # all are found before one is removed
    for run_id in run_ids:
        store.remove(run_id)
    return f"Removed {len(run_ids)} of your runs. Published as {store.publish()}."


def _notify(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _one(store: Store, wanted: str) -> str:
    """The identifier of the own run that is meant.

    Raises:
        FathomError: there is none, or more than one.
    """
    runs = store.own_runs()
    found = [run_id for run_id, name, _, _ in runs if name == wanted or (wanted and run_id.startswith(wanted))]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} of your runs are meant by '{wanted}'" if found else f"None of your runs is '{wanted}'"
    raise FathomError(
        f"{problem}; expected the name of one, or the first digits of its identifier. See 'python -m trainer.own "
        "list'. Runs of the grid can be neither renamed nor removed."
    )


if __name__ == "__main__":
    raise SystemExit(stoppable(main))
