"""DataFrames for tests of the analysis: small enough to know the right answer."""

import pandas as pd


def runs(values: dict[int, list[float]], name: str = "accuracy") -> pd.DataFrame:
    """One row a run: depth, seed, value."""
    return pd.DataFrame(
        [(depth, seed, value) for depth, group in values.items() for seed, value in enumerate(group)],
        columns=["depth", "seed", name],
    )


def curves(**splits: list[list[float]]) -> pd.DataFrame:
    """Losses by split, seed and epoch; the accuracy is one less the loss, and the running mean starts at epoch 1."""
    rows = [
        (seed, epoch, split, loss, 1 - loss)
        for split, seeds in splits.items()
        for seed, losses in enumerate(seeds)
        for epoch, loss in enumerate(losses)
        if not (split == "train_running" and epoch == 0)
    ]
    return pd.DataFrame(rows, columns=["seed", "epoch", "split", "loss", "accuracy"])


def alike(losses: list[float], seeds: int = 4, noise: float = 1e-4) -> list[list[float]]:
    """The same curve for several seeds, each with a small step of its own at the last epoch."""
    return [[*losses[:-1], losses[-1] + noise * (seed - (seeds - 1) / 2)] for seed in range(seeds)]
