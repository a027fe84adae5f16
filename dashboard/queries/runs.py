"""What is stored, and what of it can be chosen."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import COLUMN, PLAIN, PLAIN_RUNS, plain_runs, select


def store_facts(snapshot: Path) -> pd.DataFrame:
    """One row: published (UTC), runs, diverged, seconds (total training time), commits (distinct, joined)."""
    return select(
        snapshot,
        """
        SELECT (SELECT published FROM store) AS published, count(*) AS runs,
               count(*) FILTER (status = 'diverged') AS diverged, sum(seconds) AS seconds,
               (SELECT string_agg(DISTINCT left(git_commit, 12), ', ') FROM provenance) AS commits
        FROM run
        """,
    )


def budgets(snapshot: Path) -> pd.DataFrame:
    """With how much data, and how long, the question's networks were trained: train_size, epochs; the question's own
    first, then by the amount of data."""
    free = ("activation", "train_size", "epochs")
    plain = " AND ".join(f"{COLUMN[field]} = ${field}" for field in PLAIN if field not in free)
    return select(
        snapshot,
        f"""
        SELECT DISTINCT train_size, epochs FROM run WHERE origin = 'grid' AND {plain}
        ORDER BY train_size <> $usual_size OR epochs <> $usual_epochs, train_size DESC, epochs
        """,
        usual_size=PLAIN["train_size"],
        usual_epochs=PLAIN["epochs"],
        **{field: value for field, value in PLAIN.items() if field not in free},
    )


def grid(snapshot: Path, **budget: int) -> pd.DataFrame:
    """What can be chosen: activation, depth, seeds, epochs (recorded last), diverged; of the grid's plain runs.

    Args:
        budget: train_size and epochs, where they are not those of the question.
    """
    return select(
        snapshot,
        f"""
        SELECT activation, depth, count(*) AS seeds, max(epochs) AS epochs,
               count(*) FILTER (status = 'diverged') AS diverged
        FROM {plain_runs(**budget)} GROUP BY activation, depth ORDER BY activation, depth
        """,
    )


def training_examples(snapshot: Path, **budget: int) -> pd.DataFrame:
    """One row: how many training examples are evaluated before the last epoch (sample) and at it (everything)."""
    return select(
        snapshot,
        f"""
        SELECT min(examples) AS sample, max(examples) AS everything
        FROM {plain_runs(**budget)} JOIN epoch_metric USING (run_id) WHERE split = 'train'
        """,
    )


def parameters_by_depth(snapshot: Path, activation: str) -> pd.DataFrame:
    """How many numbers a network learns: depth, parameters."""
    return select(
        snapshot,
        f"""
        SELECT depth, max(parameters) AS parameters
        FROM {PLAIN_RUNS} WHERE activation = $activation GROUP BY depth ORDER BY depth
        """,
        activation=activation,
    )
