"""Every SELECT of the dashboard: a snapshot and bound parameters in, a small DataFrame out."""

from dashboard.queries.layers import histograms, layer_logarithms, layer_statistic_over_epochs, layer_statistics
from dashboard.queries.metrics import learning_curves, metric_over_epochs, metrics_at
from dashboard.queries.runs import grid, store_facts, training_examples
from dashboard.queries.store import schema

__all__ = [
    "grid",
    "histograms",
    "layer_logarithms",
    "layer_statistic_over_epochs",
    "layer_statistics",
    "learning_curves",
    "metric_over_epochs",
    "metrics_at",
    "schema",
    "store_facts",
    "training_examples",
]
