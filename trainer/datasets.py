"""The images, and everything that is decided about them by (dataset, seed, epoch) alone: split, probe, batch order.

Nothing here depends on the network. Runs of different depth with the same seed therefore see the same batches, which
makes the differences between depths paired, and much sharper.
"""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.configuration import IMAGES
from trainer.errors import FathomError

DATA_FOLDER = Path(__file__).parents[1] / "data"
MNIST_FILE = DATA_FOLDER / "mnist.npz"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# SHA-256 over the bytes of the four arrays, in this order: it holds however the file was compressed.
MNIST_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"

VALIDATION_EXAMPLES = 12_000  # the last 20 % of the 60,000, unless a run says otherwise
PROBE_SIZE = 1_024
TEST_IMAGES = 10_000
TRAINING_SAMPLE = 12_000  # training examples that are evaluated after an epoch, as many as are held out for validation

Indices = NDArray[np.int32]


@dataclass(frozen=True)
class Dataset:
    """All 70,000 images, the 10,000 test images last: `images` (70000, 784) pixels 0-255, `labels` (70000,) 0-9."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    checksum: str


@lru_cache(maxsize=2)
def load(name: str) -> Dataset:
    """Loads `mnist` from the project's data folder, any other through `keras.datasets`.

    Raises:
        FathomError: the MNIST file is missing, cannot be read, or holds other images than those it should.
    """
    arrays = read_mnist(MNIST_FILE) if name == "mnist" else _read_from_keras(name)
    return Dataset(
        name=name,
        images=np.concatenate([arrays["x_train"], arrays["x_test"]]).reshape(70_000, 784),
        labels=np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int32),
        checksum=_checksum(arrays),
    )


def read_mnist(path: Path) -> dict[str, NDArray[np.uint8]]:
    """The four arrays of MNIST, checked against the known checksum."""
    remedy = "Restore it with 'git checkout data/mnist.npz'."
    try:
        with path.open("rb") as opened, np.lib.npyio.NpzFile(opened) as file:
            arrays = {name: file[name] for name in ARRAYS}
    except FileNotFoundError as error:
        raise FathomError(f"The MNIST images were expected at {path}, but there is no such file. {remedy}") from error
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FathomError(
            f"{path} should hold the arrays {', '.join(ARRAYS)}, but it cannot be read ({error}). {remedy}"
        ) from error
    found = _checksum(arrays)
    if found != MNIST_SHA256:
        raise FathomError(
            f"{path} does not hold the MNIST images: expected SHA-256 {MNIST_SHA256[:12]}… over its arrays, "
            f"got {found[:12]}…. {remedy}"
        )
    return arrays


def _read_from_keras(name: str) -> dict[str, NDArray[np.uint8]]:
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise FathomError(
            f"The dataset '{name}' could not be loaded through keras.datasets ({error}). Connect to a network, or "
            "point KERAS_HOME at a folder that holds datasets/."
        ) from error
    return dict(zip(ARRAYS, (x_train, y_train, x_test, y_test), strict=True))


def _checksum(arrays: dict[str, NDArray[np.uint8]]) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def training_indices(name: str, train_size: int, seed: int, validation_size: int = VALIDATION_EXAMPLES) -> Indices:
    """The positions, among all images, of the examples that a run trains on: shape (train_size,), ascending.

    Smaller sets are nested: with the same seed, the 100 examples are among the 300.
    """
    available = IMAGES - validation_size
    if train_size == available:
        return np.arange(available, dtype=np.int32)
    shuffled = _generator(name, seed, purpose=1).permutation(available)
    return np.sort(shuffled[:train_size]).astype(np.int32)


def validation_indices(validation_size: int = VALIDATION_EXAMPLES) -> Indices:
    return np.arange(IMAGES - validation_size, IMAGES, dtype=np.int32)


def test_indices() -> Indices:
    return np.arange(IMAGES, IMAGES + TEST_IMAGES, dtype=np.int32)


def training_sample(name: str, seed: int, training: Indices) -> Indices:
    """As many of the training examples as there are validation examples, the same at every epoch and depth, ascending.

    The sample differs between seeds, so that its luck averages out over them.
    """
    if len(training) <= TRAINING_SAMPLE:
        return training
    chosen: Indices = np.sort(_generator(name, seed, purpose=3).permutation(training)[:TRAINING_SAMPLE])
    return chosen


def batch_order(name: str, seed: int, epoch: int, train_size: int, batch_size: int) -> Indices:
    """Positions into the training examples for one epoch: shape (steps, batch).

    The examples that are left over after the last full batch sit out this epoch; the next one shuffles anew.
    A batch is never larger than the training set.
    """
    batch = min(batch_size, train_size)
    steps = train_size // batch
    order = _generator(name, seed, purpose=2, epoch=epoch).permutation(train_size)
    return order[: steps * batch].reshape(steps, batch).astype(np.int32)


def probe_indices(labels: NDArray[np.int32], candidates: Indices, classes: int = 10) -> Indices:
    """The fixed, class-balanced probe batch: the first of `candidates` of each class, at most 1,024 in all, ascending.

    Classes differ by at most one example, unless one has too few; then the first of the others fill its places.
    """
    shares = [PROBE_SIZE // classes + (number < PROBE_SIZE % classes) for number in range(classes)]
    balanced = np.concatenate([candidates[labels[candidates] == number][:share] for number, share in enumerate(shares)])
    others = np.setdiff1d(candidates, balanced)[: PROBE_SIZE - len(balanced)]
    return np.sort(np.concatenate([balanced, others])).astype(np.int32)


def _generator(name: str, seed: int, purpose: int, epoch: int = 0) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), seed, purpose, epoch])
