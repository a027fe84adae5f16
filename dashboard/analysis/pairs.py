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
    (seeds, first), (other_seeds, second) = (_by_seed(frame, value) for frame in (before, after))
    _, here, there = np.intersect1d(seeds, other_seeds, assume_unique=True, return_indices=True)
    return second[there] - first[here]


def _by_seed(frame: pd.DataFrame, value: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The seeds, each once, and the first value of each, where there is one. In NumPy: pages ask for hundreds."""
    seeds, at = np.unique(frame["seed"].to_numpy(), return_index=True)
    values = frame[value].to_numpy(np.float64, na_value=np.nan)[at]
    known = ~np.isnan(values)
    return seeds[known], values[known]
