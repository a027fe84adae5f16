"""What was measured, gathered as rows while a network trains, and given out as the store's tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Row = dict[str, Any]
Members = Sequence[tuple[int, str]]  # which slice of an array belongs to which run_id
Number = TypeVar("Number", bound=np.floating[Any])

# Histograms, singular values: enough to see a distribution start, move and settle, at a tenth of the size.
PROFILE_EPOCHS = (0, 1, 5)
LARGEST = float(np.finfo(np.float32).max)


class Measurements:
    """Rows by table. Numbers that a FLOAT column cannot hold become NULL."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)

    def add(self, table: str, row: Row) -> None:
        self.rows[table].append(row)

    def add_metric(
        self, run_id: str, epoch: int, split: str, loss: float | None, accuracy: float | None, examples: int | None
    ) -> None:
        numbers = {
            "loss": None if loss is None else float(loss),
            "accuracy": None if accuracy is None else float(accuracy),
        }
        self.add("epoch_metric", {"run_id": run_id, "epoch": epoch, "split": split, **numbers, "examples": examples})

    def add_layer(self, members: Members, epoch: int, layer: int, columns: Mapping[str, Any]) -> None:
        """One row of `layer_stat` per member, from columns (members,)."""
        for member, run_id in members:
            numbers = {name: finite_or_none(column[member]) for name, column in columns.items()}
            self.add("layer_stat", {"run_id": run_id, "epoch": epoch, "layer": layer, **numbers})

    def add_singular_values(self, members: Members, epoch: int, layer: int, values: NDArray[np.float64]) -> None:
        """From values (members, rank)."""
        for member, run_id in members:
            numbers = [finite_or_none(value) for value in values[member]]
            self.add("singular_value", {"run_id": run_id, "epoch": epoch, "layer": layer, "values": numbers})

    def add_histograms(self, members: Members, epoch: int, layer: int, histograms: Mapping[str, list[Any]]) -> None:
        """From one (edges, counts) per quantity and member."""
        for quantity, per_member in histograms.items():
            for member, run_id in members:
                edges, counts = per_member[member]
                self.add(
                    "layer_histogram",
                    {
                        "run_id": run_id,
                        "epoch": epoch,
                        "layer": layer,
                        "quantity": quantity,
                        "low": float(edges[0]) if edges.size else None,
                        "high": float(edges[-1]) if edges.size else None,
                        "counts": counts.tolist(),
                    },
                )

    def add_confusion(self, run_id: str, actual: NDArray[Any], predicted: NDArray[Any], classes: int) -> None:
        """From the class of each test example, and the class it was taken for."""
        table = np.zeros((classes, classes), np.int64)
        np.add.at(table, (actual, predicted), 1)
        for label, guess in zip(*np.nonzero(table), strict=True):
            row = {"actual": int(label), "predicted": int(guess), "count": int(table[label, guess])}
            self.add("confusion", {"run_id": run_id, **row})

    def tables(self) -> dict[str, pa.Table]:
        """One column per key of any row, NULL where a row lacks it. (`from_pylist` knows the first row's keys only.)"""
        return {table: _table(rows) for table, rows in self.rows.items()}


def _table(rows: Sequence[Row]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def finite(values: NDArray[Number]) -> NDArray[Number]:
    """With zeros for what a diverged member holds, because LAPACK refuses a whole stack for one infinity in it."""
    return np.where(np.abs(values) <= LARGEST, values, values.dtype.type(0))


def finite_or_none(number: Any) -> float | None:
    """The number, if a FLOAT column can hold it."""
    return float(number) if abs(number) <= LARGEST else None
