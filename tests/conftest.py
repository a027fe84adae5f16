"""What every test starts from."""

import os

import pytest
from pictures import assert_sent_as_by_plotly

from dashboard.charts.kept import Picture
from dashboard.charts.sketch import Sketch

# Set before TensorFlow is imported anywhere: its notes on drivers that are not there drown a failure.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest begins first: begun last, it would be waited for alone."""
    items.sort(key=lambda item: item.path.name != "test_faults.py")


@pytest.fixture(autouse=True)
def every_picture_is_sent_as_by_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers do not wait for Plotly's checks: they are made here, of all that any test draws."""
    draw = Picture.__init__

    def draw_and_check(self: Picture, sketch: Sketch) -> None:
        draw(self, sketch)
        assert_sent_as_by_plotly(self)

    monkeypatch.setattr(Picture, "__init__", draw_and_check)
