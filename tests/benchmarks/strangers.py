"""What strangers may try, all of it: `python tests/benchmarks/strangers.py` sends every hostile query and address of
tests/hostile.py to a real server, while another reader goes on reading, and prints what came of it.
"""

import argparse
import asyncio
import http.client
import json
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

sys.path.pop(0)  # this folder, whose files bear the names of packages
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))  # before this folder, whose dashboard.py is another

import hostile
from serving import serve
from sessions import Session
from stores import PROJECT, cut_store

from dashboard.texts import read

STALL = 1_000  # milliseconds
READ = (hostile.CANARY, "root:x:0:0", "LD_LIBRARY_PATH=", "[build-system]")  # what is in the files that they reach for
ATTACKERS = 3


@dataclass
class Findings:
    """What went wrong, each with what led to it; and how long the other reader waited."""

    read: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def look(self, cause: str, content: str, folder: Path) -> None:
        """Whether an answer holds what nobody may see. What the attacker wrote comes back to them, and is no news."""
        if any(word in content and word not in cause for word in READ):
            self.read.append(cause)
        if any(path in content for path in (str(folder), str(Path.home())) if path not in cause):
            self.told.append(cause)


def fingerprint(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of every file, but for what Python and a browser keep for themselves."""
    files = (file for folder in folders for file in folder.rglob("*") if "__pycache__" not in file.parts)
    return {file: (file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()}


SENTENCES = {
    key.removeprefix("sql.problem."): re.compile(re.sub(r"\\{\w+\\}", ".*", re.escape(text)))
    for key, text in read("en").items()
    if key.startswith("sql.problem.")
}


def outcome(session: Session) -> str:
    """In a word, what the SQL page said."""
    for alert in session.of_kind("Alert"):
        for reason, sentence in SENTENCES.items():
            if sentence.fullmatch(alert.body):
                return reason
    return "answered" if session.of_kind("Dataframe") else "nothing"


async def attack(address: str, queue: list[tuple[str, str]], folder: Path, found: Findings) -> None:
    """Visits pages with a hostile state until none are left."""
    session = await Session.open(address)
    await session.visit("", "lang=en")
    while queue:
        chapter, state = queue.pop()
        reaction = await session.visit(chapter, state)
        found.tracebacks += [f"{state}: {problem}" for problem in reaction.problems]
        content = "\n".join(str(shown.proto) for shown in session.elements.values())
        found.look(f"{chapter}?{state}", content, folder)
        if chapter == "sql":
            found.outcomes[outcome(session)] += 1
    await session.close()


def climb(address: str, paths: list[str], folder: Path, found: Findings) -> None:
    """Asks for each path as it stands, which a browser or urllib would tidy up first."""
    server = urlsplit(address)
    for path in paths:
        connection = http.client.HTTPConnection(str(server.hostname), server.port, timeout=30)
        connection.putrequest("GET", quote(path, safe="/%?=&.;\\~:"), skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        content = answer.read().decode(errors="replace")
        connection.close()
        found.look(path, content, folder)
        if answer.status >= 500:
            found.tracebacks.append(f"{path}: status {answer.status}")


async def read_on(address: str, found: Findings, done: asyncio.Event) -> None:
    """Somebody who goes on reading; how long each page took goes into `found`."""
    session = await Session.open(address)
    await session.visit("", "lang=en")
    pages = ["depth", "overfitting", "", "gradients"]
    for page in pages:
        await session.visit(page)
    while not done.is_set():
        for page in pages:
            found.waits.append((await session.visit(page)).milliseconds)
            await asyncio.sleep(0.3)
    await session.close()


async def send_all(address: str, statements: list[str], every: int, folder: Path, found: Findings) -> tuple[int, int]:
    """Everything; how many addresses that were, and how many pages the other reader has read meanwhile."""
    done = asyncio.Event()
    watching = asyncio.create_task(read_on(address, found, done))
    queue = [("sql", f"lang=en&sql={quote(sql, errors='replace')}") for sql in statements]
    states = hostile.state_queries()[::every]
    addresses = hostile.paths()[::every]
    sent = len(states) + len(addresses)
    try:
        for some in (queue, states):
            await asyncio.gather(*(attack(address, some, folder, found) for _ in range(ATTACKERS)))
        await asyncio.to_thread(climb, address, addresses, folder, found)
    finally:
        done.set()
        await watching
    return sent, len(found.waits)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="send only each Nth query and address")
    options = parser.parse_args()
    found = Findings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        (folder / "canary.txt").write_text(hostile.CANARY)
        cut_store(folder, "depth IN (1, 2, 5, 10) AND seed < 3")
        statements = hostile.statements(str(folder))[:: options.every]
        log = Path(name) / "server.log"
        before = fingerprint(folder, PROJECT / "dashboard")
        started = time.monotonic()
        with serve(folder, log=log) as address:
            urls, reactions = asyncio.run(send_all(address, statements, options.every, folder, found))
        written = sorted(map(str, set(fingerprint(folder, PROJECT / "dashboard").items()) ^ set(before.items())))
        found.tracebacks += [line for line in log.read_text(errors="replace").splitlines() if "Traceback" in line]
    result: dict[str, Any] = {
        "statements": len(statements),
        "urls": urls,
        "files_read": len(found.read),
        "files_written": len(written),
        "paths_told": len(found.told),
        "tracebacks": len(found.tracebacks),
        "stalls": sum(wait > STALL for wait in found.waits),
        "slowest_ms": round(max(found.waits)),
        "reactions_of_the_other_reader": reactions,
        "seconds": round(time.monotonic() - started),
        "outcomes": dict(found.outcomes.most_common()),
    }
    problems = [*found.read, *written, *found.told, *found.tracebacks]
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:30} {value}")
        print(*problems[:20], sep="\n")
    return 1 if problems or result["stalls"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
