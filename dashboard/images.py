"""The test images of MNIST, for what has to be seen image by image."""

import zipfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboard.snapshots import DATA_FOLDER

MNIST_FILE = DATA_FOLDER / "mnist.npz"
SIDE = 28  # pixels


class ImagesError(Exception):
    """The images are not where they should be, or cannot be read."""


@dataclass(frozen=True)
class Images:
    """`pixels` (images, 784) float32 from 0 to 1, as the networks see them; `labels` (images,) 0-9."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]

    @cached_property
    def spread(self) -> NDArray[np.float32]:
        """Standard deviation of each pixel over the images: (784,); zero where all images are black."""
        spread: NDArray[np.float32] = self.pixels.std(axis=0)
        return spread


@lru_cache(maxsize=1)
def read_test_images(path: Path | None = None) -> Images:
    """Reads them once for all sessions; the arrays are read-only.

    Args:
        path: the file that ships with the project, unless another is named.

    Raises:
        ImagesError: there is no such file, or it holds no such images.
    """
    path = path or MNIST_FILE
    try:
        with np.load(path) as file:
            pixels, labels = file["x_test"], file["y_test"]
        images = Images(pixels.reshape(-1, SIDE * SIDE).astype(np.float32) / 255, labels.astype(np.int64))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ImagesError(str(path)) from error
    images.pixels.setflags(write=False)
    images.labels.setflags(write=False)
    return images
