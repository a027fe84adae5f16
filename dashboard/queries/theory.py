"""What was measured of the quantities that theory has an expectation of."""

from pathlib import Path

import pandas as pd

from dashboard.queries.plain import PLAIN_RUNS, select


def starting_flow(snapshot: Path) -> pd.DataFrame:
    """δ and the first input sums before training, for each start and activation: activation, initializer, depth, seed,
    total (rms of δ at the first hidden layer over that at the last), first (mean square of the first input sums).

    Of plain networks of the question's width, whatever the rest of their training: it had not begun.
    """
    return select(
        snapshot,
        """
        SELECT activation, initializer, depth, seed, any_value(total) AS total, any_value(first) AS first
        FROM (
            SELECT activation, initializer, depth, seed, run_id,
                   max(delta_rms::DOUBLE) FILTER (layer = 1) / max(delta_rms::DOUBLE) FILTER (layer = depth) AS total,
                   max(preactivation_std::DOUBLE ** 2 + preactivation_mean::DOUBLE ** 2) FILTER (layer = 1) AS first
            FROM run JOIN layer_stat USING (run_id)
            WHERE origin = 'grid' AND dataset = 'mnist' AND train_size = 48000 AND width = 128 AND NOT shortcut
              AND normalization = 'none' AND coalesce(bias_initializer, 'zeros') = 'zeros'
              AND coalesce(output, 'softmax') = 'softmax'
              AND depth >= 2 AND epoch = 0 AND layer <= depth
            GROUP BY ALL
        )
        WHERE total IS NOT NULL GROUP BY activation, initializer, depth, seed ORDER BY ALL
        """,
    )


def map_logarithms(snapshot: Path) -> pd.DataFrame:
    """The one map of each linear network, before training and at its end: depth, seed, epoch, logarithm (mean natural
    logarithm of its singular values)."""
    return select(
        snapshot,
        f"""
        SELECT depth, seed, epoch, list_avg(list_transform(singular_values, lambda value: ln(value))) AS logarithm
        FROM {PLAIN_RUNS} JOIN collapsed_map USING (run_id)
        WHERE epoch IN (0, epochs) AND list_min(singular_values) > 0 ORDER BY depth, seed, epoch
        """,
    )
