"""Fifty readers at once: `python tests/benchmarks/load.py` starts the dashboard, lets them click, and prints how long
they waited.

A reader speaks Streamlit's own websocket protocol (tests/sessions.py): opens pages, moves controls, plays epochs, and
thinks between two clicks as people do. What is timed is from the click to the last byte of the answer; drawing it is
the browser's work, on another machine. One reader has seen every page before; the others come one after another
during the first minutes of the warm-up, which is long enough for the pictures and tables that the server keeps to be as
many as they may become: its memory should not grow any more.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder, whose files bear the names of packages
sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from serving import serve
from sessions import Session
from stores import PROJECT

BACKGROUND = 5  # seconds: a page that does something by itself less often than this is not waited for
ARRIVING = 200  # seconds, within which the readers come
LIMIT_MEDIAN, LIMIT_P95 = 300, 1_500  # milliseconds
LIMIT_GROWTH = 1.05  # of the server's memory, from the first third of what is counted to the last


async def reader(
    address: str,
    number: int,
    until: float,
    think: tuple[float, float],
    wait: float,
    seen: list[tuple[float, float]],
    problems: list[str],
) -> None:
    """One reader until the time is up: (when, milliseconds) of each reaction into `seen`."""
    chance = random.Random(number)  # noqa: S311  # the same clicks each time
    try:
        await asyncio.sleep(chance.uniform(0, wait))
        session = await Session.open(address)
        problems += (await session.visit("", f"lang={chance.choice(['ja', 'en'])}")).problems
        ticked: dict[str, float] = {}
        click = time.monotonic() + chance.uniform(*think)
        while time.monotonic() < until:
            # What the page does by itself: epochs that are played, and a look for new results now and then.
            due = {one: ticked.setdefault(one, time.monotonic()) + every for one, every in session.timers.items()}
            soonest = min(due, key=due.__getitem__, default="")
            await asyncio.sleep(max(0.0, min(click, due.get(soonest, click)) - time.monotonic()))
            if due.get(soonest, click) < click:
                played = session.timers[soonest] < BACKGROUND
                reaction = await session.tick(soonest)
                ticked[soonest] = time.monotonic()
            else:
                played = True
                reaction = await session.act(chance)
                click = time.monotonic() + chance.uniform(*think)
            if played:
                seen.append((time.monotonic(), reaction.milliseconds))
            problems += reaction.problems
        await session.close()
    except Exception as error:
        problems.append(f"{type(error).__name__}: {error}")


async def load(address: str, options: argparse.Namespace) -> dict[str, Any]:
    (server,) = [
        process
        for process in psutil.process_iter(["cmdline"])
        if f"{address.rsplit(':', 1)[1]}" in (process.info["cmdline"] or []) and "streamlit" in process.info["cmdline"]
    ]
    seen: list[tuple[float, float]] = []
    problems: list[str] = []
    memory: list[float] = []
    busy: list[float] = []  # seconds of the processor that the server has used
    first = await Session.open(address)
    await first.visit("", "lang=en")
    for page in sorted(first.pages):
        await first.visit(page)
    await first.close()
    started = time.monotonic()
    until = started + options.warm_up + options.seconds

    async def watch() -> None:
        while time.monotonic() < until:
            memory.append(server.memory_info().rss / 1e6)
            busy.append(sum(server.cpu_times()[:2]))
            await asyncio.sleep(1)

    readers = [
        reader(address, number, until, options.think, min(ARRIVING, options.warm_up * 0.8), seen, problems)
        for number in range(options.sessions)
    ]
    await asyncio.gather(watch(), *readers)
    times = [milliseconds for when, milliseconds in seen if when > started + options.warm_up]
    if len(times) < 2:
        raise RuntimeError(f"No reader got an answer. {len(problems)} problems, such as: {problems[:3]}")
    after = memory[int(options.warm_up) :]
    third = max(1, len(after) // 3)
    spent = busy[-1] - busy[int(options.warm_up)]
    return {
        "sessions": options.sessions,
        "reactions": len(times),
        "errors": len(problems),
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
        "processor_ms_each": round(1000 * spent / len(times), 1),
        "memory_mb": {
            "first_third": round(statistics.mean(after[:third])),
            "last_third": round(statistics.mean(after[-third:])),
        },
        "problems": sorted(set(problems))[:5],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--warm-up", type=float, default=600, help="seconds at the start that are not counted")
    parser.add_argument("--think", type=float, nargs=2, default=(3.0, 9.0), help="seconds between two clicks")
    parser.add_argument("--data", type=Path, default=PROJECT / "data")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where to write what the server says")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # as dashboard/serving/fathom@.service has it
    with serve(options.data, log=options.log) as address:
        result = asyncio.run(load(address, options))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:12} {value}")
    quick = result["median_ms"] <= LIMIT_MEDIAN and result["p95_ms"] <= LIMIT_P95
    flat = result["memory_mb"]["last_third"] <= LIMIT_GROWTH * result["memory_mb"]["first_third"]
    return int(bool(result["errors"]) or not quick or not flat)


if __name__ == "__main__":
    raise SystemExit(main())
