"""Images made ready to be evaluated many times, with the pixels left out that are blank in all images of a chunk.

Four fifths of an image of a digit are blank, and a blank pixel adds nothing to a product. Sorted by where their ink is,
1,000 images have almost half of their pixels blank together, so that the first layer, by far the largest, costs so
much less. What comes out is the same but for the order in which a sum is rounded.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import datasets
from trainer.datasets import Indices

CHUNK = 1000  # images at a time: large enough for fast products, small enough to have many blank pixels in common
SIDE = 28  # of an image, in pixels


class Chunk(NamedTuple):
    """`pixels` (rows, CHUNK, columns) from 0 to 1, `labels` (rows, CHUNK), and which of the 784 pixels the columns are:
    `columns` (rows, columns). One row for each member, or one for all."""

    pixels: Any
    labels: Any
    columns: Any

    def times(self, kernel: Any) -> Any:
        """The product with each member's kernel (members, 784, units): (members, CHUNK, units)."""
        if self.columns.shape[0] == 1:
            return tf.matmul(self.pixels, tf.gather(kernel, self.columns[0], axis=1))
        return tf.matmul(self.pixels, tf.gather(kernel, self.columns, batch_dims=1))


class Examples:
    """The images that each member is evaluated on.

    Args:
        name: of the dataset.
        positions: among all its images: of each member's own, (members, images), or (1, images) where all members see
            the same ones.
    """

    def __init__(self, name: str, positions: Indices) -> None:
        order = np.argsort(_ink_ranks(name)[positions], axis=1, kind="stable")
        self._places = np.argsort(order, axis=1, kind="stable")  # of each image among the sorted ones
        filled = -positions.shape[1] % CHUNK
        self._sorted = np.pad(np.take_along_axis(positions, order, axis=1), ((0, 0), (0, filled)), mode="edge")
        self._dataset = datasets.load(name)
        self._labels = self._dataset.labels[self._sorted]
        self._chunks: list[Chunk] = []

    def __iter__(self) -> Iterator[Chunk]:
        if not self._chunks:
            self._chunks = [
                self._chunk(part) for part in np.split(self._sorted, self._sorted.shape[1] // CHUNK, axis=1)
            ]
        return iter(self._chunks)

    def times(self, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        """The product of all images with each member's kernel (members, 784, units), which has few units: (members,
        images, units), chunk by chunk as `in_order` takes it. What all members share is multiplied with all their
        kernels side by side, by NumPy: so the ten units of one are not too few for a fast product."""
        if len(self._sorted) > 1:
            constant = tf.constant(kernel)
            return np.concatenate([chunk.times(constant).numpy() for chunk in self], axis=1)
        members, pixels, units = kernel.shape
        side_by_side = kernel.transpose(1, 0, 2).reshape(pixels, members * units)
        # `asarray` looks into a tensor's memory, where `numpy()` would copy it.
        pairs = [(np.asarray(chunk.pixels)[0], np.asarray(chunk.columns)[0]) for chunk in self]
        found = np.concatenate([inked @ side_by_side[columns] for inked, columns in pairs])
        return found.reshape(-1, members, units).transpose(1, 0, 2)

    def labels(self, members: int) -> Any:
        """Those of all chunks' images, for each member: (members, images)."""
        return tf.broadcast_to(self._labels, (members, self._labels.shape[1]))

    def in_order(self, results: NDArray[Any]) -> NDArray[Any]:
        """What was found chunk by chunk, (members, all chunks' images), in the order of `positions`."""
        places = np.broadcast_to(self._places, (len(results), self._places.shape[1]))
        return np.take_along_axis(results, places, axis=1)

    def _chunk(self, positions: Indices) -> Chunk:
        images = self._dataset.images[positions]
        inked = images.any(axis=1)
        width = int(inked.sum(axis=1).max())  # a row with less ink gets some blank pixels
        columns = np.argsort(~inked, axis=1, kind="stable")[:, :width]
        pixels = np.stack([own[:, kept] for own, kept in zip(images, columns, strict=True)])
        return Chunk(
            tf.cast(tf.constant(pixels), tf.float32) * (1 / 255),
            tf.constant(self._dataset.labels[positions]),
            tf.constant(columns.astype(np.int32)),
        )


def examples(name: str, positions: Indices) -> Examples:
    """`Examples`; those that all members share are kept, for the next cohort will want them again."""
    return Examples(name, positions) if len(positions) > 1 else _shared_examples(name, positions.tobytes())


@lru_cache(maxsize=2)  # those held out, and all that were trained on
def _shared_examples(name: str, positions: bytes) -> Examples:
    return Examples(name, np.frombuffer(positions, np.int32)[None])


@lru_cache(maxsize=2)
def _ink_ranks(name: str) -> Indices:
    """The rank of every image of a dataset, sorted by the first inked row, then by the first and last inked column."""
    inked: NDArray[np.bool_] = datasets.load(name).images.reshape(-1, SIDE, SIDE) > 0
    rows, columns = np.any(inked, axis=2), np.asarray(inked.any(axis=1))
    order = np.lexsort((-columns[:, ::-1].argmax(axis=1), columns.argmax(axis=1), rows.argmax(axis=1)))
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks
