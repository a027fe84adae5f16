"""How fast is the dashboard? `python tests/benchmarks/dashboard.py` asks every chapter for one state after another.

    python tests/benchmarks/dashboard.py [--runs 10000] [--json]

What is timed is the server: from the message that a control was moved to the last byte of the new page, over
Streamlit's own websocket (tests/sessions.py). Every state is asked for twice, so that figures are with and without what
was computed before. The same again on a store of many runs, made out of the shipped ones with other settings.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
from serving import serve
from sessions import Session
from stores import cut_store
from streamlit.proto.PlotlyChart_pb2 import PlotlyChart

from trainer.store import RUN_TABLES

LIMITS = {"median": 150, "p95": 400, "first_page_s": 3, "chart_kb": 1_500, "large_p95": 1_000}
# What each chapter is asked for, one control after another.
STATES: dict[str, list[str]] = {
    "answer": [*(f"draw={number}" for number in range(1, 7)), "layers=dense"],
    "depth": ["activation=sigmoid", "epoch=3", "metric=loss", "splits=test", "fixed=True", "from=1&to=4"],
    "overfitting": ["depth=3", "depth=8", "activation=sigmoid", "metric=loss", "keras=True", "epoch=7"],
    "gradients": ["depth=3", "depth=8", "activation=sigmoid", "statistic=gradient_norm", "epoch=7", "profile=0"],
    "weights": ["depth=3", "depth=8", "activation=sigmoid", "weight=update_ratio", "epoch=7"],
    "linear": ["depth=3", "depth=8", "against=0", "epoch=7", "layers=dense"],
    "remedies": ["depth=3", "activation=linear", "trouble=training", "trouble=gap", "moment=end", "layers=dense"],
    "cost": ["depth=4", "activation=sigmoid", "against=parameters", "everything=True", "layers=dense"],
    "runs": ["search=sigmoid", "with_depth=5", "order=best", "layer_statistic=delta_rms", "search=tanh&order=worst"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the server's answer to every chapter's controls.")
    parser.add_argument("--runs", type=int, default=10_000, metavar="N", help="of the large store (default: 10000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shipped, large = Path(folder) / "shipped", Path(folder) / "large"
        for each in (shipped, large):
            each.mkdir()
            cut_store(each, "true")
        found = measure(shipped)
        multiply(next(large.glob("*.duckdb")), options.runs)
        found["large"] = measure(large)
    print(json.dumps(found) if options.json else table(found))


def measure(folder: Path) -> dict[str, Any]:
    """Times a new server on a data folder."""
    started = time.perf_counter()
    with serve(folder) as address:
        return asyncio.run(_visit_all(address, started))


async def _visit_all(address: str, started: float) -> dict[str, Any]:
    session = await Session.open(address)
    await _ask(session, "answer", "lang=en")
    first_page = time.perf_counter() - started
    by_chapter: dict[str, list[float]] = {}
    heaviest = 0
    for chapter, states in STATES.items():
        await _ask(session, chapter, "lang=en")  # arriving is not what is measured
        for state in [*states, *states]:
            milliseconds, size = await _ask(session, chapter, f"lang=en&{state}")
            by_chapter.setdefault(chapter, []).append(milliseconds)
            heaviest = max(heaviest, size)
    await session.close()
    return {
        "rerun_ms": _summary([each for times in by_chapter.values() for each in times]),
        "first_page_s": round(first_page, 2),
        "chart_kb": round(heaviest / 1000),
        "chapters": {chapter: _summary(times) for chapter, times in by_chapter.items()},
    }


async def _ask(session: Session, chapter: str, query: str) -> tuple[float, int]:
    """Milliseconds until the page was complete, and the bytes of its charts' data.

    Raises:
        RuntimeError: the page has an error on it.
    """
    reaction = await session.visit("" if chapter == "answer" else chapter, query)
    if reaction.problems:
        raise RuntimeError(f"{chapter}?{query}: {reaction.problems[0]}")
    charts = [each.proto for each in session.elements.values() if isinstance(each.proto, PlotlyChart)]
    if not charts:
        raise RuntimeError(f"{chapter}?{query} drew no picture")
    return reaction.milliseconds, sum(len(chart.spec) for chart in charts)


def _summary(times: list[float]) -> dict[str, int]:
    return {"median": round(statistics.median(times)), "p95": round(statistics.quantiles(times, n=20)[-1])}


def multiply(file: Path, runs: int) -> None:
    """Fills a store up with copies of its runs under other settings, figures and all but histograms."""
    with duckdb.connect(str(file)) as connection:
        rows = connection.execute("SELECT count(*) FROM run").fetchone()
        copies = max(0, -(-runs // rows[0]) - 1) if rows and rows[0] else 0
        connection.execute("CREATE TEMP TABLE original AS SELECT * FROM run")
        connection.execute(
            "CREATE TEMP TABLE copy AS SELECT run_id AS source, unnest(range(1, ? + 1)) AS number, "
            "left(md5(source || number), 16) AS run_id FROM original",
            [copies],
        )
        connection.execute("DELETE FROM copy WHERE rowid >= ?", [max(0, runs - (rows[0] if rows else 0))])
        connection.execute(
            "INSERT INTO run BY NAME SELECT original.* REPLACE (copy.run_id AS run_id, "
            "0.01 * (1 + number % 8) AS learning_rate, 128 + 32 * (number // 8 % 4) AS width, "
            "name || ' copy ' || number AS name) "
            "FROM copy JOIN original ON original.run_id = copy.source"
        )
        for table in RUN_TABLES:
            if table in ("epoch_metric", "layer_stat", "confusion"):
                connection.execute(
                    f"INSERT INTO {table} BY NAME SELECT {table}.* REPLACE (copy.run_id AS run_id) "
                    f"FROM copy JOIN {table} ON {table}.run_id = copy.source"
                )


def table(found: dict[str, Any]) -> str:
    """For people: each chapter, and the whole against its limits."""
    lines = []
    for name, part, p95 in (
        ("the shipped store", found, LIMITS["p95"]),
        ("the large store", found["large"], LIMITS["large_p95"]),
    ):
        lines += [f"On {name}: milliseconds of the server after a control was moved", f"{'':14}{'median':>8}{'p95':>8}"]
        lines += [f"{chapter:14}{own['median']:8}{own['p95']:8}" for chapter, own in part["chapters"].items()]
        whole = part["rerun_ms"]
        lines += [f"{'all':14}{whole['median']:8}{whole['p95']:8}   wanted: {LIMITS['median']}, {p95}"]
        lines += [f"first page complete after {part['first_page_s']} s (wanted: {LIMITS['first_page_s']})"]
        lines += [f"largest page: {part['chart_kb']} kB of chart data (wanted: {LIMITS['chart_kb']})", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
