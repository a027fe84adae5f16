"""Single runs: the list of all of them, and everything that was measured of some."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import BEFORE, select


def all_runs(snapshot: Path) -> pd.DataFrame:
    """Every run of the grid, whatever its study: the columns of the table `run`, last_epoch (the last that is stored),
    and loss and accuracy of the splits at it: train_loss, train_accuracy, validation_loss, …"""
    figures = ", ".join(
        f"max({metric}) FILTER (split = '{split}') AS {split}_{metric}"
        for split in ("train", "validation", "test")
        for metric in ("loss", "accuracy")
    )
    known = ", ".join(f"coalesce({field}, {value}) AS {field}" for field, value in BEFORE.items())
    return select(
        snapshot,
        f"""
        WITH last AS (SELECT run_id, max(epoch) AS last_epoch FROM epoch_metric GROUP BY run_id),
        ends AS (
            SELECT run_id, last_epoch, {figures}
            FROM epoch_metric JOIN last USING (run_id) WHERE epoch = last_epoch GROUP BY run_id, last_epoch
        )
        SELECT * REPLACE ({known}) FROM run LEFT JOIN ends USING (run_id) WHERE origin = 'grid'
        ORDER BY dataset, activation, depth, regexp_replace(name, ' seed [0-9]+$', ''), seed
        """,
    )


def run_curves(snapshot: Path, run_ids: list[str]) -> pd.DataFrame:
    """Some runs over their epochs: run_id, epoch, split, loss, accuracy, examples (how many they are means over)."""
    return select(
        snapshot,
        """
        SELECT run_id, epoch, split, loss, accuracy, examples FROM epoch_metric
        WHERE run_id IN (SELECT unnest($run_ids)) ORDER BY run_id, split, epoch
        """,
        run_ids=run_ids,
    )


def run_layers(snapshot: Path, run_ids: list[str], statistic: str) -> pd.DataFrame:
    """One statistic of every layer of some runs over their epochs: run_id, epoch, layer, value.

    Args:
        statistic: the name of a column of `layer_stat`.
    """
    quoted = '"' + statistic.replace('"', '""') + '"'
    return select(
        snapshot,
        f"""
        SELECT run_id, epoch, layer, {quoted} AS value FROM layer_stat
        WHERE run_id IN (SELECT unnest($run_ids)) ORDER BY run_id, layer, epoch
        """,
        run_ids=run_ids,
    )


def run_confusion(snapshot: Path, run_id: str) -> pd.DataFrame:
    """Test images of one run: actual, predicted, count; pairs that do not occur are left out."""
    return select(
        snapshot,
        "SELECT actual, predicted, count FROM confusion WHERE run_id = $run_id ORDER BY actual, predicted",
        run_id=run_id,
    )


def run_provenance(snapshot: Path, run_id: str) -> pd.DataFrame:
    """One row: the code, the versions and the machine that made one run."""
    return select(
        snapshot,
        "SELECT provenance.* FROM provenance JOIN run USING (provenance_id) WHERE run_id = $run_id",
        run_id=run_id,
    )
