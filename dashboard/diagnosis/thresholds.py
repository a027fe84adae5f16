"""Every number that a verdict depends on, in one table; the dashboard shows the same table.

Most rules on a single run have two limits: beyond the one, the fault is there; short of the other, it is ruled out;
between them, one run cannot tell. What each means in words stands in the texts, under `threshold.<name>`.
"""

from dataclasses import dataclass

import numpy as np

from dashboard.analysis import gradients
from dashboard.analysis.budget import UNDERTRAINED_GAIN
from dashboard.analysis.differences import NEGLIGIBLE, NEGLIGIBLE_LOSS, Presence
from dashboard.analysis.estimates import CONFIDENCE
from dashboard.analysis.overfitting import WIDE_GAP

CHOSEN = "tests/benchmarks/diagnosis.py"  # chosen on the calibration part of the labelled runs, see there


@dataclass(frozen=True)
class Threshold:
    """A limit: the fault is there beyond `limit`, and ruled out short of `ruled_out`."""

    name: str
    limit: float
    ruled_out: float
    unit: str  # a key of the texts: share, points, nats, factor
    source: str

    def presence(self, value: float | None) -> Presence:
        """Whether a figure is beyond the limit; it cannot be told between the two limits, or without a figure."""
        if value is None or not np.isfinite(value):
            return "cannot_tell"
        upward = self.limit >= self.ruled_out
        if value >= self.limit if upward else value <= self.limit:
            return "yes"
        return "no" if (value <= self.ruled_out if upward else value >= self.ruled_out) else "cannot_tell"

    def strength(self, value: float | None) -> float:
        """How far beyond its limit a figure lies: 0 at the limit, 1 at as much again as the limits are apart, or more.

        Factors are compared by their logarithms.
        """
        if value is None or self.presence(value) != "yes":
            return 0.0
        tiny = np.finfo(float).tiny
        places = [value, self.limit, self.ruled_out]
        there, limit, ruled_out = np.log(np.maximum(places, tiny)) if self.unit == "factor" else places
        return float(min(1.0, abs(there - limit) / abs(limit - ruled_out))) if limit != ruled_out else 1.0


def _own(name: str, limit: float, unit: str, ruled_out: float | None = None, source: str = CHOSEN) -> Threshold:
    return Threshold(name, limit, limit if ruled_out is None else ruled_out, unit, source)


# ---- one run ------------------------------------------------------------------------------------------------------

# A network that has at most so much of the loss of guessing left on its training data has learned them.
TROUBLE = _own("trouble", 0.25, "share", ruled_out=0.18)
BLOWN_UP = _own("blown_up", 1.5, "share", ruled_out=1.2)
EXPLODING_TOTAL = _own("exploding_total", 10.0, "factor", ruled_out=5.0)
VANISHING_STEP = _own("vanishing_factor", gradients.VANISHING_FACTOR, "factor", ruled_out=0.6)
VANISHING_LEFT = _own("vanishing_left", gradients.VANISHING_LEFT, "factor", ruled_out=0.2)
VANISHING_TOTAL = _own("vanishing_total", gradients.VANISHING_TOTAL, "factor", ruled_out=1e-2)
DEAD = _own("dead", 0.75, "share", ruled_out=0.5)
SATURATED = _own("saturated", 0.6, "share", ruled_out=0.4)
HELD_OUT_RISE = _own("held_out_rise", 0.05, "share", ruled_out=0.02)
ACCURACY_GAP = _own("accuracy_gap", WIDE_GAP, "points", ruled_out=0.06)
LATE_GAIN = _own("late_gain", 0.015, "points", ruled_out=0.01)
LATE_FALL = _own("late_fall", 0.02, "share", ruled_out=0.015)
UNTOUCHED = _own("untouched", 0.95, "share")

# ---- several seeds ------------------------------------------------------------------------------------------------

# Whether depth matters at all is asked first, and strictly, since everything else is said only if it does.
OMNIBUS = _own("omnibus", 0.01, "share", source="dashboard/diagnosis/sweep.py")
# What the deeper networks gained in the last quarter of their budget, as a share of what they lack: at a quarter, as
# many epochs again would close it if they went on gaining so.
CATCHING_UP = _own("catching_up", 0.25, "share", source="dashboard/diagnosis/sweep.py")
DIVERGED_SHARE = _own("diverged_share", 0.5, "share", source="dashboard/diagnosis/sweep.py")

SHARED = (
    _own("confidence", CONFIDENCE, "share", source="dashboard/analysis/estimates.py"),
    _own("negligible", NEGLIGIBLE, "points", source="dashboard/analysis/differences.py"),
    _own("negligible_loss", NEGLIGIBLE_LOSS, "nats", source="dashboard/analysis/differences.py"),
    _own("negligible_shrinkage", gradients.NEGLIGIBLE_SHRINKAGE, "factor", source="dashboard/analysis/gradients.py"),
    _own("added_up", gradients.ADDED_UP, "factor", source="dashboard/analysis/gradients.py"),
    _own("undertrained_gain", UNDERTRAINED_GAIN, "points", source="dashboard/analysis/budget.py"),
)

TABLE = (
    TROUBLE,
    BLOWN_UP,
    EXPLODING_TOTAL,
    VANISHING_STEP,
    VANISHING_LEFT,
    VANISHING_TOTAL,
    DEAD,
    SATURATED,
    HELD_OUT_RISE,
    ACCURACY_GAP,
    LATE_GAIN,
    LATE_FALL,
    UNTOUCHED,
    OMNIBUS,
    CATCHING_UP,
    DIVERGED_SHARE,
    *SHARED,
)
