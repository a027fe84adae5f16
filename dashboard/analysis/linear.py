"""Networks without activation functions: that each is one matrix, and how those of different depths differ."""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.analysis.estimates import Estimate, estimate

DIGITS = 10

Floats = NDArray[np.float32]
Luck = Literal["more", "less", "between", "open", "cannot_tell"]
Decisions = NDArray[np.uint8]  # (networks, images): the digit that each network sees in each image


def decide(maps: pd.DataFrame, pixels: Floats) -> Decisions:
    """The digit that each map sees in each image: one product and one sum, whatever the depth of the network was.

    Args:
        maps: matrix (pixels · 10, row by row), bias (10); one row a network.
        pixels: (images, pixels).
    """
    matrices = np.stack([np.asarray(matrix, np.float32).reshape(-1, DIGITS) for matrix in maps["matrix"]], axis=1)
    biases = np.stack([np.asarray(bias, np.float32) for bias in maps["bias"]])
    logits = pixels @ matrices.reshape(pixels.shape[1], -1)
    decisions: Decisions = (logits.reshape(len(pixels), *biases.shape) + biases).argmax(axis=2).astype(np.uint8).T
    return decisions


def check_collapse(
    maps: pd.DataFrame, decisions: Decisions, labels: NDArray[np.int64], stored: pd.DataFrame
) -> pd.DataFrame:
    """Compares what one matrix decides with what the whole stack of layers decided when it was trained.

    Args:
        maps: depth, seed; one row for each row of `decisions`.
        stored: depth, seed, actual, predicted, count: the confusion table of the whole stack.

    Returns:
        depth, seed, stack (accuracy of the layers), matrix (accuracy of the one matrix), moved (images that stand in
        another cell of the confusion table); networks without a stored table are left out.
    """
    tables = {(depth, seed): rows for (depth, seed), rows in stored.groupby(["depth", "seed"], sort=False)}
    found = []
    for depth, seed, decided in zip(maps["depth"], maps["seed"], decisions, strict=True):
        if (depth, seed) not in tables:
            continue
        rows = tables[depth, seed]
        layers = np.zeros((DIGITS, DIGITS), np.int64)
        layers[rows["actual"], rows["predicted"]] = rows["count"]
        matrix = np.bincount(labels * DIGITS + decided, minlength=DIGITS**2).reshape(DIGITS, DIGITS)
        accuracies = layers.trace() / layers.sum(), matrix.trace() / matrix.sum()
        found.append((int(depth), int(seed), *accuracies, int(np.abs(layers - matrix).sum() + 1) // 2))
    return pd.DataFrame(found, columns=["depth", "seed", "stack", "matrix", "moved"])


def centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map (pixels, 10) less what it adds to all ten digits alike, which softmax ignores."""
    centred_map: NDArray[np.float64] = matrix - matrix.mean(axis=1, keepdims=True)
    return centred_map


def mean_map(maps: pd.DataFrame) -> NDArray[np.float64]:
    """The mean of some networks' maps (column matrix), less what it adds to all digits alike: (pixels, 10)."""
    return centred(np.mean([np.asarray(matrix, np.float64) for matrix in maps["matrix"]], axis=0).reshape(-1, DIGITS))


def likeness(first: pd.DataFrame, second: pd.DataFrame, spread: Floats) -> Estimate:
    """How alike the maps of two depths are: the cosine between them, within each seed; 1 is the same up to size.

    Each pixel counts by its spread over the images: a weight does nothing at a pixel that is always black.

    Args:
        first, second: seed, matrix.
        spread: (pixels,).
    """
    pairs = first.merge(second, on="seed", suffixes=("", "_other"))
    matrices = zip(pairs["matrix"], pairs["matrix_other"], strict=True)
    return estimate(np.array([_cosine(one, other, spread) for one, other in matrices]))


def likeness_of_seeds(maps: pd.DataFrame, spread: Floats) -> float:
    """The same between networks that differ in nothing but their seed: the mean over neighbouring seeds.

    Args:
        maps: matrix; one row a seed.
    """
    cosines = [_cosine(one, other, spread) for one, other in itertools.pairwise(maps["matrix"])]
    return float(np.mean(cosines)) if cosines else float("nan")


def _cosine(first: Floats, second: Floats, spread: Floats) -> float:
    a, b = (
        (centred(np.asarray(matrix, np.float64).reshape(-1, DIGITS)) * spread[:, None]).ravel()
        for matrix in (first, second)
    )
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def disagreement(maps: pd.DataFrame, decisions: Decisions) -> pd.DataFrame:
    """The share of images in which two networks see different digits, for every two depths.

    Between two depths the networks have the same seed, so they saw the same batches. Between networks of the same
    depth it is every two seeds: what the seed alone does, the yardstick for the others.

    Args:
        maps: depth, seed; one row for each row of `decisions`.

    Returns:
        before, after, share (mean), low, high (95 % over seeds; missing within a depth, where pairs share runs), pairs.
    """
    places = pd.Series(np.arange(len(maps)), index=pd.MultiIndex.from_frame(maps[["depth", "seed"]]))
    rows = {depth: places[depth].to_dict() for depth in sorted(maps["depth"].unique())}
    found = []
    for before, own in rows.items():
        for after, others in rows.items():
            if before == after:
                pairs = itertools.combinations(own.values(), 2)
                shares = np.array([np.mean(decisions[a] != decisions[b]) for a, b in pairs])
                mean = float(shares.mean()) if len(shares) else np.nan
                found.append((before, after, mean, np.nan, np.nan, len(shares)))
            elif before < after:
                shared = sorted(own.keys() & others.keys())
                between = estimate(np.array([np.mean(decisions[own[s]] != decisions[others[s]]) for s in shared]))
                for pair in ((before, after), (after, before)):
                    found.append((*pair, between.mean, between.low, between.high, between.seeds))
    return pd.DataFrame(found, columns=["before", "after", "share", "low", "high", "pairs"])


def cells(table: pd.DataFrame) -> dict[tuple[int, int], Estimate]:
    """The rows of `disagreement` by their two depths; `seeds` counts pairs."""
    columns = ["before", "after", "share", "low", "high", "pairs"]
    return {
        (int(before), int(after)): Estimate(share, low, high, int(pairs))
        for before, after, share, low, high, pairs in table[columns].to_numpy(np.float64)
    }


def more_than_luck(between: Estimate, first: Estimate, second: Estimate) -> Luck:
    """Whether two depths disagree more than two seeds of either depth do.

    more, less: the whole interval lies beyond what seeds do at both depths; between: it lies between the two; open:
    anything else.
    """
    seeds = [within.mean for within in (first, second) if within.seeds]
    if not seeds or not between.certain:
        return "cannot_tell"
    if between.low > max(seeds):
        return "more"
    if between.high < min(seeds):
        return "less"
    return "between" if min(seeds) <= between.low and between.high <= max(seeds) else "open"


@dataclass(frozen=True)
class Dispute:
    """Images in which the networks of two depths see different digits.

    `images`: image, label, first, second (the two digits that most of the seeds that disagree see),
    seeds (how many disagree), most disputed first. `sides`: digit, first_right, second_right, both_wrong: images a
    network on average, by their label.
    """

    images: pd.DataFrame
    sides: pd.DataFrame
    seeds: int


def dispute(
    maps: pd.DataFrame, decisions: Decisions, labels: NDArray[np.int64], first: int, second: int
) -> Dispute | None:
    """Who is right where two depths disagree, within each seed; None where they have no seed in common."""
    places = maps.reset_index(drop=True).reset_index(names="place")
    pairs = places[places["depth"] == first].merge(places[places["depth"] == second], on="seed")
    if pairs.empty:
        return None
    ones, others = decisions[pairs["place_x"]], decisions[pairs["place_y"]]
    differ = ones != others
    seeds = differ.sum(axis=0)
    order = np.argsort(-seeds, kind="stable")
    order = order[seeds[order] > 0]
    images = pd.DataFrame(
        {
            "image": order,
            "label": labels[order],
            **_commonest_pairs(ones, others, differ, order),
            "seeds": seeds[order],
        }
    )
    right = {
        "first_right": differ & (ones == labels),
        "second_right": differ & (others == labels),
        "both_wrong": differ & (ones != labels) & (others != labels),
    }
    sides = pd.DataFrame(
        {name: np.bincount(labels, where.sum(axis=0), DIGITS) / len(pairs) for name, where in right.items()}
    )
    return Dispute(images, sides.rename_axis("digit").reset_index(), len(pairs))


def _commonest_pairs(
    ones: Decisions, others: Decisions, differ: NDArray[np.bool_], images: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """first and second: the two digits that most of the seeds that disagree about an image see in it."""
    pairs = ones.astype(np.int64) * DIGITS + others
    commonest = [np.bincount(pairs[differ[:, image], image], minlength=DIGITS**2).argmax() for image in images]
    first, second = np.divmod(np.array(commonest, np.int64), DIGITS)
    return {"first": first, "second": second}


def epochs_to_reach(curves: pd.DataFrame, accuracy: float) -> dict[int, int | None]:
    """The first epoch after which the mean test accuracy of each depth is at least `accuracy`; None if never.

    Args:
        curves: depth, seed, epoch, split, accuracy.
    """
    means = curves[curves["split"] == "test"].groupby(["depth", "epoch"])["accuracy"].mean()
    found: dict[int, int | None] = {}
    for depth, own in means.groupby(level="depth"):
        reached = own[own >= accuracy]
        found[int(str(depth))] = int(reached.index.get_level_values("epoch").min()) if len(reached) else None
    return found
