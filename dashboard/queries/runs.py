"""What is stored, and what of it can be chosen."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, select


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


def grid(snapshot: Path) -> pd.DataFrame:
    """What can be chosen: activation, depth, seeds, epochs (recorded last), diverged; of the grid's plain runs."""
    return select(
        snapshot,
        f"""
        SELECT activation, depth, count(*) AS seeds, max(epochs) AS epochs,
               count(*) FILTER (status = 'diverged') AS diverged
        FROM {PLAIN_RUNS} GROUP BY activation, depth ORDER BY activation, depth
        """,
    )


def training_examples(snapshot: Path) -> pd.DataFrame:
    """One row: how many training examples are evaluated before the last epoch (sample) and at it (everything)."""
    return select(
        snapshot,
        f"""
        SELECT min(examples) AS sample, max(examples) AS everything
        FROM {PLAIN_RUNS} JOIN epoch_metric USING (run_id) WHERE split = 'train'
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
