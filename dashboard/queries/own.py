"""Runs that are somebody's own: recorded by the Keras callback, or imported from TensorBoard."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import select

# Of a sweep, one run per depth and seed, the latest. Where no seed was given, the runs of a depth are numbered.
_MEMBERS = """(
    WITH numbered AS (
        SELECT * REPLACE (coalesce(seed, row_number() OVER (PARTITION BY depth, seed ORDER BY run_id) - 1) AS seed)
        FROM run WHERE origin <> 'grid' AND sweep = $sweep AND depth IS NOT NULL AND status IN ('finished', 'diverged')
    )
    FROM numbered QUALIFY row_number() OVER (PARTITION BY depth, seed ORDER BY run_id) = 1
)"""


def own_runs(snapshot: Path) -> pd.DataFrame:
    """Every own run: the columns of the table `run`."""
    return select(snapshot, "SELECT * FROM run WHERE origin <> 'grid' ORDER BY sweep, depth, seed, name, run_id")


def own_layers(snapshot: Path, run_id: str) -> pd.DataFrame:
    """What the layers of an own run are called: layer, name, kind, activation, inputs, units."""
    return select(
        snapshot,
        "SELECT layer, name, kind, activation, inputs, units FROM own_layer WHERE run_id = $run_id ORDER BY layer",
        run_id=run_id,
    )


def own_notes(snapshot: Path, run_id: str) -> pd.DataFrame:
    """What could not be recorded: note, detail."""
    return select(snapshot, "SELECT note, detail FROM own_note WHERE run_id = $run_id ORDER BY note", run_id=run_id)


def own_sweep_metrics(snapshot: Path, sweep: str) -> pd.DataFrame:
    """Each run of an own sweep over its epochs: depth, seed, epoch, split, loss, accuracy, classes, diverged."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, epoch, split, loss, accuracy, classes, status = 'diverged' AS diverged
        FROM {_MEMBERS} JOIN epoch_metric USING (run_id) ORDER BY depth, seed, split, epoch
        """,
        sweep=sweep,
    )


def own_sweep_start(snapshot: Path, sweep: str) -> pd.DataFrame:
    """Every layer of the runs of an own sweep before training: depth, seed, layer, statistics of the error δ."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, layer, delta_rms, weight_gain, slope_gain, normalization_gain, shortcut_gain,
               preactivation_mean, preactivation_std
        FROM {_MEMBERS} JOIN layer_stat USING (run_id) WHERE epoch = 0 ORDER BY depth, seed, layer
        """,
        sweep=sweep,
    )
