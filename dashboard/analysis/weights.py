"""How far training moved the weights of each layer."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.analysis.estimates import Estimate, estimate, exponential

# A kernel that moved by less than a hundredth of its own size is, to the eye and to what it computes, its random start.
UNTOUCHED = 0.01


@dataclass(frozen=True)
class Travel:
    """How far one layer's kernel moved, over the seeds."""

    layer: int
    path: Estimate  # length of the way, in units of the kernel's own norm: it cannot have got further than this
    growth: Estimate  # norm at the end over norm at the start

    @property
    def untouched(self) -> bool:
        return self.path.certain and self.path.high < UNTOUCHED


def travel(norms: pd.DataFrame, epoch: int) -> list[Travel]:
    """How far each layer moved from the start to an epoch; empty where nothing is stored, or before training.

    The length of the way is the sum of all steps, taking each step of an epoch to be as long as its last one, which is
    the one that is measured.

    Args:
        norms: seed, epoch, layer, weight_norm, update_ratio, steps.
    """
    steps = norms[(norms["epoch"] > 0) & (norms["epoch"] <= epoch)]
    if steps.empty:
        return []
    # Where epochs between are not recorded, the next recorded one stands for them.
    recorded = np.array(sorted(steps["epoch"].unique()))
    lengths = dict(zip(recorded, np.diff(recorded, prepend=0), strict=True))
    paths = steps["update_ratio"].astype(np.float64) * steps["steps"] * steps["epoch"].map(lengths)
    ways = steps.assign(path=paths).groupby(["layer", "seed"])["path"].sum(min_count=1).unstack("layer")
    sizes = norms.pivot_table(index="seed", columns=["layer", "epoch"], values="weight_norm")
    found = []
    for layer in sorted(int(each) for each in steps["layer"].unique()):
        with np.errstate(divide="ignore"):
            path = exponential(estimate(np.log(ways[layer].to_numpy(np.float64))))
        whole = {(layer, 0), (layer, epoch)} <= set(sizes.columns)
        growth = (sizes[layer, epoch] / sizes[layer, 0]).to_numpy(np.float64) if whole else np.array([])
        found.append(Travel(layer, path, estimate(growth)))
    return found


def spectrum_change(values: pd.DataFrame, epoch: int) -> pd.DataFrame:
    """What became of each singular value, by rank, from the start to an epoch: layer, rank, start, end, change.

    Args:
        values: epoch, layer, rank, mean.
    """
    start, end = (values[values["epoch"] == at].set_index(["layer", "rank"])["mean"] for at in (0, epoch))
    table = pd.DataFrame({"start": start, "end": end}).dropna()
    return table.assign(change=table["end"] - table["start"]).reset_index()
