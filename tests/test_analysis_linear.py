"""One matrix from many, and what depths do differently, on networks that are small enough to check by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from stores import shipped_snapshot

from dashboard import queries
from dashboard.analysis import linear
from dashboard.analysis.estimates import Estimate
from dashboard.images import read_test_images

PIXELS, IMAGES = 12, 200


def stack(layers: int, seed: int) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Kernels and biases of a network without activation functions."""
    generator = np.random.default_rng(seed)
    widths = [PIXELS, *[8] * (layers - 1), linear.DIGITS]
    return [
        (generator.normal(size=(inputs, outputs)), generator.normal(size=outputs))
        for inputs, outputs in itertools.pairwise(widths)
    ]


def collapsed(layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[list[float], list[float]]:
    matrix, bias = layers[0]
    for kernel, added in layers[1:]:
        matrix, bias = matrix @ kernel, bias @ kernel + added
    return matrix.ravel().tolist(), bias.tolist()


def maps_of(*networks: tuple[int, int]) -> pd.DataFrame:
    rows = [(depth, seed, *collapsed(stack(depth + 1, seed))) for depth, seed in networks]
    return pd.DataFrame(rows, columns=["depth", "seed", "matrix", "bias"])


def test_one_matrix_decides_as_the_layers_do_one_after_another() -> None:
    images = np.random.default_rng(9).random((IMAGES, PIXELS))
    signal = images
    for kernel, bias in stack(4, seed=3):
        signal = signal @ kernel + bias
    decided = linear.decide(maps_of((0, 1), (3, 3)), images.astype(np.float32))
    assert decided.shape == (2, IMAGES)
    assert (decided[1] == signal.argmax(axis=1)).all()


def test_what_moved_between_cells_of_the_confusion_table_is_counted() -> None:
    networks = pd.DataFrame({"depth": [1, 1, 2], "seed": [0, 1, 0]})
    labels = np.array([0, 0, 1, 1])
    decisions = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [9, 9, 9, 9]], np.uint8)
    table = pd.DataFrame({"actual": [0, 0, 1], "predicted": [0, 1, 1], "count": [1, 1, 2]})
    stored = pd.concat([table.assign(depth=1, seed=0), table.assign(depth=1, seed=1)])
    checked = linear.check_collapse(networks, decisions, labels, stored)
    assert checked[["depth", "seed", "stack", "matrix", "moved"]].to_numpy().tolist() == [
        [1, 0, 0.75, 0.75, 0],
        [1, 1, 0.75, 1.0, 1],
    ]


def test_maps_are_alike_up_to_size_and_what_they_add_to_all_digits() -> None:
    one = maps_of((0, 0), (0, 1))
    shift = np.repeat(np.arange(PIXELS, dtype=float), linear.DIGITS)
    other = one.assign(matrix=[(3 * np.array(matrix) + shift).tolist() for matrix in one["matrix"]])
    found = linear.likeness(one, other, np.ones(PIXELS, np.float32))
    assert found.mean == pytest.approx(1)
    assert found.seeds == 2
    assert linear.likeness_of_seeds(one, np.ones(PIXELS, np.float32)) < 0.9


def test_a_pixel_that_never_varies_does_not_count() -> None:
    one = maps_of((0, 0))
    changed = np.array(one["matrix"][0]).reshape(PIXELS, linear.DIGITS)
    changed[0] = 100 * np.arange(linear.DIGITS)
    other = one.assign(matrix=[changed.ravel().tolist()])
    spread = np.ones(PIXELS, np.float32)
    assert linear.likeness(one, other, spread).mean < 0.9
    spread[0] = 0
    assert linear.likeness(one, other, spread).mean == pytest.approx(1)


NETWORKS = pd.DataFrame({"depth": [0, 0, 3, 3], "seed": [0, 1, 0, 1]})
LABELS = np.array([1, 2, 3, 4])
DECISIONS = np.array([[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 8, 5], [1, 7, 8, 6]], np.uint8)


def test_depths_disagree_seed_by_seed_and_seeds_within_a_depth() -> None:
    cells = linear.cells(linear.disagreement(NETWORKS, DECISIONS))
    assert cells[0, 0].mean == 0.25
    assert cells[3, 3].mean == 0.5
    assert cells[0, 3].mean == pytest.approx((0.5 + 0.75) / 2)
    assert cells[0, 3] == cells[3, 0]
    assert cells[0, 3].seeds == 2


def test_a_single_seed_has_no_yardstick() -> None:
    cells = linear.cells(linear.disagreement(NETWORKS.iloc[[0, 2]], DECISIONS[[0, 2]]))
    assert np.isnan(cells[0, 0].mean)
    assert linear.more_than_luck(cells[0, 3], cells[0, 0], cells[3, 3]) == "cannot_tell"


@pytest.mark.parametrize(
    ("low", "high", "luck"),
    [(0.05, 0.06, "more"), (0.01, 0.015, "less"), (0.03, 0.05, "open"), (0.025, 0.03, "between")],
)
def test_depth_is_measured_against_the_luck_of_the_seed(low: float, high: float, luck: str) -> None:
    seeds = (Estimate(0.02, np.nan, np.nan, 6), Estimate(0.04, np.nan, np.nan, 6))
    assert linear.more_than_luck(Estimate((low + high) / 2, low, high, 4), *seeds) == luck


def test_a_dispute_says_who_is_right_and_which_images_come_first() -> None:
    found = linear.dispute(NETWORKS, DECISIONS, LABELS, 0, 3)
    assert found is not None
    assert found.seeds == 2
    assert found.images["image"].tolist() == [2, 3, 1]
    assert found.images["seeds"].tolist() == [2, 2, 1]
    assert found.images.iloc[0][["label", "first", "second"]].tolist() == [3, 3, 8]
    sides = found.sides.set_index("digit")
    assert sides.loc[3].tolist() == [1, 0, 0]
    assert sides.loc[4].tolist() == [0.5, 0, 0.5]
    assert linear.dispute(NETWORKS, DECISIONS, LABELS, 0, 5) is None


def test_a_disputed_image_is_never_shown_with_one_digit_twice() -> None:
    """Two seeds see 3 and 5, two 5 and 3, and one 3 and 8: taken apart, the commonest on both sides would be 3."""
    first, second = [3, 3, 5, 5, 3], [5, 5, 3, 3, 8]
    maps = pd.DataFrame({"depth": [1] * 5 + [2] * 5, "seed": [*range(5)] * 2})
    decisions = np.array([*first, *second], np.uint8)[:, None]
    found = linear.dispute(maps, decisions, np.array([3]), 1, 2)
    assert found is not None
    assert found.images.iloc[0][["first", "second"]].tolist() == [3, 5]


def test_the_first_epoch_that_reaches_an_accuracy() -> None:
    curves = pd.DataFrame(
        [
            (depth, seed, epoch, "test", value)
            for depth, values in ((0, [0.1, 0.3, 0.5]), (2, [0.1, 0.5, 0.7]))
            for seed in range(2)
            for epoch, value in enumerate(values)
        ],
        columns=["depth", "seed", "epoch", "split", "accuracy"],
    )
    assert linear.epochs_to_reach(curves, 0.5) == {0: 2, 2: 1}
    assert linear.epochs_to_reach(curves, 0.6) == {0: None, 2: 2}


def test_every_shipped_network_without_activation_functions_is_one_matrix() -> None:
    """The chapter's proof, on real trainings: not one of the test images stands elsewhere in the confusion table."""
    maps = queries.collapsed_maps(shipped_snapshot())
    images = read_test_images()
    decisions = linear.decide(maps, images.pixels)
    stored = queries.confusions(shipped_snapshot(), activation="linear")
    checked = linear.check_collapse(maps, decisions, images.labels, stored)
    assert len(checked) == len(maps) > 100
    assert checked["moved"].max() == 0
