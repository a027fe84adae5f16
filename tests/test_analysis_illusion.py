"""The one-seed illusion, against every experiment that there could be."""

import itertools
import math

import numpy as np
import pytest
from frames import runs

from dashboard.analysis.illusion import one_seed_illusion


def illusion_by_brute_force(values: dict[int, list[float]], early: list[int], then: int) -> float:
    """Tries every experiment."""
    depths = list(values)
    hits = []
    for experiment in itertools.product(*values.values()):
        seen = dict(zip(depths, experiment, strict=True))
        best = max(seen[depth] for depth in early)
        later = [seen[depth] for depth in depths if depth not in early]
        hits.append(all(value < best for value in later) and seen[then] < seen[early[-1]])
    return float(np.mean(hits))


@pytest.mark.parametrize("seed", range(5))
def test_the_illusion_is_the_share_of_all_experiments(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Rounded, so that ties occur; the groups differ in size, as in a store that is still growing.
    values = {depth: list(generator.normal(0.9, 0.01, 2 + depth % 3).round(2)) for depth in range(2, 8)}
    early, then = [2, 3, 4], 5
    found = one_seed_illusion(runs(values), "accuracy", list(values), early, then)
    assert found == pytest.approx(illusion_by_brute_force(values, early, then))


def test_the_illusion_cannot_be_counted_where_a_depth_is_missing() -> None:
    assert math.isnan(one_seed_illusion(runs({2: [0.9], 3: [0.8]}), "accuracy", [2, 3, 4], [2, 3], 4))
