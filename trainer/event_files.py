"""TensorBoard's event files, read and written with TensorBoard's own package; TensorFlow is not needed."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorboard import data_compat
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

Buckets = NDArray[np.float64]  # (buckets, 3): left edge, right edge, count


@dataclass
class Logged:
    """What the event files of one folder hold: by tag, and in it by step."""

    folder: Path
    scalars: dict[str, dict[int, float]] = field(default_factory=dict)
    histograms: dict[str, dict[int, Buckets]] = field(default_factory=dict)


def read_folder(logdir: Path) -> tuple[list[Logged], list[str]]:
    """Every folder under `logdir` with event files, and a sentence on each file that could not be read to its end."""
    found: dict[Path, Logged] = {}
    problems = []
    for path in sorted(logdir.rglob("*tfevents*")):
        if not path.is_file():
            continue
        logged = found.setdefault(path.parent, Logged(path.parent))
        events = 0
        try:
            for event in _events(path):
                events += 1
                _take(event, logged)
        except (errors.OpError, DecodeError, OSError, ValueError) as error:
            reason = getattr(error, "message", None) or str(error)
            kept = f"The {events} events before that are used." if events else "It is left out."
            problems.append(f"{path} should be an event file of TensorBoard, but it cannot be read ({reason}). {kept}")
    return [logged for logged in found.values() if logged.scalars or logged.histograms], problems


def _events(path: Path) -> Iterator[Any]:
    reader = PyRecordReader_New(str(path))
    while True:
        try:
            reader.GetNext()
        except errors.OutOfRangeError:  # the end
            return
        yield data_compat.migrate_event(Event.FromString(reader.record()))


def _take(event: Any, logged: Logged) -> None:
    """The later of two values with one tag and step counts, as in TensorBoard."""
    for value in event.summary.value:
        if not value.HasField("tensor"):
            continue
        array = tensor_util.make_ndarray(value.tensor)
        if array.size == 1 and np.issubdtype(array.dtype, np.number):
            logged.scalars.setdefault(value.tag, {})[event.step] = float(array.reshape(()))
        elif array.ndim == 2 and array.shape[1] == 3:
            logged.histograms.setdefault(value.tag, {})[event.step] = array.astype(np.float64)


class EventFile:
    """An event file in a folder of its own, to be written from start to end."""

    def __init__(self, folder: Path) -> None:
        self._writer = EventFileWriter(str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def scalar(self, tag: str, step: int, value: float) -> None:
        metadata = scalar_metadata.create_summary_metadata(display_name="", description="")
        self._add(tag, step, np.float32(value), metadata)

    def histogram(self, tag: str, step: int, low: float, high: float, counts: NDArray[Any]) -> None:
        """A histogram of equally wide bins from `low` to `high`."""
        edges = np.linspace(low, high, len(counts) + 1)
        metadata = histogram_metadata.create_summary_metadata(display_name="", description="")
        self._add(tag, step, np.column_stack([edges[:-1], edges[1:], counts]).astype(np.float64), metadata)

    def settings(self, values: Mapping[str, bool | float | str]) -> None:
        """The hyperparameters of the run, for TensorBoard's table of them."""
        self._writer.add_event(Event(wall_time=time.time(), summary=hparams_pb(dict(values))))

    def _add(self, tag: str, step: int, array: Any, metadata: Any) -> None:
        tensor = tensor_util.make_tensor_proto(array)
        value = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
