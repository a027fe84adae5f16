"""Two settings compared over the seeds that both were trained with."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def paired_values(before: pd.DataFrame, after: pd.DataFrame, value: str) -> NDArray[np.float64]:
    """`value` of `after` less that of `before`, one number for each seed that both have: runs with the same seed saw
    the same batches, as far as their data and batch size are alike.

    Args:
        before, after: seed and `value`; one row a run.
    """
    first, second = (frame.drop_duplicates("seed").set_index("seed")[value].dropna() for frame in (before, after))
    common = first.index.intersection(second.index)
    return (second[common] - first[common]).to_numpy(np.float64)
