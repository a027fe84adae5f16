"""What every chapter shares: its texts, its snapshot, its controls, and the frame that a picture stands in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import queries
from dashboard.chapters import address, downloads, glossary, guide
from dashboard.charts.style import Style
from dashboard.texts import Texts

Counting = Literal["hidden", "dense"]
Option = TypeVar("Option")
Conclusion = TypeVar("Conclusion")
ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu")
SECONDS_PER_FRAME = 1.0


@dataclass(frozen=True)
class Page:
    """One drawing of one chapter."""

    texts: Texts
    snapshot: Path
    counting: Counting
    picture_format: downloads.PictureFormat
    style: Style

    @classmethod
    def begin(cls, texts: Texts, snapshot: Path) -> "Page":
        """Draws the controls that all chapters share, and says which results are shown."""
        ways: list[Counting] = ["hidden", "dense"]
        counting = address.remember(
            "layers",
            ways[0],
            address.one_of(ways),
            lambda: st.sidebar.segmented_control(
                texts("page.counting"),
                ways,
                required=True,
                format_func=lambda way: texts(f"page.counting_{way}"),
                help=texts("page.counting_help"),
                key="layers",
            ),
        )
        with st.sidebar:
            picture_format = _choose_picture_format(texts)
        page = cls(texts, snapshot, counting, picture_format, Style(dark=st.context.theme.type == "dark"))
        facts = page.fetch(queries.store_facts).iloc[0]
        st.sidebar.caption(
            texts("page.source", runs=f"{facts.runs:,}", published=f"{facts.published:%Y-%m-%d %H:%M}"),
            help=texts("page.source_help", commits=facts.commits, file=snapshot.name),
        )
        return page

    @classmethod
    def current(cls) -> "Page":
        """The page that `app.py` has begun."""
        page: Page = st.session_state["page"]
        return page

    def fetch(self, query: Callable[..., pd.DataFrame], **parameters: Any) -> pd.DataFrame:
        """The result of one of `queries`, kept per snapshot."""
        return _fetch(query.__name__, str(self.snapshot), **parameters).copy()

    def conclude(
        self, judge: Callable[[pd.DataFrame], Conclusion], query: Callable[..., pd.DataFrame], **parameters: Any
    ) -> Conclusion:
        """What a function of `analysis` makes of the result of one of `queries`, kept per snapshot."""
        name = f"{judge.__module__}.{judge.__qualname__}"
        found: Conclusion = _conclude(name, query.__name__, str(self.snapshot), judge, **parameters)
        return found

    def layers(self, depth: int) -> int:
        """A depth as the reader counts it: hidden layers alone, or with the output layer."""
        return int(depth) + self.offset

    @property
    def offset(self) -> int:
        """What is added to a depth to count it as the reader does: a chart takes this, being given data alone."""
        return int(self.counting == "dense")

    @property
    def layers_title(self) -> str:
        """The axis title for depth."""
        return self.texts(f"page.axis_{self.counting}")

    def header(self, chapter: str) -> None:
        """The chapter's title, the question that it answers, and the words that it uses."""
        st.title(self.texts(f"{chapter}.title"))
        st.markdown(f"**{self.texts(f'{chapter}.question')}**")
        guide.show(chapter, self.texts)
        glossary.show(chapter, self.texts)

    def picture(self, key: str, figure: go.Figure, data: downloads.Content | None = None, **values: object) -> None:
        """A figure under its title, with a caption that says how to read it and a description for screen readers.

        The texts are `<key>.title`, `<key>.read` and `<key>.alt`; `values` fill the placeholders of all three.

        Args:
            data: what the figure was drawn from, to be looked at and saved; a function where it is costly to make.
        """
        title, widget = self.texts(f"{key}.title", **values), key.replace(".", "_")
        st.markdown(f"### {title}")
        st.plotly_chart(
            figure,
            key=widget,
            alt=self.texts(f"{key}.alt", **values),
            config=downloads.camera(key, self.snapshot, self.picture_format),
        )
        st.caption(f"**{self.texts('page.how')}** {self.texts(f'{key}.read', **values)}")
        if data is not None:
            downloads.data_behind(widget, title, data, self.texts, self.snapshot)

    def table(self, key: str, content: pd.DataFrame, alt: str, **options: Any) -> Any:
        """A table with its downloads; see `downloads.table`."""
        return downloads.table(key, content, self.texts, self.snapshot, alt=alt, **options)

    def says(self, *sentences: str) -> None:
        """What the data say here, as computed."""
        with st.container(border=True):
            st.markdown(f"#### {self.texts('page.says')}")
            st.markdown("\n".join(f"- {sentence}" for sentence in sentences if sentence))

    def try_next(self, chapter: str) -> None:
        st.markdown(f"#### {self.texts('page.try')}")
        st.markdown(self.texts(f"{chapter}.try"))

    def choose(
        self,
        key: str,
        label: str,
        options: Sequence[Option],
        default: Option,
        format_func: Callable[[Any], str] = str,
        help: str | None = None,  # noqa: A002  # Streamlit's own word
    ) -> Option:
        """One of a few options, side by side; kept in the address under `key`."""
        return address.remember(
            key,
            default,
            address.one_of(options),
            lambda: st.segmented_control(label, options, required=True, format_func=format_func, help=help, key=key),
        )

    def pick(
        self,
        key: str,
        label: str,
        options: Sequence[Option],
        format_func: Callable[[Any], str] = str,
        help: str | None = None,  # noqa: A002  # Streamlit's own word
        width: int | Literal["stretch"] = "stretch",
    ) -> Option:
        """One of many options, from a list that opens; the first unless another is picked. Kept in the address."""
        return address.remember(
            key,
            options[0],
            address.one_of(options),
            lambda: st.selectbox(label, options, format_func=format_func, help=help, key=key, width=width),
        )

    def switch(self, key: str, label: str, help: str) -> bool:  # noqa: A002  # Streamlit's own word
        """Something that is off until it is switched on; kept in the address under `key`."""
        return address.remember(key, False, address.one_of([False, True]), lambda: st.toggle(label, key=key, help=help))

    def choose_activation(self, available: Sequence[str], default: str = "linear") -> str:
        """The activation function, the same in all chapters."""
        options = [activation for activation in ACTIVATIONS if activation in available]
        first = default if default in options else options[0]
        return self.choose(
            "activation", self.texts("page.activation"), options, first, lambda name: self.texts(f"activation.{name}")
        )

    def choose_depth(self, depths: Sequence[int], default: int) -> int:
        """One depth, counted as the reader counts; the address keeps the number of hidden layers."""
        options = [int(depth) for depth in depths]
        return address.remember(
            "depth",
            min(options, key=lambda depth: abs(depth - default)),
            address.one_of(options),
            lambda: int(
                st.select_slider(
                    self.layers_title, options, format_func=lambda depth: str(self.layers(depth)), key="depth"
                )
            ),
        )

    def with_epoch(self, last: int, draw: Callable[[int], None], recorded: Sequence[int] = ()) -> None:
        """Draws something at an epoch that can be chosen, and played from the start to the end.

        Args:
            recorded: the epochs that there are, where they are not all.
        """
        playing = bool(st.session_state.get("playing"))
        epochs = [int(epoch) for epoch in recorded] or list(range(last + 1))
        if st.session_state.get("epoch", last) not in epochs:  # it was chosen for networks that have it
            del st.session_state["epoch"]

        def frame() -> None:
            if bool(st.session_state.get("playing")) != playing:
                st.rerun()  # the timer starts and stops with the page, not with this part of it
            if playing:
                later = [epoch for epoch in epochs if epoch > st.session_state.get("epoch", last)]
                st.session_state["epoch"] = later[0] if later else last
                st.session_state["playing"] = len(later) > 1
            slider, button = st.columns([6, 1], vertical_alignment="bottom")
            epoch = address.remember(
                "epoch",
                last,
                address.one_of(epochs),
                lambda: (
                    int(slider.select_slider(self.texts("page.epoch"), epochs, key="epoch"))
                    if recorded
                    else slider.slider(self.texts("page.epoch"), 0, last, key="epoch")
                ),
            )
            label = "page.pause" if playing else "page.play"
            button.button(self.texts(label), key="play", on_click=_toggle_playing, args=(last,), width="stretch")
            draw(epoch)

        st.fragment(frame, run_every=SECONDS_PER_FRAME if playing else None)()


def _choose_picture_format(texts: Texts) -> downloads.PictureFormat:
    formats = downloads.PICTURE_FORMATS
    return address.remember(
        "picture",
        formats[0],
        address.one_of(formats),
        lambda: st.segmented_control(
            texts("downloads.picture"),
            formats,
            required=True,
            format_func=str.upper,
            help=texts("downloads.picture_help"),
            key="picture",
        ),
    )


def _toggle_playing(last: int) -> None:
    playing = not st.session_state.get("playing", False)
    st.session_state["playing"] = playing
    if playing and st.session_state.get("epoch", last) >= last:
        st.session_state["epoch"] = 0


@st.cache_resource(max_entries=500, show_spinner=False)
def _fetch(query: str, snapshot: str, **parameters: Any) -> pd.DataFrame:
    """To be copied by whoever works with it: what is written to a copy, another reader's page does not see, and pandas
    would note hundreds of views that were taken of the kept frame before it forgets those that are gone."""
    frame: pd.DataFrame = getattr(queries, query)(Path(snapshot), **parameters)
    return frame


@st.cache_data(max_entries=500, show_spinner=False)
def _conclude(name: str, query: str, snapshot: str, _judge: Callable[[pd.DataFrame], Any], **parameters: Any) -> Any:
    """`name` stands for the function, which is not hashed itself."""
    return _judge(_fetch(query, snapshot, **parameters).copy())
