"""How a SELECT is run, and the runs that most of them are about."""

from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.snapshots import connect

# Most results are small frames that are cut, grouped and joined by their words: for those Python's strings are faster
# than Arrow's, which pandas would take.
pd.set_option("mode.string_storage", "python")

# What two runs of one family share: all but depth and seed. The values are those of the question itself.
PLAIN: dict[str, Any] = {
    "dataset": "mnist",
    "validation_size": 12_000,
    "train_size": 48_000,
    "width": 128,
    "activation": "linear",
    "output": "softmax",
    "initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "shortcut": False,
    "normalization": "none",
    "dropout": 0.0,
    "l2": 0.0,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "batch_size": 128,
    "epochs": 20,
}
FAMILY = tuple(PLAIN)
# Runs that were stored before these columns existed were all trained so.
BEFORE = {"validation_size": "12000", "output": "'softmax'", "bias_initializer": "'zeros'"}
COLUMN = {field: f"coalesce({field}, {BEFORE[field]})" if field in BEFORE else field for field in FAMILY}


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


_DEEPEST_OF_ALL = 1_000_000


def plain_runs(**other: Any) -> str:
    """The networks of the question itself, as a table for FROM: everything but activation, depth and seed at the
    asker's settings, or at `other` ones.

    None is deeper than those without an activation function, if there are such: what another study has of fifty layers
    would leave the pictures of all activation functions side by side all but empty.
    """
    plain = " AND ".join(
        f"{COLUMN[field]} = {_literal(value)}" for field, value in (PLAIN | other).items() if field != "activation"
    )
    return f"""(
        SELECT * FROM run WHERE origin = 'grid' AND {plain} AND depth <= coalesce(
            (SELECT max(depth) FROM run WHERE origin = 'grid' AND activation = 'linear' AND {plain}), {_DEEPEST_OF_ALL}
        )
    )"""


PLAIN_RUNS = plain_runs()


def select(snapshot: Path, sql: str, **parameters: Any) -> pd.DataFrame:
    cursor = connect(snapshot)
    try:
        return cursor.execute(sql, parameters or None).df()
    finally:
        cursor.close()
