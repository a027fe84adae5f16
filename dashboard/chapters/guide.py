"""A path through the chapters for somebody who is new to them; nobody sees it who does not take it."""

from dataclasses import dataclass

import streamlit as st

from dashboard.chapters import CHAPTERS, address
from dashboard.texts import Texts


@dataclass(frozen=True)
class Step:
    """A chapter at the state in which it shows one thing; `name` finds its texts."""

    name: str
    chapter: str
    state: dict[str, str]


STEPS = [
    step
    for step in (
        Step("chance", "answer", {"draw": "1"}),
        Step("depth", "depth", {"activation": "linear", "metric": "accuracy", "epoch": "20"}),
        Step("overfitting", "overfitting", {"activation": "linear", "depth": "10", "epoch": "20"}),
        Step("vanishing", "gradients", {"activation": "sigmoid", "depth": "5", "epoch": "0"}),
        Step("untouched", "weights", {"activation": "sigmoid", "depth": "5", "epoch": "20"}),
        Step("linear", "linear", {"depth": "5", "against": "0", "epoch": "20"}),
        Step("remedies", "remedies", {}),
        Step("end", "answer", {}),
    )
    if step.chapter in CHAPTERS
]
KEY = "step"


def show(chapter: str, texts: Texts) -> None:
    """The step that the reader is at: what to do here, and the ways on, back and out."""
    number = address.remember(KEY, 0, address.whole_number(0, len(STEPS)), lambda: int(st.session_state[KEY]))
    if number == 0:
        if chapter == STEPS[0].chapter:
            _link(1, texts("guide.begin", steps=len(STEPS)), ":material/signpost:")
        return
    step = STEPS[number - 1]
    with st.container(border=True, key="guide"):
        here = chapter == step.chapter
        place = texts("guide.place", step=number, steps=len(STEPS))
        st.markdown(f"**{texts('guide.step', place=place, title=texts(f'guide.{step.name}.title'))}**")
        if here:
            st.markdown(texts(f"guide.{step.name}.do"))
        with st.container(horizontal=True, vertical_alignment="center"):
            if not here:
                _link(number, texts("guide.return"), ":material/signpost:")
            if here and number > 1:
                _link(number - 1, texts("guide.back"), ":material/arrow_back:")
            if here and number < len(STEPS):
                _link(number + 1, texts("guide.next"), ":material/arrow_forward:")
            st.button(texts("guide.leave"), type="tertiary", key="leave_guide", on_click=_leave)


def _link(number: int, label: str, icon: str) -> None:
    step = STEPS[number - 1]
    address.link(step.chapter, label, icon, **step.state, **{KEY: str(number)})


def _leave() -> None:
    st.session_state[KEY] = 0
