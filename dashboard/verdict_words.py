"""Verdicts in words: what a diagnosis says, in the reader's language, with its figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from dashboard.analysis.gradients import Shrinkage, larger_part
from dashboard.diagnosis.counterfactuals import Counterfactual
from dashboard.diagnosis.run import Figure, Finding, RunDiagnosis
from dashboard.diagnosis.sweep import POWER, Change, Kind, SweepDiagnosis
from dashboard.diagnosis.thresholds import TABLE, Threshold
from dashboard.settings_wording import SettingsWording
from dashboard.texts import Texts
from dashboard.wording import Wording

# How each figure of a run is written: a share of something, a factor, a difference of accuracies, or a plain number.
FORMS: dict[str, Literal["share", "factor", "points", "nats", "number"]] = {
    "start_total": "factor",
    "start_factor": "factor",
    "weights": "factor",
    "slope": "factor",
    "movement": "factor",
    "loss_left": "share",
    "dead_share": "share",
    "saturated_share": "share",
    "saturated_start": "share",
    "held_out_rise": "share",
    "late_fall": "share",
    "late_gain": "points",
    "accuracy_gap": "points",
    "train_fall": "nats",
    "best_epoch": "number",
    "diverged_epoch": "number",
}


@dataclass(frozen=True)
class VerdictWords:
    """Writes verdicts in one language, with depths counted as the reader does."""

    texts: Texts
    counting: Literal["hidden", "dense"]

    @property
    def _accuracy(self) -> Wording:
        return Wording(self.texts, self.counting, "accuracy")

    # ---- a sweep over depth ---------------------------------------------------------------------------------------

    def sweep(self, found: SweepDiagnosis) -> list[str]:
        """What depth does, of which kind it is, what is ruled out, and what cannot be told."""
        sentences = [self._effect(found), self._whole(found)]
        if found.effect != "no":
            # The kind of a fall is no matter where it is not sure that depth makes one.
            kind = self.kind(found.whole) if found.verdict == found.whole.verdict else ""
            sentences += [kind, *self.others(found.whole, found.overfits_from)]
        return [sentence for sentence in sentences if sentence]

    def _effect(self, found: SweepDiagnosis) -> str:
        said = self.texts(f"sweep.effect.{found.effect}", p=f"{found.p_value:.2g}")
        return f"{said} {self.texts('sweep.lacking', seeds=found.lacking)}" if found.lacking else said

    def _whole(self, found: SweepDiagnosis) -> str:
        change = found.whole
        key = "tiny" if change.tiny and found.effect == "yes" else found.verdict
        sentence = self.texts(
            f"sweep.whole.{key}",
            before=self._accuracy.depths(change.before),
            after=self._accuracy.depths(change.after),
            difference=self._accuracy.difference(change.test.estimate),
            negligible=self._accuracy.negligible,
        )
        if found.rivals not in ((), (found.best,)):
            sentence += " " + self.texts("wording.rivals", depths=self._accuracy.depths(*found.rivals))
        return f"{sentence} {self.seeds_needed(change)}".rstrip() if key == "cannot_tell" else sentence

    def seeds_needed(self, change: Change) -> str:
        """How many more seeds would decide; nothing where no number would, or nothing is open."""
        if change.further_seeds is None:
            return ""
        return self.texts("sweep.further", seeds=change.further_seeds, power=f"{POWER * 100:g}")

    def kind(self, change: Change) -> str:
        """Of which kind a fall is, with its evidence; nothing where there is no fall to explain."""
        if change.kind in ("none", "tiny", "noise") or change.verdict == "cannot_tell":
            return ""
        return self.texts(f"sweep.kind.{change.kind}", **self._evidence(change))

    def _evidence(self, change: Change) -> dict[str, str]:
        loss = Wording(self.texts, self.counting, "loss")
        flow = change.flow
        return {
            "train": self._accuracy.difference(change.train.estimate),
            "train_loss": loss.difference(change.train_loss.estimate),
            "test_loss": loss.difference(change.test_loss.estimate),
            "after": self._accuracy.depths(change.after),
            "diverged": f"{change.diverged * 100:.0f} %",
            "gain": self._accuracy.difference(change.budget.gain) if change.budget else "–",
            "flow": self.flow(flow) if flow else "–",
        }

    def flow(self, flow: Shrinkage) -> str:
        """What becomes of δ, and which part of it is the slope's."""
        return self.texts(
            "sweep.flow",
            total=factor(flow.total.mean),
            per_layer=factor(flow.per_layer.mean),
            weights=factor(flow.weights.mean),
            slope=factor(flow.slope.mean),
        ) + (self.texts(f"sweep.part.{larger_part(flow)}") if flow.per_layer.high < 1 else "")

    def others(self, change: Change, overfits_from: int | None = None) -> list[str]:
        """The kinds that are there beside the one named, those too weak to notice, those that are ruled out, and those
        that cannot be told.

        Args:
            overfits_from: see `SweepDiagnosis`.
        """
        said = {"yes": "sweep.at_work", "tiny": "sweep.weak", "no": "sweep.ruled_out", "cannot_tell": "sweep.open"}
        # A fall of the training accuracy is part of the other kinds, and of the one that leaves open which.
        explained = change.verdict == "fall" and change.kind != "cannot_tell"
        named = {change.kind, "degradation"} if explained else {change.kind}
        sentences = []
        for presence, key in said.items():
            names = [
                self._cause_between(kind, change, overfits_from)
                for kind, there in change.causes.items()
                if there == presence and kind != "noise" and kind not in named
            ]
            if names:
                sentences.append(self.texts(key, names=self.texts("wording.separator").join(names)))
        return sentences

    def steps(self, found: list[Change]) -> pd.DataFrame:
        """One row a step: the depths, the change with its interval, the verdict, the kind of a fall, further seeds."""
        names = {
            name: self.texts(f"sweep.step.{name}") for name in ("step", "change", "verdict", "kind", "further_seeds")
        }
        return pd.DataFrame(
            [
                {
                    names["step"]: f"{self._accuracy.layers(change.before)} → {self._accuracy.layers(change.after)}",
                    names["change"]: self._accuracy.difference(change.test.estimate).replace("**", ""),
                    names["verdict"]: self.texts(f"verdict.{change.verdict}"),
                    names["kind"]: self._kind_name(change),
                    names["further_seeds"]: str(change.further_seeds or ""),
                }
                for change in found
            ]
        )

    def _kind_name(self, change: Change) -> str:
        if change.verdict != "fall":
            return ""
        key = {
            "tiny": "sweep.step.tiny",
            "cannot_tell": "verdict.cannot_tell",
            "degradation_open": "sweep.cause.degradation",
        }.get(change.kind)
        return self.texts(key or f"sweep.cause.{change.kind}")

    def _cause_between(self, kind: Kind, change: Change, overfits_from: int | None) -> str:
        """The name of a kind, and from which depth on, where that is not the one that the sentence names."""
        if kind != "overfitting" or overfits_from is None or overfits_from == change.before:
            return self.texts(f"sweep.cause.{kind}")
        return self.texts("sweep.cause.overfitting_from", before=self._accuracy.depths(overfits_from))

    def cause(self, found: SweepDiagnosis, kind: Kind) -> str:
        """One kind of harm between the best depth and the deepest: at work, ruled out, or cannot tell."""
        change = found.whole
        by_loss = found.overfits_from if kind == "overfitting" else None
        before = change.before if by_loss is None else by_loss
        return self.texts(
            f"sweep.about.{change.causes[kind]}",
            cause=self.texts(f"sweep.cause.{kind}"),
            before=self._accuracy.depths(before),
            after=self._accuracy.depths(change.after),
        )

    # ---- one run --------------------------------------------------------------------------------------------------

    def run(self, found: RunDiagnosis) -> list[str]:
        """The verdict on a run, and each finding with its figures."""
        if found.verdict in ("healthy", "cannot_tell"):
            first = self.texts(f"diagnosis.verdict.{found.verdict}")
        else:
            first = self.texts("diagnosis.verdict.fault", fault=self.texts(f"diagnosis.fault.{found.verdict}"))
        return [first, *(self.finding(finding) for finding in found.findings)]

    def finding(self, found: Finding) -> str:
        certainty = "cannot_tell" if found.presence == "cannot_tell" else "clear" if found.strength >= 1 else "probable"
        figures = self.texts("diagnosis.and").join(self.figure(figure) for figure in found.figures)
        return self.texts(
            "diagnosis.finding",
            fault=self.texts(f"diagnosis.fault.{found.fault}"),
            certainty=self.texts(f"diagnosis.certainty.{certainty}"),
            figures=figures,
            where=self._where(found),
        )

    def figure(self, figure: Figure) -> str:
        form = FORMS[figure.name]
        text = f"{self.texts(f'diagnosis.figure.{figure.name}')} {written(figure.value, form)}"
        if figure.limit is None:
            return text
        return text + self.texts("diagnosis.limit", limit=written(figure.limit, form))

    def _where(self, found: Finding) -> str:
        parts = []
        if found.layers:
            parts.append(
                self.texts("diagnosis.layers", layers=self.texts("wording.separator").join(map(str, found.layers)))
            )
        if found.epochs and found.epochs[0] != found.epochs[1]:
            parts.append(self.texts("diagnosis.epochs", first=found.epochs[0], last=found.epochs[1]))
        elif found.epochs:
            parts.append(self.texts("diagnosis.epoch", epoch=found.epochs[0]))
        return self.texts("wording.separator").join(parts)

    def remedies(self, found: RunDiagnosis, stored: list[Counterfactual], most: int = 3) -> list[str]:
        """What to try: the single changes that the stored runs show to help, or else what usually does."""
        helped: dict[frozenset[str], Counterfactual] = {}
        for each in stored:  # the best of each kind of change
            if each.verdict == "rise":
                helped.setdefault(each.fields, each)
        if helped:
            return [self.counterfactual(each) for each in list(helped.values())[:most]]
        if found.verdict in ("healthy", "cannot_tell"):
            return []
        stored_or_not = self.texts("diagnosis.unsure" if stored else "diagnosis.untested")
        return [self.texts(f"diagnosis.try.{found.verdict}") + " " + stored_or_not]

    def counterfactual(self, found: Counterfactual) -> str:
        """A change, and its effect on test accuracy."""
        return self.texts(
            "diagnosis.change",
            change=self.change(found.changed),
            difference=self._accuracy.difference(found.effect),
        )

    def change(self, changed: Mapping[str, tuple[Any, Any]]) -> str:
        """`activation: sigmoid → relu`."""
        return self.texts("wording.separator").join(self._changes(changed, "wording.change"))

    def change_in_lines(self, changed: Mapping[str, tuple[Any, Any]]) -> str:
        """The same in two lines, for where a phone would have no room left for the figures."""
        return "<br>".join(self._changes(changed, "wording.change" if len(changed) > 1 else "wording.change_in_lines"))

    def _changes(self, changed: Mapping[str, tuple[Any, Any]], form: str) -> list[str]:
        settings = SettingsWording(self.texts, self.counting)
        return [
            self.texts(
                form,
                name=settings.name(field),
                before=settings.value(field, before),
                after=settings.value(field, after),
            )
            for field, (before, after) in changed.items()
        ]

    # ---- the table of thresholds ----------------------------------------------------------------------------------

    def thresholds(self) -> pd.DataFrame:
        """Every number that a verdict depends on, as the rules use it."""
        names = {name: self.texts(f"threshold.column.{name}") for name in ("meaning", "limit", "ruled_out", "source")}
        return pd.DataFrame(
            [
                {
                    names["meaning"]: self.texts(f"threshold.{each.name}"),
                    names["limit"]: limit_of(each, each.limit),
                    names["ruled_out"]: limit_of(each, each.ruled_out) if each.ruled_out != each.limit else "",
                    names["source"]: each.source,
                }
                for each in TABLE
            ]
        )


def limit_of(threshold: Threshold, value: float) -> str:
    """A limit in its own unit."""
    forms: dict[str, Literal["share", "factor", "points", "nats"]] = {
        "share": "share",
        "factor": "factor",
        "points": "points",
        "nats": "nats",
    }
    return written(value, forms[threshold.unit]).removeprefix("+")


def written(value: float, form: Literal["share", "factor", "points", "nats", "number"]) -> str:
    if form == "share":
        return f"{value * 100:.3g} %"
    if form == "points":
        return f"{value * 100:+.2f}"
    if form == "nats":
        return f"{value:+.4f}"
    return factor(value) if form == "factor" else f"{value:g}"


def factor(value: float) -> str:
    """A factor as people say it: 0.24, or 1/21,000 where the decimals would be lost among zeros."""
    if not value > 0:
        return "0"
    if value < 0.01:
        return f"1/{float(f'{1 / value:.2g}'):,.0f}"
    return f"{value:.2f}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"
