"""DataFrames in, Plotly figures out: one module a chapter."""
