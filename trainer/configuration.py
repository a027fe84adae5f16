"""One run: a configuration with one seed, and the identity that follows from it."""

import hashlib
import itertools
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Raised by one whenever the trainer changes in a way that changes the numbers it measures.
RECIPE = 1

DatasetName = Literal["mnist", "fashion_mnist"]
Activation = Literal["linear", "sigmoid", "tanh", "relu"]
Initializer = Literal["glorot_uniform", "he_normal", "lecun_normal", "orthogonal", "random_normal"]
Optimizer = Literal["sgd", "momentum", "rmsprop", "adam"]


class RunConfiguration(BaseModel):
    """Everything that decides what a run will measure.

    The defaults are those of the question that Fathom grew from. A default is a part of the recipe, because a field at
    its default does not enter `run_id`: so a field can be added later without giving every older run a new identity,
    but no default may ever change without raising `RECIPE`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dataset: DatasetName = "mnist"
    train_size: Annotated[int, Field(ge=10, le=48_000)] = 48_000
    depth: Annotated[int, Field(ge=0, le=100)]
    width: Annotated[int, Field(ge=1, le=4096)] = 128
    activation: Activation = "linear"
    initializer: Initializer = "glorot_uniform"
    l2: Annotated[float, Field(ge=0, le=1)] = 0.0
    optimizer: Optimizer = "sgd"
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.01
    batch_size: Annotated[int, Field(ge=1, le=48_000)] = 128
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Annotated[int, Field(ge=0, lt=2**31)]

    @property
    def run_id(self) -> str:
        """16 hexadecimal digits that name this configuration under this recipe, on every machine."""
        chosen = self.model_dump(exclude_defaults=True)
        canonical = json.dumps({"recipe": RECIPE, **chosen}, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def shape(self) -> "RunConfiguration":
        """The configuration without what differs between the members of one compiled program: where the weights start
        and how large the steps are."""
        return self.model_copy(update={"seed": 0, "initializer": "glorot_uniform", "learning_rate": 0.01})

    @property
    def label(self) -> str:
        """For people: what the run is without its seed, as far as it differs from the defaults."""
        named = {"dataset", "activation", "depth", "seed"}
        others = self.model_dump(exclude_defaults=True, exclude=named)
        return " ".join(
            [
                f"{self.dataset} {self.activation} depth {self.depth}",
                *(f"{key} {value}" for key, value in others.items()),
            ]
        )

    @property
    def name(self) -> str:
        return f"{self.label} seed {self.seed}"

    @property
    def layer_sizes(self) -> list[int]:
        """Units from the input (784 pixels) through the hidden layers to the 10 classes, depth + 2 numbers."""
        return [784, *[self.width] * self.depth, 10]

    @property
    def parameters(self) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self._layer_shapes)

    @property
    def flops_per_example(self) -> int:
        """Floating-point operations of one forward pass, a multiplication and an addition counted apart."""
        return sum(2 * inputs * outputs for inputs, outputs in self._layer_shapes)

    @property
    def training_flops(self) -> int:
        """Floating-point operations of the whole training: the forward pass, and a backward pass of twice its size,
        less the gradient with respect to the pixels, which nobody needs."""
        first = 2 * self._layer_shapes[0][0] * self._layer_shapes[0][1]
        return (3 * self.flops_per_example - first) * self.train_size * self.epochs

    @property
    def _layer_shapes(self) -> list[tuple[int, int]]:
        sizes = self.layer_sizes
        return list(itertools.pairwise(sizes))
