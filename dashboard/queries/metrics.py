"""Loss and accuracy of each run."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, plain_runs, select


def metrics_at(snapshot: Path, epoch: int) -> pd.DataFrame:
    """Each run at one epoch: activation, depth, seed, split, loss, accuracy."""
    return select(
        snapshot,
        f"""
        SELECT activation, depth, seed, split, loss, accuracy
        FROM {PLAIN_RUNS} JOIN epoch_metric USING (run_id)
        WHERE epoch = $epoch ORDER BY activation, depth, seed, split
        """,
        epoch=epoch,
    )


def learning_curves(snapshot: Path, activation: str, depth: int, **budget: int) -> pd.DataFrame:
    """Each run over its epochs: seed, epoch, split, loss, accuracy.

    Args:
        budget: train_size and epochs, where they are not those of the question.
    """
    return select(
        snapshot,
        f"""
        SELECT seed, epoch, split, loss, accuracy
        FROM {plain_runs(**budget)} JOIN epoch_metric USING (run_id)
        WHERE activation = $activation AND depth = $depth ORDER BY seed, split, epoch
        """,
        activation=activation,
        depth=depth,
    )


def metric_over_epochs(snapshot: Path, activation: str, **budget: int) -> pd.DataFrame:
    """Each run over its epochs, all depths: depth, seed, epoch, split, loss, accuracy.

    Args:
        budget: as in `learning_curves`.
    """
    return select(
        snapshot,
        f"""
        SELECT depth, seed, epoch, split, loss, accuracy
        FROM {plain_runs(**budget)} JOIN epoch_metric USING (run_id)
        WHERE activation = $activation ORDER BY depth, seed, split, epoch
        """,
        activation=activation,
    )
