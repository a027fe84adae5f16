"""Pictures that were drawn are kept. All readers of a server look at the same results, so most of what one asks for
has been drawn for another, and Plotly takes long to build a figure.

A picture is known by all that it was drawn from, not by a name for it: the same content gives the same picture, and
nothing that is out of date can be shown.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec

import plotly.graph_objects as go

from dashboard.charts.sketch import Sketch
from dashboard.texts import Texts

MOST = 500  # of some hundred kilobytes
Arguments = ParamSpec("Arguments")
_pictures: OrderedDict[bytes, go.Figure] = OrderedDict()
_lock = Lock()


class _Content(pickle.Pickler):
    """Writes down what a picture is drawn from; of the texts, which never change, their language."""

    def reducer_override(self, thing: Any) -> Any:
        return (Texts, (thing.language,)) if isinstance(thing, Texts) else NotImplemented


class Picture(go.Figure):  # type: ignore[misc]  # its base is written without types
    """A figure that is complete. It keeps its dictionary form, which is what Streamlit asks for, and the sketch: of
    Plotly's own objects a figure has many thousands, and Python's collector would walk over all that are kept."""

    def __init__(self, sketch: Sketch) -> None:
        """
        Raises:
            ValueError: a property that Plotly does not know, or a value that it does not take.
        """
        self._sketch = sketch
        self._dictionary: dict[str, Any] = self._checked().to_dict()

    def _checked(self) -> go.Figure:
        return go.Figure(data=self._sketch.traces, layout=self._sketch.layout)

    def to_dict(self) -> dict[str, Any]:
        return self._dictionary

    @property
    def data(self) -> tuple[Any, ...]:
        traces: tuple[Any, ...] = self._checked().data
        return traces

    @property
    def layout(self) -> go.Layout:
        return self._checked().layout


def kept(draw: Callable[Arguments, Sketch]) -> Callable[Arguments, go.Figure]:
    """For a function that draws a picture from its arguments alone. What it returns must not be changed."""

    @wraps(draw)
    def drawn(*arguments: Arguments.args, **options: Arguments.kwargs) -> go.Figure:
        content = io.BytesIO()
        _Content(content, protocol=5).dump((draw.__module__, draw.__qualname__, arguments, options))
        key = hashlib.blake2b(content.getbuffer(), digest_size=16).digest()
        with _lock:
            if key in _pictures:
                _pictures.move_to_end(key)
                return _pictures[key]
        figure = Picture(draw(*arguments, **options))
        with _lock:
            _pictures[key] = figure
            while len(_pictures) > MOST:
                _pictures.popitem(last=False)
        return figure

    return drawn
