"""How often is a diagnosis right? Fathom and the replayed rules of other tools on runs whose fault is known.

    python tests/benchmarks/diagnosis.py [--data DIR] [--json] [--calibration]

The labelled runs are trained first, in about forty minutes on two cores:

    python -m trainer tests/benchmarks/labelled/*.toml --data DIR

Half of the configurations of each kind were there when the thresholds were chosen (`--calibration` shows them); the
figures are those of the other half. Fathom names one cause; a tool is right if one of its alarms may mean the fault,
and every further kind that it names is a false one. Intervals: bootstrap over configurations.
"""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # before this folder, whose dashboard.py is another

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, before the benchmark that bears its name

from labels import Labelled, labelled_runs

from dashboard.diagnosis.others.autotrainer import AUTOTRAINER
from dashboard.diagnosis.others.deepdiagnosis import DEEPDIAGNOSIS
from dashboard.diagnosis.others.rules import History, RuleSet, replay
from dashboard.diagnosis.others.sagemaker import SAGEMAKER
from dashboard.diagnosis.run import FAULTS, diagnose
from dashboard.snapshots import connect, newest_readable

DATA = Path(__file__).parents[2] / "data" / "local" / "labelled"
DRAWS = 2_000


@dataclass(frozen=True)
class Answer:
    """What one rule set says of one run: the causes that it names, each as the set of faults that it may mean."""

    named: tuple[frozenset[str], ...]
    cannot_tell: bool = False

    def right(self, label: str) -> bool:
        return any(label in means for means in self.named)


def fathom(history: History) -> Answer:
    found = diagnose(history.run, history.metrics, history.layers)
    if found.verdict in ("healthy", "cannot_tell"):
        return Answer((), found.verdict == "cannot_tell")
    return Answer((frozenset({found.verdict}),))


def other(rule_set: RuleSet) -> Callable[[History], Answer]:
    def answer(history: History) -> Answer:
        return Answer(tuple({alarm.means for alarm in replay(rule_set, history)}))

    return answer


RULE_SETS: dict[str, Callable[[History], Answer]] = {
    "Fathom": fathom,
    **{rule_set.name: other(rule_set) for rule_set in (SAGEMAKER, AUTOTRAINER, DEEPDIAGNOSIS)},
}


def read(data: Path) -> tuple[pd.DataFrame, dict[str, History]]:
    """The stored runs, and each one's history."""
    snapshot, _ = newest_readable(data)
    with closing(connect(snapshot)) as connection:
        runs = connection.execute(
            """
            SELECT run.*, status = 'diverged' AS diverged, accuracy,
                   (SELECT count(DISTINCT predicted) FROM confusion WHERE confusion.run_id = run.run_id) AS answers
            FROM run LEFT JOIN epoch_metric ON epoch_metric.run_id = run.run_id AND split = 'test' AND epoch = epochs
            """
        ).df()
        metrics = dict(list(connection.execute("SELECT * FROM epoch_metric").df().groupby("run_id")))
        layers = dict(list(connection.execute("SELECT * FROM layer_stat").df().groupby("run_id")))
    return runs, {
        run["run_id"]: History(run, metrics[run["run_id"]], layers[run["run_id"]]) for run in runs.to_dict("records")
    }


def table_of(labelled: list[Labelled], histories: dict[str, History]) -> pd.DataFrame:
    """One row per run and rule set: configuration, kind, label, rule_set, right, named (causes), cannot_tell, said."""
    rows = []
    for run in labelled:
        for name, answer in RULE_SETS.items():
            found = answer(histories[run.run_id])
            right = found.right(run.label)
            said = "cannot tell" if found.cannot_tell else "/".join(sorted("|".join(sorted(m)) for m in found.named))
            row = (run.run_id, run.configuration, run.kind, run.label, name)
            rows.append((*row, right, len(found.named), found.cannot_tell, said or "healthy"))
    columns = ["run_id", "configuration", "kind", "label", "rule_set", "right", "named", "cannot_tell", "said"]
    return pd.DataFrame(rows, columns=columns)


def scores(table: pd.DataFrame) -> dict[str, float]:
    """Precision: of the causes named, those that are right. Recall: of the faulty runs, those whose fault is named.
    False alarms: of the healthy runs, those for which any cause is named."""
    faulty, healthy = table[table["label"] != "healthy"], table[table["label"] == "healthy"]
    return {
        "precision": float(table["right"].sum() / max(1, table["named"].sum())),
        "recall": float(faulty["right"].mean()),
        "false_alarms": float((healthy["named"] > 0).mean()),
        "cannot_tell": float(table["cannot_tell"].mean()),
    }


def intervals(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """95 % intervals: configurations are drawn with replacement, each with all its runs."""
    generator = np.random.default_rng(0)
    counts = (
        table.assign(
            faulty=table["label"] != "healthy", alarm=(table["label"] == "healthy") & (table["named"] > 0), one=1
        )
        .groupby("configuration")[["right", "named", "faulty", "alarm", "cannot_tell", "one"]]
        .sum()
        .to_numpy(np.float64)
    )
    drawn = counts[generator.integers(0, len(counts), (DRAWS, len(counts)))].sum(axis=1)
    right, named, faulty, alarm, cannot_tell, runs = drawn.T
    values = {
        "precision": right / np.maximum(named, 1),
        "recall": right / np.maximum(faulty, 1),
        "false_alarms": alarm / np.maximum(runs - faulty, 1),
        "cannot_tell": cannot_tell / runs,
    }
    return {
        name: (float(low), float(high)) for name, v in values.items() for low, high in [np.quantile(v, [0.025, 0.975])]
    }


def by_fault(table: pd.DataFrame) -> pd.DataFrame:
    """Precision and recall of Fathom for each fault; runs of which it cannot tell count as missed."""
    rows = []
    for fault in FAULTS:
        named, labelled = table[table["said"] == fault], table[table["label"] == fault]
        rows.append(
            (
                fault,
                len(labelled),
                labelled["right"].mean() if len(labelled) else np.nan,
                len(named),
                named["right"].mean() if len(named) else np.nan,
                int(labelled["cannot_tell"].sum()),
            )
        )
    return pd.DataFrame(rows, columns=["fault", "runs", "recall", "named", "precision", "cannot tell"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the trained labelled runs")
    parser.add_argument("--json", action="store_true", help="print one object: {rule set: {precision, recall, …}}")
    parser.add_argument("--calibration", action="store_true", help="the half that the thresholds were chosen on")
    parser.add_argument("--misses", action="store_true", help="list the runs that Fathom gets wrong")
    options = parser.parse_args()
    runs, histories = read(options.data)
    labelled, counts = labelled_runs(runs)
    chosen = [run for run in labelled if run.held_out != options.calibration]
    if not chosen:
        sys.exit(
            f"No labelled run is stored in {options.data}. Train them with "
            f"'python -m trainer tests/benchmarks/labelled/*.toml --data {options.data}'."
        )
    table = table_of(chosen, histories)
    found = {name: scores(rows) for name, rows in table.groupby("rule_set", sort=False)}
    if options.json:
        print(json.dumps(found))
        return 0
    own = table[table["rule_set"] == "Fathom"]
    print(counts.to_string(index=False))
    print(f"\n{len(own)} runs of {own['configuration'].nunique()} configurations.\n\nFathom, label against verdict:")
    print(pd.crosstab([own["label"], own["kind"]], own["said"]).to_string())
    print("\n" + by_fault(own).to_string(index=False, float_format="%.3f"))
    print()
    for name, rows in table.groupby("rule_set", sort=False):
        bounds = intervals(rows)
        figures = ", ".join(
            f"{key} {value:.3f} [{bounds[key][0]:.3f}, {bounds[key][1]:.3f}]" for key, value in found[name].items()
        )
        print(f"{name}: {figures}")
    if options.misses:
        wrong = own[~own["right"] & ((own["label"] != "healthy") | (own["named"] > 0))]
        print("\n" + wrong[["kind", "said", "run_id", "configuration"]].to_string(index=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
