"""Pictures that were drawn are kept. All readers of a server look at the same results, so most of what one asks for
has been drawn for another, and Plotly takes long to build a figure.

A picture is known by all that it was drawn from, not by a name for it: the same content gives the same picture, and
nothing that is out of date can be shown.
"""

import base64
import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, ParamSpec

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.sketch import Sketch
from dashboard.texts import Texts

MOST = 500  # of some thirty kilobytes on average
ARRAYS = ("x", "y", "z", "customdata", "array", "arrayminus")  # properties of traces and of their error bars
WHOLE_NUMBERS = ("i1", "i2", "i4")  # that the browser can read
Arguments = ParamSpec("Arguments")
_pictures: OrderedDict[bytes, go.Figure] = OrderedDict()
_lock = Lock()


class _Content(pickle.Pickler):
    """Writes down what a picture is drawn from; of the texts, which never change, their language."""

    def reducer_override(self, thing: Any) -> Any:
        return (Texts, (thing.language,)) if isinstance(thing, Texts) else NotImplemented


class Picture(go.Figure):  # type: ignore[misc]  # its base is written without types
    """A figure that is complete, in the dictionary form that Streamlit asks for and the browser reads. Of Plotly's own
    objects a figure has many thousands, which take long to make and to check, and Python's collector would walk over
    all that are kept: they are made where `data` or `layout` are looked at. (The tests have each picture that they
    draw checked so.)"""

    def __init__(self, sketch: Sketch) -> None:
        self._sketch = sketch
        self._dictionary: dict[str, Any] = {
            "data": [_sent(trace) for trace in sketch.traces],
            "layout": {"template": _template(), **_sent(sketch.layout)},
        }

    def checked(self) -> go.Figure:
        """
        Raises:
            ValueError: a property that Plotly does not know, or a value that it does not take.
        """
        return go.Figure(data=self._sketch.traces, layout=self._sketch.layout)

    def to_dict(self) -> dict[str, Any]:
        return self._dictionary

    @property
    def data(self) -> tuple[Any, ...]:
        traces: tuple[Any, ...] = self.checked().data
        return traces

    @property
    def layout(self) -> go.Layout:
        return self.checked().layout


@lru_cache(maxsize=1)
def _template() -> dict[str, Any]:
    """Plotly's own, which every figure has."""
    template: dict[str, Any] = go.Figure().to_dict()["layout"]["template"]
    return template


def _sent(properties: Mapping[str, Any]) -> dict[str, Any]:
    """As Plotly sends properties to the browser: nothing of those that are None, and arrays of numbers packed."""
    found = {}
    for name, value in properties.items():
        if isinstance(value, Mapping):
            found[name] = _sent(value)
        elif value is not None:
            found[name] = _typed(np.asarray(value)) if name in ARRAYS and hasattr(value, "dtype") else value
    return found


def _typed(values: NDArray[Any]) -> Any:
    """Numbers as Plotly's typed array: their type, their bytes and, where they are a table, its shape."""
    if values.dtype.kind == "i" and values.size:
        lowest, highest = values.min(), values.max()
        fitting = (each for each in WHOLE_NUMBERS if np.iinfo(each).min <= lowest and highest <= np.iinfo(each).max)
        values = values.astype(next(fitting, "f8"))
    if values.dtype.kind not in "if" or not values.size:
        return values
    found = {"dtype": values.dtype.str[1:], "bdata": base64.b64encode(values.tobytes()).decode("ascii")}
    return found | ({"shape": ", ".join(map(str, values.shape))} if values.ndim > 1 else {})


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
