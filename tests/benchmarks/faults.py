"""Is anything lost, whenever a refresh is killed? SIGKILL at random moments, and the same command again.

    python tests/benchmarks/faults.py [--kills 200] [--json]

After every kill the work file and all snapshots are read from end to end, and what the refresh said was kept is looked
for. Each refresh that is finished in the end is compared, value by value, with an undisturbed one. Two are killed side
by side; 200 kills take about five minutes on two cores.
"""

import argparse
import json
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from killing import STUDY, Tally, finish, kill_until_finished


def main() -> None:
    parser = argparse.ArgumentParser(description="Kills refreshes at random moments and counts what is lost.")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = kill(Path(folder), options.kills, options.seed)
    print(json.dumps(asdict(tally)) if options.json else _table(tally))


def kill(folder: Path, kills: int, seed: int, side_by_side: int = 2) -> Tally:
    """Kills refreshes of a small study until there are so many kills, and lets each be finished."""
    study = folder / "killed.toml"
    study.write_text(STUDY, encoding="utf-8")
    undisturbed = folder / "undisturbed"
    finish(study, undisturbed)
    started = time.monotonic()
    finish(study, folder / "timed")  # the first one also started the process that the others are forked from
    seconds = time.monotonic() - started
    tally = Tally()

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")  # noqa: S311  # moments, not secrets
        whole = seconds
        while tally.kills < kills:
            place = folder / f"killed-{number}-{tally.rounds}"
            whole = kill_until_finished(study, place, undisturbed, whole, chance, tally, kills)

    with ThreadPoolExecutor(side_by_side) as threads:
        list(threads.map(work, range(side_by_side)))
    return tally


def _table(tally: Tally) -> str:
    rows = {
        "kills": tally.kills,
        "refreshes finished after them": tally.rounds,
        "finished runs lost": tally.lost,
        "stores unreadable": tally.unreadable,
        "stores that differ from an undisturbed one": tally.different,
    }
    return "\n".join(f"{name:<44}{value:>6}" for name, value in rows.items())


if __name__ == "__main__":
    main()
