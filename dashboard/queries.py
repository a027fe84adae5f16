"""Every SELECT of the dashboard: a snapshot and bound parameters in, a small DataFrame out."""

from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.snapshots import connect


def store_facts(snapshot: Path) -> pd.DataFrame:
    """One row: published (UTC), runs, diverged, seconds (total training time), commits (distinct, joined)."""
    return _select(
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
    return _select(
        snapshot,
        f"""
        SELECT activation, depth, count(*) AS seeds, max(epochs) AS epochs,
               count(*) FILTER (status = 'diverged') AS diverged
        FROM {_PLAIN_RUNS} GROUP BY activation, depth ORDER BY activation, depth
        """,
    )


def metrics_at(snapshot: Path, epoch: int) -> pd.DataFrame:
    """Each run at one epoch: activation, depth, seed, split, loss, accuracy."""
    return _select(
        snapshot,
        f"""
        SELECT activation, depth, seed, split, loss, accuracy
        FROM {_PLAIN_RUNS} JOIN epoch_metric USING (run_id)
        WHERE epoch = $epoch ORDER BY activation, depth, seed, split
        """,
        epoch=epoch,
    )


def learning_curves(snapshot: Path, activation: str, depth: int) -> pd.DataFrame:
    """Each run over its epochs: seed, epoch, split, loss, accuracy."""
    return _select(
        snapshot,
        f"""
        SELECT seed, epoch, split, loss, accuracy
        FROM {_PLAIN_RUNS} JOIN epoch_metric USING (run_id)
        WHERE activation = $activation AND depth = $depth ORDER BY seed, split, epoch
        """,
        activation=activation,
        depth=depth,
    )


def metric_over_epochs(snapshot: Path, activation: str) -> pd.DataFrame:
    """Each run over its epochs, all depths: depth, seed, epoch, split, loss, accuracy."""
    return _select(
        snapshot,
        f"""
        SELECT depth, seed, epoch, split, loss, accuracy
        FROM {_PLAIN_RUNS} JOIN epoch_metric USING (run_id)
        WHERE activation = $activation ORDER BY depth, seed, split, epoch
        """,
        activation=activation,
    )


def layer_statistics(snapshot: Path, activation: str, epoch: int) -> pd.DataFrame:
    """Every layer of every run at one epoch: depth, seed, layer, and the statistics of gradients and signals."""
    return _select(
        snapshot,
        f"""
        SELECT depth, seed, layer, gradient_norm, gradient_rms, bias_gradient_norm, update_ratio, delta_rms,
               weight_gain, slope_gain, preactivation_mean, preactivation_std, saturated_fraction, dead_fraction
        FROM {_PLAIN_RUNS} JOIN layer_stat USING (run_id)
        WHERE activation = $activation AND epoch = $epoch ORDER BY depth, seed, layer
        """,
        activation=activation,
        epoch=epoch,
    )


def layer_statistic_over_epochs(snapshot: Path, activation: str, depth: int) -> pd.DataFrame:
    """Every layer of one network over its epochs: seed, epoch, layer, and the statistics of gradients and signals."""
    return _select(
        snapshot,
        f"""
        SELECT seed, epoch, layer, gradient_norm, gradient_rms, bias_gradient_norm, update_ratio, delta_rms,
               weight_gain, slope_gain, preactivation_mean, preactivation_std, saturated_fraction, dead_fraction
        FROM {_PLAIN_RUNS} JOIN layer_stat USING (run_id)
        WHERE activation = $activation AND depth = $depth ORDER BY seed, epoch, layer
        """,
        activation=activation,
        depth=depth,
    )


def histograms(snapshot: Path, activation: str, depth: int, quantity: str) -> pd.DataFrame:
    """Distributions within the layers of one network: seed, epoch, layer, edges (bins + 1), counts (bins)."""
    return _select(
        snapshot,
        f"""
        SELECT seed, epoch, layer, edges, counts
        FROM {_PLAIN_RUNS} JOIN layer_histogram USING (run_id)
        WHERE activation = $activation AND depth = $depth AND quantity = $quantity ORDER BY seed, epoch, layer
        """,
        activation=activation,
        depth=depth,
        quantity=quantity,
    )


def training_examples(snapshot: Path) -> pd.DataFrame:
    """One row: how many training examples are evaluated before the last epoch (sample) and at it (everything)."""
    return _select(
        snapshot,
        f"""
        SELECT min(examples) AS sample, max(examples) AS everything
        FROM {_PLAIN_RUNS} JOIN epoch_metric USING (run_id) WHERE split = 'train'
        """,
    )


def layer_logarithms(snapshot: Path) -> pd.DataFrame:
    """Size of error and gradient in every layer, as means over seeds of base-10 logarithms (zeros left out):
    activation, depth, epoch, layer, seeds, delta_rms, gradient_norm."""
    return _select(
        snapshot,
        f"""
        SELECT activation, depth, epoch, layer, count(*) AS seeds,
               avg(log10(delta_rms::DOUBLE)) FILTER (delta_rms > 0) AS delta_rms,
               avg(log10(gradient_norm::DOUBLE)) FILTER (gradient_norm > 0) AS gradient_norm
        FROM {_PLAIN_RUNS} JOIN layer_stat USING (run_id)
        GROUP BY activation, depth, epoch, layer ORDER BY activation, depth, epoch, layer
        """,
    )


# The networks of the question itself: everything but activation, depth and seed at the asker's settings.
_PLAIN_RUNS = """(
    SELECT * FROM run
    WHERE origin = 'grid' AND dataset = 'mnist' AND train_size = 48000 AND width = 128
      AND initializer = 'glorot_uniform' AND NOT shortcut AND normalization = 'none' AND dropout = 0 AND l2 = 0
      AND optimizer = 'sgd' AND learning_rate = 0.01 AND batch_size = 128 AND epochs = 20
)"""


def _select(snapshot: Path, sql: str, **parameters: Any) -> pd.DataFrame:
    cursor = connect(snapshot)
    try:
        return cursor.execute(sql, parameters or None).df()
    finally:
        cursor.close()
