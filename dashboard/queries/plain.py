"""How a SELECT is run, and the runs that most of them are about."""

from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.snapshots import connect

# The networks of the question itself: everything but activation, depth and seed at the asker's settings.
PLAIN_RUNS = """(
    SELECT * FROM run
    WHERE origin = 'grid' AND dataset = 'mnist' AND train_size = 48000 AND width = 128
      AND initializer = 'glorot_uniform' AND NOT shortcut AND normalization = 'none' AND dropout = 0 AND l2 = 0
      AND optimizer = 'sgd' AND learning_rate = 0.01 AND batch_size = 128 AND epochs = 20
)"""


def select(snapshot: Path, sql: str, **parameters: Any) -> pd.DataFrame:
    cursor = connect(snapshot)
    try:
        return cursor.execute(sql, parameters or None).df()
    finally:
        cursor.close()
