"""Histograms as they are stored, made into tables."""

import numpy as np
import pandas as pd


def bin_rows(histograms: pd.DataFrame) -> pd.DataFrame:
    """Histograms with one row a bin: seed, epoch, layer, low, high, count."""
    counts = [len(each) for each in histograms["counts"]]
    return pd.DataFrame(
        {name: np.repeat(histograms[name].to_numpy(), counts) for name in ("seed", "epoch", "layer")}
        | {
            "low": np.concatenate([edges[:-1] for edges in histograms["edges"]]),
            "high": np.concatenate([edges[1:] for edges in histograms["edges"]]),
            "count": np.concatenate([*histograms["counts"]]),
        }
    )
