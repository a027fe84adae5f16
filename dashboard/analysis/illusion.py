"""The one-seed illusion: what someone sees who trains each network once."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def one_seed_illusion(frame: pd.DataFrame, value: str, depths: list[int], early: list[int], then: int) -> float:
    """The share of one-seed experiments that show their best depth early, and a fall right after.

    An experiment draws one run for each of `depths`, independently, as someone does who trains each network once.
    Counted are those whose best figure lies strictly among `early`, and whose figure at `then` is below the one at the
    last of `early`. Exact over all combinations of the stored runs, not sampled.

    Returns:
        A share between 0 and 1; not a number where a depth has no run.
    """
    samples = {depth: np.sort(frame.loc[frame["depth"] == depth, value].to_numpy()) for depth in depths}
    if any(len(values) == 0 for values in samples.values()):
        return float("nan")
    corners = np.stack(np.meshgrid(*(samples[depth] for depth in early), indexing="ij"), axis=-1)
    corners = corners.reshape(-1, len(early))
    best, last = corners.max(axis=1), corners[:, -1]
    chance = _share_below(samples[then], np.minimum(best, last))
    for depth in depths:
        if depth not in early and depth != then:
            chance = chance * _share_below(samples[depth], best)
    return float(chance.mean())


def _share_below(sorted_values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.searchsorted(sorted_values, limits, side="left") / len(sorted_values)


def draw_one_seed(frame: pd.DataFrame, value: str, draw: int) -> pd.DataFrame:
    """One run per depth, drawn independently, as by someone who trains each network once: depth, `value`.

    The same `draw` always gives the same runs, so that a link shows them again.
    """
    generator = np.random.default_rng(draw)
    ordered = frame.sort_values(["depth", "seed"])
    depths, starts = np.unique(ordered["depth"].to_numpy(), return_index=True)
    groups = np.split(ordered[value].to_numpy(), starts[1:])
    picked = [(int(depth), float(generator.choice(group))) for depth, group in zip(depths, groups, strict=True)]
    return pd.DataFrame(picked, columns=["depth", value])
