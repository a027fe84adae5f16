"""Every SELECT of the dashboard: a snapshot and bound parameters in, a small DataFrame out."""

from dashboard.queries.catalogue import all_runs, run_confusion, run_curves, run_layers, run_provenance
from dashboard.queries.diagnosis import (
    configurations,
    diagnosed_layers,
    diagnosed_metrics,
    diagnosed_run,
    family_metrics,
    family_start,
)
from dashboard.queries.layers import histograms, layer_logarithms, layer_statistic_over_epochs, layer_statistics
from dashboard.queries.linear import collapsed_maps, collapsed_maps_of, collapsed_singular_values, confusions
from dashboard.queries.metrics import learning_curves, metric_over_epochs, metrics_at
from dashboard.queries.own import own_layers, own_notes, own_runs, own_sweep_metrics, own_sweep_start
from dashboard.queries.remedies import family_layers
from dashboard.queries.runs import budgets, grid, parameters_by_depth, store_facts, training_examples
from dashboard.queries.store import schema
from dashboard.queries.theory import map_logarithms, starting_flow
from dashboard.queries.weights import singular_values, weight_norms, weight_sizes

__all__ = [
    "all_runs",
    "budgets",
    "collapsed_maps",
    "collapsed_maps_of",
    "collapsed_singular_values",
    "configurations",
    "confusions",
    "diagnosed_layers",
    "diagnosed_metrics",
    "diagnosed_run",
    "family_layers",
    "family_metrics",
    "family_start",
    "grid",
    "histograms",
    "layer_logarithms",
    "layer_statistic_over_epochs",
    "layer_statistics",
    "learning_curves",
    "map_logarithms",
    "metric_over_epochs",
    "metrics_at",
    "own_layers",
    "own_notes",
    "own_runs",
    "own_sweep_metrics",
    "own_sweep_start",
    "parameters_by_depth",
    "run_confusion",
    "run_curves",
    "run_layers",
    "run_provenance",
    "schema",
    "singular_values",
    "starting_flow",
    "store_facts",
    "training_examples",
    "weight_norms",
    "weight_sizes",
]
