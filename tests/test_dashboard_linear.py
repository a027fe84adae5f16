"""The chapter on the one matrix: its pictures on data with known answers, and the page from demanding stores."""

import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from stores import PROJECT, cut_store
from streamlit.testing.v1 import AppTest

from dashboard import images
from dashboard.charts import linear as charts
from dashboard.charts.mosaic import GAP, Mosaic
from dashboard.charts.style import Style
from dashboard.images import ImagesError, read_test_images
from dashboard.texts import Texts

TEXTS = Texts("en")
STYLE = Style()


def test_pictures_lie_row_by_row_from_the_top_left() -> None:
    pictures = np.stack([np.full((2, 2), number, np.float32) for number in range(3)])
    layout = Mosaic(3, 2, 2)
    sheet = layout.sheet(pictures)
    assert sheet.shape == (layout.height, layout.width) == (2 * (2 + GAP), 4 + GAP)
    for index in range(3):
        left, top = layout.corner(index)
        assert sheet[int(top), int(left)] == index
        assert sheet[int(top) - 1, int(left) + 1] == index
    assert np.isnan(sheet).sum() == sheet.size - 12
    assert layout.middle(0) == layout.corner(0)[1] - 0.5


def test_the_pictures_of_maps_are_upright() -> None:
    """The first pixel of an image is its top left one."""
    matrix = np.zeros((4, 10))
    matrix[0, 7] = 1.0
    figure = charts.maps({"5 layers": matrix}, np.ones(4, bool), 2, STYLE, TEXTS)
    sheet = np.asarray(figure.data[0].z, float)
    left, top = Mosaic(10, 2, charts.MAPS_IN_A_ROW).corner(7)
    assert sheet[int(top), int(left)] == 1
    assert np.nansum(np.abs(sheet)) == 1


def test_pixels_that_are_always_black_are_left_blank() -> None:
    figure = charts.maps({"5 layers": np.ones((4, 10))}, np.array([True, False, True, True]), 2, STYLE, TEXTS)
    assert np.isfinite(np.asarray(figure.data[0].z, float)).sum() == 30


def test_every_network_is_a_dot_of_the_colour_of_its_depth() -> None:
    checked = pd.DataFrame(
        {"depth": [0, 0, 4], "seed": [0, 1, 0], "stack": [0.9, 0.91, 0.92], "matrix": [0.9, 0.91, 0.92], "moved": 0}
    )
    figure = charts.collapse(checked, 1, STYLE, TEXTS)
    shallow, deep = figure.data[1:]
    assert (shallow.name, deep.name) == ("1", "5")
    assert list(shallow.x) == list(shallow.y) == pytest.approx([90, 91])
    assert deep.marker.color == STYLE.depth_colour(4, 4)


def test_images_that_are_not_there_are_an_error_with_their_path(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match=r"mnist\.npz"):
        read_test_images(tmp_path / "mnist.npz")
    damaged = tmp_path / "damaged.npz"
    damaged.write_text("no images")
    with pytest.raises(ImagesError, match="damaged"):
        read_test_images(damaged)


def open_linear(monkeypatch: pytest.MonkeyPatch, folder: Path, **address: str) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(folder)])
    app = AppTest.from_file(str(PROJECT / "dashboard" / "app.py"), default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("chapters/linear.py").run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.info, *app.warning, *app.caption])


def test_the_page_says_that_no_image_moves_and_whose_maps_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (0, 1, 3) AND seed < 3")
    app = open_linear(monkeypatch, tmp_path, depth="3", against="1", map="2")
    assert not app.exception
    assert TEXTS("linear.says.collapse_all", networks=9, images="10,000") in words(app)
    assert TEXTS("linear.maps.which_seed", seed=2) in words(app)
    assert len(app.get("plotly_chart")) == 8


def test_without_the_images_the_page_says_so_and_shows_what_needs_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (0, 3) AND seed < 2")
    monkeypatch.setattr(images, "MNIST_FILE", tmp_path / "mnist.npz")
    read_test_images.cache_clear()
    app = open_linear(monkeypatch, tmp_path)
    read_test_images.cache_clear()
    assert not app.exception
    assert TEXTS("problem.no_images", file="mnist.npz") in words(app)
    assert len(app.get("plotly_chart")) == 3


def test_a_network_compared_with_itself_asks_for_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (0, 3) AND seed < 2")
    app = open_linear(monkeypatch, tmp_path, depth="3", against="3")
    assert not app.exception
    assert TEXTS("linear.choose_two") in words(app)


def test_without_the_maps_the_page_says_so_and_shows_how_the_networks_learn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = cut_store(tmp_path, "activation = 'linear' AND depth IN (0, 3) AND seed < 2")
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM collapsed_map")
    app = open_linear(monkeypatch, tmp_path)
    assert not app.exception
    assert TEXTS("linear.needs_maps", layers=3) in words(app)
    assert len(app.get("plotly_chart")) == 1


def test_one_depth_alone_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cut_store(tmp_path, "activation = 'linear' AND depth = 4 AND seed < 2")
    app = open_linear(monkeypatch, tmp_path)
    assert not app.exception
    assert TEXTS("linear.needs_depths") in words(app)
