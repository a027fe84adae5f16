"""What was measured inside the layers of each run."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, select


def layer_statistics(snapshot: Path, activation: str, epoch: int) -> pd.DataFrame:
    """Every layer of every run at one epoch: depth, seed, layer, and the statistics of gradients and signals."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, layer, gradient_norm, gradient_rms, bias_gradient_norm, update_ratio, delta_rms,
               weight_gain, slope_gain, preactivation_mean, preactivation_std, saturated_fraction, dead_fraction
        FROM {PLAIN_RUNS} JOIN layer_stat USING (run_id)
        WHERE activation = $activation AND epoch = $epoch ORDER BY depth, seed, layer
        """,
        activation=activation,
        epoch=epoch,
    )


def layer_statistic_over_epochs(snapshot: Path, activation: str, depth: int) -> pd.DataFrame:
    """Every layer of one network over its epochs: seed, epoch, layer, and the statistics of gradients and signals."""
    return select(
        snapshot,
        f"""
        SELECT seed, epoch, layer, gradient_norm, gradient_rms, bias_gradient_norm, update_ratio, delta_rms,
               weight_gain, slope_gain, preactivation_mean, preactivation_std, saturated_fraction, dead_fraction
        FROM {PLAIN_RUNS} JOIN layer_stat USING (run_id)
        WHERE activation = $activation AND depth = $depth ORDER BY seed, epoch, layer
        """,
        activation=activation,
        depth=depth,
    )


def layer_logarithms(snapshot: Path) -> pd.DataFrame:
    """Size of error and gradient in every layer, as means over seeds of base-10 logarithms (zeros left out):
    activation, depth, epoch, layer, seeds, delta_rms, gradient_norm."""
    return select(
        snapshot,
        f"""
        SELECT activation, depth, epoch, layer, count(*) AS seeds,
               avg(log10(delta_rms::DOUBLE)) FILTER (delta_rms > 0) AS delta_rms,
               avg(log10(gradient_norm::DOUBLE)) FILTER (gradient_norm > 0) AS gradient_norm
        FROM {PLAIN_RUNS} JOIN layer_stat USING (run_id)
        GROUP BY activation, depth, epoch, layer ORDER BY activation, depth, epoch, layer
        """,
    )


def histograms(snapshot: Path, activation: str, depth: int, quantity: str) -> pd.DataFrame:
    """Distributions within the layers of one network: seed, epoch, layer, edges (bins + 1), counts (bins)."""
    return select(
        snapshot,
        f"""
        SELECT seed, epoch, layer, counts,
               CASE WHEN low IS NULL THEN []::FLOAT[]
                    ELSE list_transform(range(len(counts) + 1), lambda i: low + (high - low) * i / len(counts))::FLOAT[]
               END AS edges
        FROM {PLAIN_RUNS} JOIN layer_histogram USING (run_id)
        WHERE activation = $activation AND depth = $depth AND quantity = $quantity ORDER BY seed, epoch, layer
        """,
        activation=activation,
        depth=depth,
        quantity=quantity,
    )
