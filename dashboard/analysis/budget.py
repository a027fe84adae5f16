"""The budget of training: whether it ended too soon."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.analysis.differences import NEGLIGIBLE, Presence
from dashboard.analysis.estimates import Estimate, estimate

# The last quarter of the budget still buys this much test accuracy: then it was too short.
UNDERTRAINED_GAIN = NEGLIGIBLE


@dataclass(frozen=True)
class Budget:
    """What the last epochs still gained in test accuracy, paired over seeds."""

    since: int
    last: int
    gain: Estimate
    too_short: Presence


def budget(curves: pd.DataFrame) -> Budget:
    """Whether training ended too soon: did the last quarter of the epochs still gain more than is negligible?"""
    wide = curves[curves["split"] == "test"].pivot_table(index="seed", columns="epoch", values="accuracy")
    epochs = wide.columns.to_numpy(np.int64)  # not all of them: long runs are not measured after every epoch
    if len(epochs) < 2:
        return Budget(0, int(epochs.max(initial=0)), estimate(np.array([])), "cannot_tell")
    last = int(epochs.max())
    since = int(epochs[epochs <= last - max(1, last // 4)].max(initial=epochs.min()))
    gain = estimate((wide[last] - wide[since]).to_numpy())
    if not gain.certain:
        return Budget(since, last, gain, "cannot_tell")
    if gain.low > UNDERTRAINED_GAIN:
        return Budget(since, last, gain, "yes")
    return Budget(since, last, gain, "no" if gain.high < UNDERTRAINED_GAIN else "cannot_tell")
