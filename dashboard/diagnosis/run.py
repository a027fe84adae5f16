"""The rules for one run, strongest cause first: what is wrong with how this network learned, if anything.

A rule looks at the signs of one run (`signs.py`) and compares them with the limits of `thresholds.py`. It finds its
fault (yes), rules it out, or cannot tell, because the figures lie between the limits or are not stored. Nothing here
says anything about other seeds: that is the work of `sweep.py`.

A small gradient, dead or saturated units are a fault only where the network fails to learn its training data: many a
network has them and learns well all the same, and to call those ill is the commonest false alarm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from dashboard.analysis.differences import Presence
from dashboard.analysis.logic import both, either, opposite
from dashboard.diagnosis import thresholds
from dashboard.diagnosis.signs import Signs, signs_of

Fault = Literal["exploding", "vanishing", "dead", "saturated", "diverged", "plateau", "overfitting", "undertrained"]
# The order of causes: what comes first explains what comes after it. A layer that is dead passes no gradient back, and
# a network without gradient looks as if it were stuck, or had not been trained for long enough. One that is stuck far
# from its training data has that trouble first, whatever its held-out loss does.
FAULTS: tuple[Fault, ...] = get_args(Fault)
RunVerdict = Literal[Fault, "healthy", "cannot_tell"]


@dataclass(frozen=True)
class Figure:
    """A figure that a rule looked at, and the limit that it was compared with.

    The texts name it (`diagnosis.figure.<name>`).
    """

    name: str
    value: float
    limit: float | None = None


@dataclass(frozen=True)
class Finding:
    """One fault, as far as it is there."""

    fault: Fault
    presence: Presence
    strength: float  # 0 to 1: how far beyond its limit the deciding figure lies
    figures: tuple[Figure, ...]
    layers: tuple[int, ...] = ()  # hidden layers concerned; empty where it is the whole network
    epochs: tuple[int, int] | None = None  # from, to


@dataclass(frozen=True)
class RunDiagnosis:
    """What is wrong with one run.

    `verdict` is the strongest cause that is surely there; `healthy` where every fault is ruled out; `cannot_tell` where
    none is sure and some cannot be ruled out, among them those for which the store lacks what the rule needs.
    """

    verdict: RunVerdict
    findings: tuple[Finding, ...]  # present or possible, the strongest cause first
    signs: Signs


def diagnose(run: Mapping[str, Any], metrics: pd.DataFrame, layers: pd.DataFrame) -> RunDiagnosis:
    """Diagnoses one run from its stored history.

    Args:
        run: its row in the table `run`, with at least depth, activation and diverged_epoch (a dict, or a row of a
            DataFrame).
        metrics: its rows in `epoch_metric`: epoch, split, loss, accuracy.
        layers: its rows in `layer_stat`: epoch, layer, delta_rms, weight_gain, slope_gain, update_ratio,
            saturated_fraction, dead_fraction. May be empty; then what needs them cannot be told.
    """
    return judge(signs_of(run, metrics, layers))


def judge(signs: Signs) -> RunDiagnosis:
    """Applies every rule to the signs of one run."""
    found = tuple(finding for rule in RULES if (finding := rule(signs)).presence != "no")
    sure = [finding.fault for finding in found if finding.presence == "yes"]
    verdict: RunVerdict = sure[0] if sure else "cannot_tell" if found else "healthy"
    return RunDiagnosis(verdict, found, signs)


def _trouble(signs: Signs) -> Presence:
    """Whether the network failed to learn its own training data. One that diverged did."""
    return "yes" if signs.diverged_epoch is not None else thresholds.TROUBLE.presence(signs.loss_left)


def _figures(*figures: tuple[str, float | None, float | None]) -> tuple[Figure, ...]:
    return tuple(Figure(name, value, limit) for name, value, limit in figures if value is not None)


def exploding(signs: Signs) -> Finding:
    """δ grows on its way back before training has begun, and the network fails to learn.

    A start too large for the depth (Glorot & Bengio 2010, section 4.2; He et al. 2015, section 2.2).
    """
    total = signs.start.total if signs.start else None
    return Finding(
        "exploding",
        both(_needs_flow(signs, thresholds.EXPLODING_TOTAL.presence(total)), _trouble(signs)),
        thresholds.EXPLODING_TOTAL.strength(total),
        _figures(
            ("start_total", total, thresholds.EXPLODING_TOTAL.limit),
            ("start_factor", signs.start.factor if signs.start else None, None),
            ("loss_left", signs.loss_left, thresholds.TROUBLE.limit),
        ),
        tuple(range(1, signs.depth + 1)),
        (0, 0),
    )


def vanishing(signs: Signs) -> Finding:
    """δ shrinks on its way back before training has begun, and the network fails to learn (`flow.py`).

    Hochreiter 1991; Bengio et al. 1994; Glorot & Bengio 2010.
    """
    flow = signs.start
    by_step = both(
        thresholds.VANISHING_STEP.presence(flow.factor if flow else None),
        thresholds.VANISHING_LEFT.presence(flow.total if flow else None),
    )
    by_factor = by_step == "yes" or not flow or flow.factor < thresholds.VANISHING_STEP.ruled_out
    left = thresholds.VANISHING_LEFT if by_factor else thresholds.VANISHING_TOTAL  # what the total is compared with
    by_total = thresholds.VANISHING_TOTAL.presence(flow.total if flow else None)
    ratio = None
    if signs.first_movement is not None and signs.last_movement:
        ratio = signs.first_movement / signs.last_movement
    return Finding(
        "vanishing",
        both(_needs_flow(signs, either(by_step, by_total)), _trouble(signs)),
        max(
            thresholds.VANISHING_STEP.strength(flow.factor if flow else None),
            thresholds.VANISHING_TOTAL.strength(flow.total if flow else None),
        ),
        _figures(
            ("start_factor", flow.factor if flow else None, thresholds.VANISHING_STEP.limit),
            ("start_total", flow.total if flow else None, left.limit),
            ("weights", flow.weights if flow else None, None),
            ("slope", flow.slope if flow else None, None),
            ("movement", ratio, None),
            ("loss_left", signs.loss_left, thresholds.TROUBLE.limit),
        ),
        tuple(range(1, signs.depth)),
        (0, signs.last_epoch),
    )


def dead(signs: Signs) -> Finding:
    """Nearly all units of a layer are silent on every example, so that nothing passes in either direction.

    Lu et al. 2020, "Dying ReLU and initialization", section 2. Only of relu: a sigmoid or tanh whose slope is zero in
    the computer's numbers is saturated.
    """
    share = max(signs.dead.values(), default=None if signs.depth else 0.0)
    return Finding(
        "dead",
        both("yes" if signs.activation == "relu" else "no", thresholds.DEAD.presence(share), _trouble(signs)),
        thresholds.DEAD.strength(share),
        _figures(
            ("dead_share", share, thresholds.DEAD.limit),
            ("loss_left", signs.loss_left, thresholds.TROUBLE.limit),
        ),
        tuple(layer for layer, value in signs.dead.items() if value > thresholds.DEAD.ruled_out),
        (signs.dead_since or 0, signs.last_epoch),
    )


def saturated(signs: Signs) -> Finding:
    """Units were pushed into the flat ends of their activation, where its slope is below a twentieth of the steepest.

    Glorot & Bengio 2010, section 3. (They need not have been there at the start: then the steps were too large.) It
    cannot be told from the plateau of a network with too few units, which are at their ends because they are few.
    """
    has_ends = signs.depth and signs.activation not in ("linear", "relu")  # that are flat on both sides
    share = max(signs.saturated.values(), default=None if has_ends else 0.0)
    return Finding(
        "saturated",
        both(thresholds.SATURATED.presence(share), _trouble(signs), "cannot_tell" if signs.few_units else "yes"),
        thresholds.SATURATED.strength(share),
        _figures(
            ("saturated_share", share, thresholds.SATURATED.limit),
            ("saturated_start", max(signs.saturated_start.values(), default=None), None),
            ("loss_left", signs.loss_left, thresholds.TROUBLE.limit),
        ),
        tuple(layer for layer, value in signs.saturated.items() if value > thresholds.SATURATED.ruled_out),
        (0, signs.last_epoch),
    )


def diverged(signs: Signs) -> Finding:
    """The loss became infinite or not a number, or ended far above that of guessing: the steps were too large."""
    broken = signs.diverged_epoch is not None
    return Finding(
        "diverged",
        "yes" if broken else thresholds.BLOWN_UP.presence(signs.loss_left),
        1.0 if broken else thresholds.BLOWN_UP.strength(signs.loss_left),
        _figures(
            ("diverged_epoch", signs.diverged_epoch, None),
            ("loss_left", signs.loss_left, thresholds.BLOWN_UP.limit),
        ),
        (),
        (signs.diverged_epoch or 0, signs.last_epoch if signs.diverged_epoch is None else signs.diverged_epoch),
    )


def plateau(signs: Signs) -> Finding:
    """The training loss is still high, and has stopped falling."""
    return Finding(
        "plateau",
        both(_trouble(signs), opposite(_improving(signs))),
        thresholds.TROUBLE.strength(signs.loss_left),
        _figures(
            ("loss_left", signs.loss_left, thresholds.TROUBLE.limit),
            ("late_fall", signs.late_fall, thresholds.LATE_FALL.ruled_out),
            ("late_gain", signs.late_gain, thresholds.LATE_GAIN.ruled_out),
        ),
        (),
        (signs.since, signs.last_epoch),
    )


def overfitting(signs: Signs) -> Finding:
    """The held-out loss rises after its best epoch while the training loss falls; or, where it does not rise, the gap
    between training and test accuracy is large all the same (Goodfellow et al. 2016, section 5.2).

    The validation set chooses the best epoch, the test set judges the rise: how far its loss stayed above that of the
    best epoch all through the last quarter, as a share of it.
    """
    rise, gap = signs.held_out_rise, signs.accuracy_gap
    falls = signs.train_fall is not None and signs.train_fall > 0
    later = signs.best_epoch is not None and signs.best_epoch < signs.last_epoch
    rises = both(thresholds.HELD_OUT_RISE.presence(rise), "yes" if falls and later else "no")
    # Without an accuracy, as in a regression, the losses decide alone.
    wide = "no" if gap is None else thresholds.ACCURACY_GAP.presence(gap)
    return Finding(
        "overfitting",
        either(rises, wide),
        max(thresholds.HELD_OUT_RISE.strength(rise), thresholds.ACCURACY_GAP.strength(gap)),
        _figures(
            ("held_out_rise", rise, thresholds.HELD_OUT_RISE.limit),
            ("train_fall", signs.train_fall, None),
            ("best_epoch", signs.best_epoch, None),
            ("accuracy_gap", gap, thresholds.ACCURACY_GAP.limit),
        ),
        (),
        (signs.best_epoch or 0, signs.last_epoch),
    )


def undertrained(signs: Signs) -> Finding:
    """The last quarter of the budget still brought a gain that matters."""
    return Finding(
        "undertrained",
        "no" if signs.diverged_epoch is not None else _improving(signs),
        thresholds.LATE_GAIN.strength(signs.late_gain),
        _figures(
            ("late_gain", signs.late_gain, thresholds.LATE_GAIN.limit),
            ("late_fall", signs.late_fall, thresholds.LATE_FALL.limit),
        ),
        (),
        (signs.since, signs.last_epoch),
    )


def _improving(signs: Signs) -> Presence:
    """Whether validation accuracy rises and the training loss falls: on a plateau, the accuracy alone may stray up.

    Where nothing has been learned yet, the accuracy alone decides, since it moves long before the loss does.
    """
    if signs.diverged_epoch is not None:
        return "yes"  # it has no plateau
    falling = thresholds.LATE_FALL.presence(signs.late_fall)
    untouched = thresholds.UNTOUCHED.presence(signs.loss_left)
    return both(thresholds.LATE_GAIN.presence(signs.late_gain), either(falling, untouched))


def _needs_flow(signs: Signs, presence: Presence) -> Presence:
    """Below two hidden layers δ has no way to go, so that nothing can shrink or grow with depth."""
    return "no" if signs.depth < 2 else presence


RULES: tuple[Callable[[Signs], Finding], ...] = (
    exploding,
    vanishing,
    dead,
    saturated,
    diverged,
    plateau,
    overfitting,
    undertrained,
)
