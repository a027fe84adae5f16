"""The settings of a run in the reader's words: what each is called, and how its values are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.texts import Texts

# Settings whose values have names of their own.
NAMED = ("dataset", "initializer", "bias_initializer", "normalization", "optimizer", "output", "origin", "status")


@dataclass(frozen=True)
class SettingsWording:
    """How the columns of the table `run` are named and written."""

    texts: Texts
    counting: Literal["hidden", "dense"]

    @property
    def offset(self) -> int:
        """What is added to a depth to count it as the reader does."""
        return int(self.counting == "dense")

    def name(self, setting: str) -> str:
        return self.texts(f"page.axis_{self.counting}" if setting == "depth" else f"setting.{setting}")

    def value(self, setting: str, raw: Any) -> str:
        """A value without the setting's name."""
        if setting == "depth":
            return str(int(raw) + self.offset)
        if setting == "activation":
            return self.texts(f"activation.{raw}")
        if setting in NAMED:
            return self.texts(f"setting.{setting}_{raw}")
        if setting == "shortcut":
            return self.texts(f"setting.{'with' if raw else 'without'}_shortcut")
        return f"{int(raw):,}" if float(raw) >= 10_000 else f"{float(raw):g}"

    def described(self, run: Mapping[str, Any], settings: Sequence[str]) -> str:
        """Some settings with their values: `Units a layer 64, Optimiser Adam`."""
        pairs = [(self.name(setting), self.value(setting, run[setting])) for setting in settings]
        words = [self.texts("setting.pair", name=name, value=value) for name, value in pairs]
        return self.texts("setting.separator").join(words)

    def run(self, run: Mapping[str, Any], settings: Sequence[str] = ("depth", "activation")) -> str:
        """A run by some of its settings and its seed."""
        seed = self.texts("setting.pair", name=self.texts("page.seed"), value=int(run["seed"]))
        return self.texts("setting.separator").join([*([self.described(run, settings)] if settings else []), seed])
