"""What a run was trained with: its settings, how runs differ in them, and which runs differ in their seed alone."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dashboard.diagnosis.counterfactuals import FIELDS


def settings_in(runs: pd.DataFrame) -> list[str]:
    """The settings that this store knows."""
    return [name for name in FIELDS if name in runs.columns]


def differing(runs: pd.DataFrame) -> list[str]:
    """The settings in which these runs are not all alike."""
    return [name for name in settings_in(runs) if runs[name].nunique(dropna=False) > 1]


def alike(runs: pd.DataFrame, wanted: Mapping[str, Any], apart_from: tuple[str, ...] = ()) -> pd.DataFrame:
    """The runs with the settings of `wanted`, whatever they have in `apart_from`, and whatever their seed."""
    chosen = pd.Series(True, index=runs.index)
    for name in settings_in(runs):
        if name not in apart_from and name in wanted:
            chosen &= runs[name] == wanted[name]
    return runs[chosen]
