"""What a tag of TensorBoard means: by rules for the usual names, and by those that the reader gives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.errors import FathomError

SPLITS = ("train_running", "train", "validation", "test")
METRICS = ("loss", "accuracy")
LAYERS = ("weight", "gradient")
IGNORE = "ignore"

# Words in a tag or in the name of its folder. What is logged while a network trains is a mean over the steps.
_SPLIT_WORDS = {
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "eval", "evaluation"),
    "train_running": ("train", "training", "batch"),
}
# What a normalisation learns or keeps is no kernel of a layer.
_OF_NORMALIZATION = re.compile(r"(^|[/._])(gamma|beta|(moving|running)_(mean|var|variance))(_\d+)?([/._]|$)")
_METRIC_WORDS = {"accuracy": ("acc", "accuracy", "accuracies"), "loss": ("loss", "losses")}


@dataclass(frozen=True)
class Meaning:
    """Of a scalar its split and metric; of a histogram which layer's weights or gradients it shows."""

    what: Literal["metric", "weight", "gradient", "ignore"]
    split: str = ""
    metric: str = ""
    layer: str = ""

    def __str__(self) -> str:
        if self.what == "metric":
            return f"{self.split}.{self.metric}"
        return f"{self.what} of {self.layer}" if self.layer else "ignored"


@dataclass(frozen=True)
class Rule:
    """One rule of the reader's: tags in which a pattern is found mean this."""

    pattern: re.Pattern[str]
    target: str

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """`PATTERN=TARGET`, such as `my_error=test.loss`.

        Raises:
            FathomError: it has another form, or an unknown target.
        """
        pattern, _, target = text.rpartition("=")
        targets = [*(f"{split}.{metric}" for split in SPLITS for metric in METRICS), *LAYERS, IGNORE]
        try:
            if pattern and target in targets:
                return cls(re.compile(pattern), target)
            problem = f"'{text}' was given"
        except re.error as error:
            problem = f"'{pattern}' is no regular expression ({error})"
        raise FathomError(f"--map expects PATTERN=TARGET with one of the targets {', '.join(targets)}; {problem}.")


def meaning(tag: str, folder: str, histogram: bool, rules: Sequence[Rule]) -> Meaning:
    """What a tag means, the reader's rules first.

    Args:
        folder: the name of the folder that the event file is in; Keras puts the split there.
    """
    for rule in rules:
        if rule.pattern.search(tag):
            return _by_rule(rule.target, tag, histogram)
    return _of_histogram(tag) if histogram else _of_scalar(tag, folder)


def split_of(folder: str) -> str | None:
    """The split that a folder is named after, if it is."""
    return next((split for split, words in _SPLIT_WORDS.items() if folder.lower() in words), None)


def _by_rule(target: str, tag: str, histogram: bool) -> Meaning:
    if histogram and target == "weight":
        return Meaning("weight", layer=tag)
    if histogram and target == "gradient":
        return Meaning("gradient", layer=_layer_name(tag))
    if not histogram and "." in target:
        split, metric = target.split(".")
        return Meaning("metric", split, metric)
    return Meaning("ignore")


def _of_scalar(tag: str, folder: str) -> Meaning:
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", tag).lower())
    metric = next((name for name, known in _METRIC_WORDS.items() if set(known) & set(words)), None)
    if metric is None or "iterations" in words:  # Keras' evaluation_…_vs_iterations says the same once more
        return Meaning("ignore")
    in_tag = next((name for name, known in _SPLIT_WORDS.items() if set(known) & set(words)), None)
    return Meaning("metric", in_tag or split_of(folder) or "train_running", metric)


def _of_histogram(tag: str) -> Meaning:
    name = _layer_name(tag)
    lower = tag.lower()
    if "bias" in lower or name == tag or _OF_NORMALIZATION.search(lower):
        return Meaning("ignore")
    return Meaning("gradient" if re.search(r"grad", lower) else "weight", layer=name)


def _layer_name(tag: str) -> str:
    """`dense_1/kernel/histogram`, `2.weight` and `2.weight.grad` are of the layers `dense_1` and `2`. A layer with
    several kernels, such as a recurrent one, is one layer."""
    without = re.sub(r"(^|[/._])(grads?|gradients?)(?=$|[/._])", r"\1", tag, flags=re.IGNORECASE)
    without = re.sub(r"[/._]histogram(_\d+)?$", "", without, flags=re.IGNORECASE).strip("/._")
    return re.sub(
        r"[/._]((recurrent_|depthwise_|pointwise_)?kernel|weights?|embeddings)(:0|_0)?$",
        "",
        without,
        flags=re.IGNORECASE,
    )
