"""Distributions within a layer, from their stored histograms."""

import numpy as np
from numpy.typing import NDArray


def pooled_density(
    edges: list[NDArray[np.float64]], counts: list[NDArray[np.int64]], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Histograms with bins of their own, brought onto a common grid and averaged, each with the same weight.

    Args:
        edges: (bins + 1,) per histogram.
        counts: (bins,) per histogram.
        grid: ascending edges of the common bins.

    Returns:
        (len(grid) - 1,) shares of the values per unit of the quantity; zeros where there is no value at all.
    """
    shares = [
        np.diff(np.interp(grid, own, np.concatenate([[0.0], np.cumsum(number) / np.sum(number)]), left=0.0, right=1.0))
        for own, number in zip(edges, counts, strict=True)
        if np.sum(number) > 0
    ]
    return np.mean(shares, axis=0) / np.diff(grid) if shares else np.zeros(len(grid) - 1)


def quantile_range(
    edges: list[NDArray[np.float64]], counts: list[NDArray[np.int64]], coverage: float
) -> tuple[float, float]:
    """The narrowest range that holds the middle `coverage` of every histogram; (0, 0) where there is no value."""
    tails = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    ends = [
        np.interp(tails, np.concatenate([[0.0], np.cumsum(number) / np.sum(number)]), own)
        for own, number in zip(edges, counts, strict=True)
        if np.sum(number) > 0
    ]
    if not ends:
        return 0.0, 0.0
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))
