"""What the diagnosis reads: a family of runs that differ in depth and seed alone, one run, and how every run ended."""

from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.queries.plain import COLUMN, PLAIN, select

_FIELDS = ", ".join(f"{column} AS {field}" for field, column in COLUMN.items())
OF_FAMILY = "origin = 'grid' AND " + " AND ".join(
    f"{column} IS NOT DISTINCT FROM ${field}" for field, column in COLUMN.items()
)


def family_metrics(snapshot: Path, **family: Any) -> pd.DataFrame:
    """Each run of a family over its epochs: depth, seed, epoch, split, loss, accuracy, diverged.

    Args:
        family: a value for each of `FAMILY`; what is left out is as in the question.
    """
    return select(
        snapshot,
        f"""
        SELECT depth, seed, epoch, split, loss, accuracy, status = 'diverged' AS diverged
        FROM run JOIN epoch_metric USING (run_id) WHERE {OF_FAMILY} ORDER BY depth, seed, split, epoch
        """,
        **(PLAIN | family),
    )


def family_start(snapshot: Path, **family: Any) -> pd.DataFrame:
    """Every layer of the runs of a family before training: depth, seed, layer, and the statistics of the error δ."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, layer, delta_rms, weight_gain, slope_gain, normalization_gain, shortcut_gain,
               preactivation_mean, preactivation_std
        FROM run JOIN layer_stat USING (run_id) WHERE epoch = 0 AND {OF_FAMILY} ORDER BY depth, seed, layer
        """,
        **(PLAIN | family),
    )


def configurations(snapshot: Path) -> pd.DataFrame:
    """One row per run of the grid: run_id, depth, the fields of a family, seed, accuracy (test, at its last epoch; NULL
    where it did not get there), diverged."""
    return select(
        snapshot,
        f"""
        SELECT run.run_id, depth, {_FIELDS}, seed, accuracy, status = 'diverged' AS diverged
        FROM run LEFT JOIN epoch_metric AS test
            ON test.run_id = run.run_id AND split = 'test' AND test.epoch = run.epochs
        WHERE origin = 'grid' AND status IN ('finished', 'diverged') ORDER BY ALL
        """,
    )


def diagnosed_run(snapshot: Path, run_id: str) -> pd.DataFrame:
    """One row: the run with its whole configuration."""
    return select(snapshot, "SELECT * FROM run WHERE run_id = $run_id", run_id=run_id)


def diagnosed_metrics(snapshot: Path, run_id: str) -> pd.DataFrame:
    """One run over its epochs: epoch, split, loss, accuracy."""
    return select(
        snapshot,
        "SELECT epoch, split, loss, accuracy FROM epoch_metric WHERE run_id = $run_id ORDER BY split, epoch",
        run_id=run_id,
    )


def diagnosed_layers(snapshot: Path, run_id: str) -> pd.DataFrame:
    """Every layer of one run over its epochs: epoch, layer, and the statistics that the rules read."""
    return select(
        snapshot,
        """
        SELECT epoch, layer, gradient_norm, gradient_rms, weight_norm, weight_std, update_ratio, delta_rms, weight_gain,
               slope_gain, preactivation_mean, preactivation_std, saturated_fraction, dead_fraction
        FROM layer_stat WHERE run_id = $run_id ORDER BY epoch, layer
        """,
        run_id=run_id,
    )
