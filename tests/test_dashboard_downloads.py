"""Tables and pictures that can be taken along."""

import io
from pathlib import Path

import pandas as pd
import pytest
from stores import cut_store
from test_dashboard_app import open_chapter

from dashboard.chapters import downloads
from dashboard.texts import Texts

TEXTS = Texts("en")
SNAPSHOT = Path("data/results-20260101T000000Z.duckdb")
TABLE = pd.DataFrame({"シード": [0, 1], "accuracy": [0.9, None]})


def test_a_table_comes_back_from_csv_and_parquet_as_it_was() -> None:
    (as_csv, _), (as_parquet, _) = downloads.TABLE_FORMATS["csv"], downloads.TABLE_FORMATS["parquet"]
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(as_csv(TABLE))), TABLE)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(as_parquet(TABLE))), TABLE)


@pytest.mark.parametrize("chosen", downloads.PICTURE_FORMATS)
def test_the_camera_saves_what_was_chosen_under_a_name_that_says_what_it_is(chosen: downloads.PictureFormat) -> None:
    options = downloads.camera("depth.curve", SNAPSHOT, chosen)["toImageButtonOptions"]
    assert options["format"] == chosen
    assert options["filename"] == "fathom-depth-curve-20260101T000000Z"


@pytest.fixture
def some_runs(tmp_path: Path) -> Path:
    cut_store(tmp_path, "activation = 'linear' AND depth IN (1, 2, 3) AND seed < 3")
    return tmp_path


def test_the_data_behind_a_picture_are_sent_once_they_are_opened(
    monkeypatch: pytest.MonkeyPatch, some_runs: Path
) -> None:
    app = open_chapter(monkeypatch, some_runs, "answer", "en")
    closed = [each for each in app.expander if each.label == TEXTS("downloads.data")]
    assert len(closed) == len(app.get("plotly_chart")) > 0
    behind = {"depth", "seed", "accuracy"}
    assert not [table for table in app.dataframe if behind <= set(table.value.columns)]
    app.session_state["answer_curve_data"] = True
    app.run()
    (table,) = [table for table in app.dataframe if behind <= set(table.value.columns)]
    assert len(table.value) == 9
    offered = [button.label for button in app.get("download_button")]
    assert [label for label in offered if label != TEXTS("report.button")] == [
        TEXTS("downloads.csv"),
        TEXTS("downloads.parquet"),
    ]


@pytest.mark.parametrize("chapter", ["answer", "depth", "overfitting", "gradients"])
def test_every_picture_has_its_data(monkeypatch: pytest.MonkeyPatch, some_runs: Path, chapter: str) -> None:
    app = open_chapter(monkeypatch, some_runs, chapter, "en", depth="3")
    folded = [each for each in app.expander if each.label == TEXTS("downloads.data")]
    assert len(folded) == len(app.get("plotly_chart")) > 0
