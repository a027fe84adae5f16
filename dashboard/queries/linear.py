"""The one map from pixels to logits that a network without activation functions is."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, select


def collapsed_maps(snapshot: Path) -> pd.DataFrame:
    """Each linear network's map after the last epoch: depth, seed, matrix (7,840, row by row), bias (10)."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, matrix, bias
        FROM {PLAIN_RUNS} JOIN collapsed_map USING (run_id)
        WHERE matrix IS NOT NULL AND bias IS NOT NULL ORDER BY depth, seed
        """,
    )


def collapsed_maps_of(snapshot: Path, depth: int) -> pd.DataFrame:
    """The maps of one depth: seed, matrix (7,840, row by row)."""
    return select(
        snapshot,
        f"""
        SELECT seed, matrix
        FROM {PLAIN_RUNS} JOIN collapsed_map USING (run_id)
        WHERE depth = $depth AND matrix IS NOT NULL ORDER BY seed
        """,
        depth=depth,
    )


def collapsed_singular_values(snapshot: Path) -> pd.DataFrame:
    """Singular values of the map by depth, epoch and rank (1 is the largest): seeds, mean and sd over the seeds."""
    return select(
        snapshot,
        f"""
        WITH each AS (
            SELECT depth, epoch, unnest(singular_values) AS value, generate_subscripts(singular_values, 1) AS rank
            FROM {PLAIN_RUNS} JOIN collapsed_map USING (run_id)
        )
        SELECT depth, epoch, rank, count(*) AS seeds, avg(value::DOUBLE) AS mean, stddev_samp(value::DOUBLE) AS sd
        FROM each GROUP BY depth, epoch, rank ORDER BY depth, rank, epoch
        """,
    )


def confusions(snapshot: Path, activation: str) -> pd.DataFrame:
    """Test images by digit and predicted digit, after the last epoch: depth, seed, actual, predicted, count."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, actual, predicted, count
        FROM {PLAIN_RUNS} JOIN confusion USING (run_id)
        WHERE activation = $activation ORDER BY depth, seed, actual, predicted
        """,
        activation=activation,
    )
