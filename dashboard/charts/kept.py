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
    """A figure that is complete: what Streamlit asks it for at every rerun is made once."""

    def to_dict(self) -> dict[str, Any]:
        if not hasattr(self, "_dictionary"):
            self._dictionary: dict[str, Any] = super().to_dict()
        return self._dictionary


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
        sketch = draw(*arguments, **options)
        figure = Picture(data=sketch.traces, layout=sketch.layout)
        with _lock:
            _pictures[key] = figure
            while len(_pictures) > MOST:
                _pictures.popitem(last=False)
        return figure

    return drawn
