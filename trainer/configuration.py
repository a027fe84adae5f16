"""One run: a configuration with one seed, and the identity that follows from it."""

import hashlib
import itertools
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

# Raised by one whenever the trainer changes in a way that changes the numbers it measures.
RECIPE = 1
# Runs of up to so many epochs are measured after each of them, longer ones about as often.
EVERY_EPOCH = 20

IMAGES = 60_000  # of each dataset, for training and validation together
CLASSES = 10

DatasetName = Literal["mnist", "fashion_mnist"]
Activation = Literal["linear", "sigmoid", "tanh", "relu"]
Output = Literal["softmax", "sigmoid"]
Initializer = Literal["glorot_uniform", "he_normal", "lecun_normal", "orthogonal", "random_normal", "fan_in_normal"]
BiasInitializer = Literal["zeros", "standard_normal"]
Normalization = Literal["none", "batch", "layer"]
Optimizer = Literal["sgd", "momentum", "rmsprop", "adam"]


class RunConfiguration(BaseModel):
    """Everything that decides what a run will measure.

    The defaults are those of the question that Fathom grew from. A default is a part of the recipe, because a field at
    its default does not enter `run_id`: so a field can be added later without giving every older run a new identity,
    but no default may ever change without raising `RECIPE`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dataset: DatasetName = "mnist"
    validation_size: Annotated[int, Field(ge=1_000, le=30_000)] = 12_000
    train_size: Annotated[int, Field(ge=10, validate_default=True)] = 48_000
    depth: Annotated[int, Field(ge=0, le=100)]
    width: Annotated[int, Field(ge=1, le=4096)] = 128
    activation: Activation = "linear"
    output: Output = "softmax"
    initializer: Initializer = "glorot_uniform"
    bias_initializer: BiasInitializer = "zeros"
    shortcut: bool = False
    normalization: Normalization = "none"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    l2: Annotated[float, Field(ge=0, le=1)] = 0.0
    optimizer: Optimizer = "sgd"
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.01
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)] = 128
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Annotated[int, Field(ge=0, lt=2**31)]

    @field_validator("train_size")
    @classmethod
    def _leaves_the_validation_images_alone(cls, train_size: int, others: ValidationInfo) -> int:
        most = IMAGES - others.data.get("validation_size", 0)
        if train_size > most:
            raise ValueError(f"at most {most} images are left to train on beside those for validation")
        return train_size

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
    def collapses(self) -> bool:
        """Whether the hidden layers amount to one matrix: no activation, normalisation or shortcut in between."""
        return self.activation == "linear" and self.normalization == "none" and not self.shortcut

    @property
    def reorders_products(self) -> bool:
        """Whether it is trained in the order of multiplication of `linear_stack`: there must be hidden layers above the
        first, nothing but matrices in training either, and a batch larger than the number of classes."""
        larger = min(self.batch_size, self.train_size) > CLASSES
        return self.depth > 1 and self.collapses and not self.dropout and larger

    @property
    def recorded_epochs(self) -> tuple[int, ...]:
        """The epochs after which everything is measured, ascending."""
        return recorded_epochs(self.epochs)

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
        return [784, *[self.width] * self.depth, CLASSES]

    @property
    def parameters(self) -> int:
        """Trainable numbers: weights, biases, and a scale and a shift per normalised unit."""
        dense = sum((inputs + 1) * outputs for inputs, outputs in self._layer_shapes)
        return dense + (2 * self.width * self.depth if self.normalization != "none" else 0)

    @property
    def flops_per_example(self) -> int:
        """Operations of one forward pass's matrix products, a multiplication and an addition counted apart."""
        return sum(2 * inputs * outputs for inputs, outputs in self._layer_shapes)

    @property
    def training_flops(self) -> int:
        """Floating-point operations of the whole training: the forward pass, and a backward pass of twice its size,
        less the gradient with respect to the pixels, which nobody needs."""
        first = 2 * self._layer_shapes[0][0] * self._layer_shapes[0][1]
        return (3 * self.flops_per_example - first) * self.train_size * self.epochs

    @property
    def performed_flops(self) -> int:
        """What is left of `training_flops` in the order of multiplication that the trainer chooses."""
        if not self.reorders_products:
            return self.training_flops
        between = sum(2 * inputs * outputs for inputs, outputs in self._layer_shapes[1:-1])
        steps = self.train_size // min(self.batch_size, self.train_size) * self.epochs
        return self.training_flops - 3 * between * (self.train_size * self.epochs - CLASSES * steps)

    @property
    def _layer_shapes(self) -> list[tuple[int, int]]:
        sizes = self.layer_sizes
        return list(itertools.pairwise(sizes))


def recorded_epochs(epochs: int, most: int = EVERY_EPOCH) -> tuple[int, ...]:
    """All of up to `most` epochs, or else about so many spread evenly on a logarithmic scale. 0, before training, and
    the last are always among them."""
    if epochs <= most:
        return tuple(range(epochs + 1))
    points, spread = most, set[int]()
    while len(spread) < most:  # neighbours among the first few round to the same epoch
        spread = {round(epochs ** (point / (points - 1))) for point in range(points)}
        points += 1
    return (0, *sorted(spread))
