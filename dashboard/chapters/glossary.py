"""The words of a page, each opening where it is used, with a link to the picture that shows it."""

from dataclasses import dataclass

import streamlit as st

from dashboard.chapters import address
from dashboard.texts import Texts


@dataclass(frozen=True)
class Shown:
    """The picture that shows a word: a chapter, and its state in the address."""

    chapter: str
    state: dict[str, str]


WORDS = {
    "accuracy": Shown("depth", {"activation": "linear", "metric": "accuracy"}),
    "loss": Shown("overfitting", {"activation": "linear", "depth": "5"}),
    "epoch": Shown("overfitting", {"activation": "linear", "depth": "5"}),
    "seed": Shown("answer", {"draw": "1"}),
    "interval": Shown("depth", {"activation": "linear", "metric": "accuracy"}),
    "paired": Shown("depth", {"activation": "linear", "metric": "accuracy"}),
    "split": Shown("overfitting", {"activation": "linear", "depth": "5"}),
    "parameters": Shown("linear", {"depth": "10", "against": "0"}),
    "activation": Shown("gradients", {"activation": "sigmoid", "depth": "5"}),
    "slope": Shown("gradients", {"activation": "sigmoid", "depth": "5"}),
    "delta": Shown("gradients", {"activation": "linear", "depth": "5", "statistic": "delta_rms"}),
    "vanishing": Shown("gradients", {"activation": "sigmoid", "depth": "8", "epoch": "0", "statistic": "delta_rms"}),
    "overfitting": Shown("overfitting", {"activation": "linear", "depth": "10"}),
    "gap": Shown("overfitting", {"activation": "linear", "depth": "10", "metric": "accuracy"}),
    "start": Shown("weights", {"activation": "sigmoid", "depth": "8"}),
    "step": Shown("weights", {"activation": "linear", "depth": "5", "weight": "update_ratio", "epoch": "20"}),
    "norm": Shown("weights", {"activation": "linear", "depth": "5", "weight": "norm_change", "epoch": "20"}),
    "singular": Shown("linear", {"depth": "5", "against": "0"}),
    "softmax": Shown("linear", {"depth": "5", "against": "0"}),
}
USED = {
    "answer": ("seed", "interval", "paired", "activation", "delta", "vanishing", "overfitting"),
    "depth": ("accuracy", "loss", "split", "seed", "interval", "paired"),
    "overfitting": ("split", "loss", "epoch", "overfitting", "gap", "interval"),
    "gradients": ("activation", "slope", "delta", "vanishing", "epoch"),
    "weights": ("start", "epoch", "step", "norm", "singular"),
    "linear": ("activation", "softmax", "parameters", "singular", "seed"),
    "remedies": ("paired", "seed", "interval", "activation", "start", "delta"),
    "cost": ("parameters", "seed", "interval", "paired"),
    "runs": ("seed", "epoch", "split", "delta", "norm", "paired"),
}


def show(chapter: str, texts: Texts) -> None:
    """One line with the words of a chapter; each opens its meaning in place."""
    words = USED.get(chapter, ())
    if not words:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="glossary"):
        st.caption(texts("glossary.label"), width="content")
        for word in words:
            with st.popover(texts(f"glossary.{word}.word"), type="tertiary", key=f"word_{word}"):
                st.markdown(f"**{texts(f'glossary.{word}.word')}.** {texts(f'glossary.{word}.means')}")
                shown = WORDS[word]
                label = texts("glossary.see", chapter=texts(f"{shown.chapter}.menu"))
                address.link(shown.chapter, label, **shown.state)
