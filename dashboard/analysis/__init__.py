"""From measurements to numbers and verdicts: pure functions of DataFrames, one concept a file."""
