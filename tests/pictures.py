"""What of a picture reaches the browser."""

import base64
import json
from typing import Any

import numpy as np
import plotly.io as pio

from dashboard.charts.kept import Picture


def assert_sent_as_by_plotly(picture: Picture) -> None:
    """It is one that Plotly takes, and what is sent is what Plotly would send.

    Raises:
        ValueError: a property that Plotly does not know, or a value that it does not take.
    """
    sent, plotlys = (_plain(json.loads(pio.to_json(each, validate=False))) for each in (picture, picture.checked()))
    if sent != plotlys:
        np.testing.assert_equal(sent, plotlys)  # which says where, and takes long


def _plain(sent: Any) -> Any:
    """Typed arrays as lists, in whatever width their numbers were sent; without properties that are empty."""
    if isinstance(sent, dict) and "bdata" in sent:
        values = np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"])
        comparable = np.where(np.isnan(values), "NaN", values.astype(object))  # which equals itself
        return comparable.reshape([int(each) for each in sent.get("shape", str(values.size)).split(",")]).tolist()
    if isinstance(sent, dict):
        return {name: _plain(value) for name, value in sent.items() if value not in ([], {})}
    return [_plain(value) for value in sent] if isinstance(sent, list) else sent
