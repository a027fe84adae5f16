"""The three questions that the asker asked back, each with a short computed answer and a link to its picture."""

import streamlit as st

from dashboard import queries
from dashboard.analysis.differences import NEGLIGIBLE, verdict_of
from dashboard.analysis.gradients import Shrinkage, larger_part
from dashboard.analysis.overfitting import DepthOverfitting, Overfitting
from dashboard.chapters import address
from dashboard.chapters.page import Page
from dashboard.wording import Wording, factor


def show(
    page: Page,
    deeper: DepthOverfitting,
    contrast: DepthOverfitting | None,
    fitted: Overfitting,
    lost: Shrinkage | None,
    activation: str,
    depth: int,
) -> None:
    """The three questions side by side.

    Args:
        deeper: what more layers do in networks without activation functions.
        contrast: the same in networks that do get worse with depth; None where they are not stored.
        fitted: how the deepest network without activation functions fits.
        lost: what becomes of the error in the network with `activation` and `depth`, before training.
    """
    deepest = deeper.deepest
    columns = st.columns(3)
    with columns[0]:
        said = say_parameters(page, deeper, contrast)
        _card(page, "parameters", "overfitting", said, activation="linear", depth=str(deepest))
    with columns[1]:
        _card(page, "data", "overfitting", say_data(page, fitted, deepest), activation="linear", depth=str(deepest))
    if lost is not None:
        with columns[2]:
            state = {"activation": activation, "depth": str(depth), "epoch": "0"}
            _card(page, "slope", "gradients", say_slope(page, lost, activation, depth), **state)


def _card(page: Page, name: str, chapter: str, sentences: list[str], **state: str) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{page.texts(f'answer.follow_up.{name}')}**")
        for sentence in sentences:
            st.markdown(sentence)
        address.link(chapter, page.texts("answer.see", chapter=page.texts(f"{chapter}.menu")), **state)


def say_parameters(page: Page, found: DepthOverfitting, contrast: DepthOverfitting | None) -> list[str]:
    """How do extra parameters lower accuracy? Here, and in the network of the same shape that does get worse."""
    counts = page.fetch(queries.parameters_by_depth, activation="linear").set_index("depth")["parameters"]
    accuracy = Wording(page.texts, page.counting, "accuracy")
    said = [
        page.texts(
            f"answer.follow_up.parameters_{effect_of(found)}",
            best=page.layers(found.best),
            deepest=page.layers(found.deepest),
            fewer=f"{counts[found.best]:,}",
            more=f"{counts[found.deepest]:,}",
            accuracy=accuracy.difference(found.accuracy),
            train=f"{found.train.mean:+.4f}",
            held_out=f"{found.held_out.mean:+.4f}",
        )
    ]
    if contrast is not None and contrast.underfits:
        said.append(
            page.texts(
                "answer.follow_up.parameters_contrast",
                best=page.layers(contrast.best),
                deepest=page.layers(contrast.deepest),
                accuracy=accuracy.difference(contrast.accuracy),
                train=f"{contrast.train.mean:+.2f}",
            )
        )
    return said


def effect_of(found: DepthOverfitting) -> str:
    """What more layers do to the test accuracy, and whether by overfitting."""
    verdict = verdict_of(found.accuracy)
    if found.best == found.deepest or verdict in ("flat", "rise"):
        return "harmless"
    if verdict == "cannot_tell":
        return "cannot_tell"
    if abs(found.accuracy.mean) < NEGLIGIBLE:
        return "tiny"
    return "overfit" if found.verdict == "yes" else "worse"


def say_data(page: Page, fitted: Overfitting, depth: int) -> list[str]:
    """Which data show overfitting, and what they show of the deepest network."""
    return [
        page.texts("answer.follow_up.data_which"),
        page.texts(
            "answer.follow_up.data_here",
            layers=page.layers(depth),
            best=fitted.best_epoch,
            last=fitted.last_epoch,
            rise=Wording(page.texts, page.counting, "loss").difference(fitted.loss_rise),
            reading=page.texts(f"overfitting.reading.{fitted.reading}"),
        ),
    ]


def say_slope(page: Page, lost: Shrinkage, activation: str, depth: int) -> list[str]:
    """Is vanishing gradient about the slope? In one network, in figures; without activation functions, never."""
    return [
        page.texts(
            f"answer.follow_up.slope_{larger_part(lost)}",
            activation=page.texts(f"activation.{activation}"),
            layers=page.layers(depth),
            weights=factor(lost.weights),
            slope=factor(lost.slope),
            per_layer=factor(lost.per_layer),
        ),
        page.texts("answer.follow_up.slope_linear"),
    ]
