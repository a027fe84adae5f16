"""The images are the right ones, and what is chosen from them depends on dataset, seed and epoch alone."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainer import datasets
from trainer.datasets import MNIST_FILE, read_mnist
from trainer.errors import FathomError


def test_mnist_is_all_there() -> None:
    dataset = datasets.load("mnist")
    assert dataset.images.shape == (70_000, 784)
    assert np.bincount(dataset.labels[:60_000]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.labels[60_000:]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.checksum == datasets.MNIST_SHA256


def test_the_checksum_holds_however_the_file_was_packed(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, **read_mnist(MNIST_FILE))
    assert path.read_bytes() != MNIST_FILE.read_bytes()
    assert read_mnist(path)["x_test"].shape == (10_000, 28, 28)


def sentence(path: Path) -> str:
    with pytest.raises(FathomError) as caught:
        read_mnist(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith("Restore it with 'git checkout data/mnist.npz'.")
    return message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in sentence(tmp_path / "mnist.npz")


def test_one_altered_pixel_is_found(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    arrays = {name: array.copy() for name, array in read_mnist(MNIST_FILE).items()}
    arrays["x_train"][123, 14, 14] ^= 1
    np.savez(path, **arrays)
    assert "expected SHA-256 06b0d1f124c4" in sentence(path)
    assert path.exists()


def damaged_files() -> dict[str, bytes]:
    whole = MNIST_FILE.read_bytes()
    other, array = io.BytesIO(), io.BytesIO()
    np.savez(other, x_train=np.zeros(3), y_train=np.zeros(3))
    np.save(array, np.zeros(3))
    objects = io.BytesIO()
    np.savez(objects, **{name: np.array([{"a": 1}], dtype=object) for name in datasets.ARRAYS})
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        for name in datasets.ARRAYS:
            archive.writestr(name, "not an array")
    middle = len(whole) // 2
    return {
        "empty": b"",
        "text": b"<html>Sign in to the hotel's network</html>",
        "truncated": whole[:middle],
        "without its end": whole[:-10],
        "a hole in the middle": whole[:middle] + bytes(64) + whole[middle + 64 :],
        "other arrays": other.getvalue(),
        "one array": array.getvalue(),
        "pickled objects": objects.getvalue(),
        "an archive of text": text.getvalue(),
    }


@pytest.mark.parametrize("kind", damaged_files())
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mnist.npz"
    damaged = damaged_files()[kind]  # once: an archive bears the time at which it was made
    path.write_bytes(damaged)
    sentence(path)
    assert path.read_bytes() == damaged


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    sentence(tmp_path)


def test_a_dataset_that_keras_cannot_load_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras' own folder is a file here, so that it fails before it asks a network."""
    place = tmp_path / "keras"
    place.touch()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(place))
    with pytest.raises(FathomError, match=r"'fashion_mnist' could not be loaded .* point KERAS_HOME at a folder"):
        datasets.load("fashion_mnist")


def test_the_splits_do_not_overlap_and_the_last_fifth_is_held_out() -> None:
    training = datasets.training_indices("mnist", 48_000, seed=0)
    parts = [training, datasets.validation_indices(), datasets.test_indices()]
    assert np.concatenate(parts).tolist() == list(range(70_000))
    assert len(datasets.validation_indices()) == 12_000


def test_small_training_sets_are_nested() -> None:
    sizes = [30, 100, 1_000, 47_999, 48_000]
    chosen = [set(datasets.training_indices("mnist", size, seed=5).tolist()) for size in sizes]
    assert [len(positions) for positions in chosen] == sizes
    for smaller, larger in zip(chosen[:-1], chosen[1:], strict=True):  # noqa: RUF007  # reads better
        assert smaller < larger


def test_small_training_sets_differ_between_seeds() -> None:
    first, second = (set(datasets.training_indices("mnist", 1_000, seed).tolist()) for seed in (0, 1))
    assert len(first & second) < 100


def test_an_epoch_takes_each_example_once_but_for_those_left_over() -> None:
    order = datasets.batch_order("mnist", seed=0, epoch=1, train_size=500, batch_size=64)
    assert order.shape == (7, 64)
    assert len(np.unique(order)) == 448
    assert order.min() >= 0
    assert order.max() < 500


def test_every_epoch_and_every_seed_has_its_own_order_and_keeps_it() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        positions: list[list[int]] = datasets.batch_order("mnist", seed, epoch, 500, 64).tolist()
        return positions

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_a_batch_is_never_larger_than_the_training_set() -> None:
    assert datasets.batch_order("mnist", 0, 1, train_size=10, batch_size=128).shape == (1, 10)


def test_the_batches_are_the_same_on_every_machine() -> None:
    assert datasets.batch_order("mnist", 0, 1, 48_000, 128)[0, :5].tolist() == [20287, 2596, 26201, 15969, 19920]
    assert datasets.training_indices("mnist", 100, 0)[:5].tolist() == [319, 543, 1197, 2037, 2145]


@pytest.mark.parametrize("size", [48_000, 2_000])
def test_the_probe_is_class_balanced(size: int) -> None:
    labels = datasets.load("mnist").labels
    training = datasets.training_indices("mnist", size, seed=0)
    probe = datasets.probe_indices(labels, training)
    assert np.bincount(labels[probe]).tolist() == [103] * 4 + [102] * 6
    assert len(np.unique(probe)) == 1_024
    assert set(probe.tolist()) <= set(training.tolist())


def test_the_probe_of_a_small_training_set_is_all_of_it() -> None:
    labels = datasets.load("mnist").labels
    training = datasets.training_indices("mnist", 300, seed=0)
    assert datasets.probe_indices(labels, training).tolist() == training.tolist()


def test_a_probe_that_lacks_one_class_is_filled_from_the_others() -> None:
    labels = np.array([0] * 20 + [digit for digit in range(1, 10) for _ in range(200)], np.int32)
    probe = datasets.probe_indices(labels, np.arange(len(labels), dtype=np.int32))
    assert len(np.unique(probe)) == 1_024
    assert (labels[probe] == 0).sum() == 20


def test_the_evaluated_sample_is_a_fixed_part_of_the_training_set() -> None:
    training = datasets.training_indices("mnist", 48_000, seed=0)
    sample = datasets.training_sample("mnist", 0, training)
    assert len(np.unique(sample)) == 12_000
    assert set(sample.tolist()) < set(training.tolist())
    assert sample.tolist() == datasets.training_sample("mnist", 0, training).tolist()
    assert sample.tolist() != datasets.training_sample("mnist", 1, training).tolist()


def test_a_small_training_set_is_evaluated_whole() -> None:
    training = datasets.training_indices("mnist", 500, seed=0)
    assert datasets.training_sample("mnist", 0, training).tolist() == training.tolist()


def test_the_validation_set_can_be_smaller_and_the_training_set_larger() -> None:
    training = datasets.training_indices("mnist", 50_000, seed=0, validation_size=10_000)
    assert training.tolist() == list(range(50_000))
    assert datasets.validation_indices(10_000).tolist() == list(range(50_000, 60_000))
    assert set(datasets.training_indices("mnist", 1_000, seed=0, validation_size=10_000)) <= set(training)
