"""Figures and ticks for what spans many powers of ten."""

import numpy as np
from numpy.typing import NDArray

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """Three significant digits, and powers of ten where the decimals would be lost among zeros; 1 is exactly 1."""
    if not np.isfinite(value):
        return "–"
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.0f}" if value == round(value) else f"{value:#.3g}".removesuffix(".")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def whole_step(values: int, most: int) -> int:
    """How far apart the ticks of whole numbers stand, so that there are not many more of them than `most`."""
    rough = values / most
    return next((step for step in (1, 2, 5, 10) if rough <= step), 20)


def log_ticks(low: float, high: float) -> NDArray[np.float64]:
    """Round numbers for a logarithmic axis: powers of ten, with 2 and 5 between them where these are few."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    powers = np.power(10.0, np.arange(first, last + 1, dtype=np.float64))
    if last - first > 3:
        return powers[:: max(1, round((last - first) / 8))]
    return np.outer(powers, np.array([1.0, 2.0, 5.0])).ravel()


def tick_text(tick: float) -> str:
    """0.05, or 10⁻⁶ where the decimals would be lost among zeros."""
    return number(tick).removeprefix("1.0 × ") if tick < 0.001 else f"{tick:g}"
