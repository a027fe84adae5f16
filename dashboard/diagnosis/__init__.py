"""From stored runs to verdicts: what is wrong with a run or a sweep over depth, how sure that is, and what cures it.

Pure functions: DataFrames in, dataclasses out. The rules of each verdict stand in one file, every number that they
compare with in `thresholds.py`.
"""
