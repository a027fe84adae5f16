"""The weights themselves: how large they are, how they are spread, and how far they move."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, select


def weight_sizes(snapshot: Path) -> pd.DataFrame:
    """Every layer of every network at every epoch, over the seeds: activation, depth, epoch, layer, seeds, update_ratio
    and norm_change (means of base-10 logarithms; zeros left out), spectral_norm, effective_rank (means).

    norm_change is |norm ÷ norm at the start − 1|.
    """
    return select(
        snapshot,
        f"""
        WITH each AS (
            SELECT activation, depth, epoch, layer, update_ratio::DOUBLE AS update_ratio,
                   weight_spectral_norm AS spectral_norm, weight_effective_rank AS effective_rank,
                   abs(weight_norm::DOUBLE / first_value(weight_norm) OVER start - 1) AS norm_change
            FROM {PLAIN_RUNS} JOIN layer_stat USING (run_id)
            WINDOW start AS (PARTITION BY run_id, layer ORDER BY epoch)
        )
        SELECT activation, depth, epoch, layer, count(*) AS seeds,
               avg(log10(update_ratio)) FILTER (update_ratio > 0) AS update_ratio,
               avg(log10(norm_change)) FILTER (norm_change > 0) AS norm_change,
               avg(spectral_norm::DOUBLE) AS spectral_norm, avg(effective_rank::DOUBLE) AS effective_rank
        FROM each GROUP BY activation, depth, epoch, layer ORDER BY activation, depth, epoch, layer
        """,
    )


def weight_norms(snapshot: Path, activation: str, depth: int) -> pd.DataFrame:
    """Every layer of one network over its epochs: seed, epoch, layer, weight_norm, update_ratio, and steps, the number
    of steps an epoch has."""
    return select(
        snapshot,
        f"""
        SELECT seed, epoch, layer, weight_norm, update_ratio, train_size // least(batch_size, train_size) AS steps
        FROM {PLAIN_RUNS} JOIN layer_stat USING (run_id)
        WHERE activation = $activation AND depth = $depth ORDER BY seed, epoch, layer
        """,
        activation=activation,
        depth=depth,
    )


def singular_values(snapshot: Path, activation: str, depth: int) -> pd.DataFrame:
    """Singular values of the kernels of one network, where they are stored: epoch, layer, rank (1 is the largest),
    seeds, mean over the seeds."""
    return select(
        snapshot,
        f"""
        WITH each AS (
            SELECT epoch, layer, unnest("values") AS value, generate_subscripts("values", 1) AS rank
            FROM {PLAIN_RUNS} JOIN singular_value USING (run_id)
            WHERE activation = $activation AND depth = $depth
        )
        SELECT epoch, layer, rank, count(*) AS seeds, avg(value::DOUBLE) AS mean
        FROM each GROUP BY epoch, layer, rank ORDER BY epoch, layer, rank
        """,
        activation=activation,
        depth=depth,
    )
