"""Many small square pictures in one figure, side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.charts.sketch import Sketch

GAP = 3  # pixels of nothing between two pictures of a row


@dataclass(frozen=True)
class Mosaic:
    """Where `count` pictures with edges of `side` pixels go: row by row, the first at the top left.

    `below` is the height of the empty strip under each row, in pixels of the pictures.
    """

    count: int
    side: int
    columns: int
    below: int = GAP

    @property
    def rows(self) -> int:
        return -(-self.count // self.columns)

    @property
    def height(self) -> int:
        return self.rows * (self.side + self.below)

    @property
    def width(self) -> int:
        return self.columns * (self.side + GAP) - GAP

    def sheet(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(count, side, side) pictures on one sheet (height, width), the bottom row first, as a heat map draws it;
        missing (NaN) where there is nothing."""
        sheet = np.full((self.height, self.width), np.nan, np.float32)
        for index, picture in enumerate(pictures):
            left, top = self.corner(index)
            start = self.height - 1 - int(top)
            sheet[start : start + self.side, int(left) : int(left) + self.side] = picture
        return sheet[::-1]

    def corner(self, index: int) -> tuple[float, float]:
        """The top left pixel of a picture, in the coordinates of the heat map."""
        row, column = divmod(index, self.columns)
        return column * (self.side + GAP), self.height - 1 - row * (self.side + self.below)

    def middle(self, row: int) -> float:
        """The height of the middle of a row."""
        return self.height - 1 - row * (self.side + self.below) - (self.side - 1) / 2


def keep_square(figure: Sketch) -> None:
    """A pixel is as high as it is wide; what is left of the figure's space stays empty, at the bottom and the sides."""
    figure.update_xaxes(constrain="domain", showgrid=False, zeroline=False)
    figure.update_yaxes(constrain="domain", constraintoward="top", scaleanchor="x", showgrid=False, zeroline=False)
