"""The layers of a family of runs, for one picture of it beside another."""

from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.queries.diagnosis import OF_FAMILY
from dashboard.queries.plain import PLAIN, select


def family_layers(snapshot: Path, last: bool, **family: Any) -> pd.DataFrame:
    """Size of the error in every layer of a family: depth, layer, seeds, value (base-10 logarithm of delta_rms, mean
    over seeds, zeros left out).

    Args:
        last: after the last epoch; before training without.
        family: as in `family_metrics`.
    """
    return select(
        snapshot,
        f"""
        SELECT depth, layer, count(*) AS seeds, avg(log10(delta_rms::DOUBLE)) FILTER (delta_rms > 0) AS value
        FROM run JOIN layer_stat USING (run_id)
        WHERE {OF_FAMILY} AND epoch = {"run.epochs" if last else "0"} GROUP BY depth, layer ORDER BY depth, layer
        """,
        **(PLAIN | family),
    )
