"""A run as a plain Keras script that anybody can copy, and that trains the same network on the same batches."""

from collections.abc import Mapping
from typing import Any

INITIALIZERS = {
    "glorot_uniform": "keras.initializers.GlorotUniform(seed={seed})",
    "he_normal": "keras.initializers.HeNormal(seed={seed})",
    "lecun_normal": "keras.initializers.LecunNormal(seed={seed})",
    "orthogonal": "keras.initializers.Orthogonal(seed={seed})",
    "random_normal": "keras.initializers.RandomNormal(seed={seed})",
    "fan_in_normal": 'keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed={seed})',
}
BIAS_INITIALIZERS = {
    "zeros": '"zeros"',
    "standard_normal": "keras.initializers.RandomNormal(stddev=1.0, seed={seed} + 500)",
}
NORMALIZATIONS = {
    "batch": "keras.layers.BatchNormalization()(hidden)",
    "layer": "keras.layers.LayerNormalization()(hidden)",
}
OPTIMIZERS = {
    "sgd": "keras.optimizers.SGD({rate})",
    "momentum": "keras.optimizers.SGD({rate}, momentum=0.9)",
    "rmsprop": "keras.optimizers.RMSprop({rate})",
    "adam": "keras.optimizers.Adam({rate})",
}
IMAGES = 60_000  # of each dataset, for training and validation together
SOFTMAX = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
# Ten yes-or-no questions, with the sum of their cross-entropies as loss.
QUESTIONS = """def loss(labels, logits):
    wanted = keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), 10)
    return 10 * keras.losses.binary_crossentropy(wanted, logits, from_logits=True)


"""


def script(run: Mapping[str, Any], stored: Mapping[str, tuple[float, float]]) -> str:
    """The Python source.

    Rounding differs between processors and between this script's order of sums and the trainer's, so that figures agree
    closely, not bit by bit.

    Args:
        run: a row of the table `run`.
        stored: by split, loss and accuracy after the last epoch, for the script to print beside its own.

    Raises:
        KeyError: a setting that this dashboard does not know.
    """
    setting: dict[str, Any] = {"validation_size": 12_000, "output": "softmax", "bias_initializer": "zeros", **run}
    available = IMAGES - int(setting["validation_size"])
    seed, train_size, epochs = (int(setting[name]) for name in ("seed", "train_size", "epochs"))
    batch = min(int(setting["batch_size"]), train_size)
    subset = "" if train_size == available else _subset(setting["dataset"], seed, available, train_size)
    output_loss = "" if setting["output"] == "softmax" else QUESTIONS
    return f'''"""{setting["name"]}, as a plain Keras script.

It takes {_file(setting["dataset"])} from the folder it runs in, or else lets Keras download it.
"""

import zlib
from pathlib import Path

import keras
import numpy as np

file = Path("{_file(setting["dataset"])}")
if file.exists():
    with np.load(file) as arrays:
        (x, y), (x_test, y_test) = [(arrays["x_" + part], arrays["y_" + part]) for part in ("train", "test")]
else:
    (x, y), (x_test, y_test) = keras.datasets.{setting["dataset"]}.load_data()
x, x_test = (images.reshape(-1, 784).astype("float32") / 255 for images in (x, x_test))

# The last {setting["validation_size"]:,} images are held out for validation.
x_train, y_train = x[:{available}], y[:{available}]
x_validation, y_validation = x[{available}:], y[{available}:]
{subset}

{output_loss}{_network(setting)}
model.compile(
    optimizer={OPTIMIZERS[setting["optimizer"]].format(rate=setting["learning_rate"])},
    loss={_loss(setting)},
    metrics=["accuracy"],
)

# One epoch at a time, because the order of the images depends on the seed and the epoch, and on nothing else.
batch, steps = {batch}, {train_size // batch}
for epoch in range(1, {epochs} + 1):
    generator = np.random.default_rng([zlib.crc32(b"{setting["dataset"]}"), {seed}, 2, epoch])
    order = generator.permutation({train_size})[: steps * batch]  # what is left over sits this epoch out
    model.fit(x_train[order], y_train[order], batch, shuffle=False, verbose=0)
    loss_now, accuracy_now = model.evaluate(x_validation, y_validation, 500, verbose=0)
    print(f"epoch {{epoch}}: validation loss {{loss_now:.4f}}, accuracy {{accuracy_now:.4f}}", flush=True)

{_comparison(stored, bool(setting["l2"]))}'''


def _file(dataset: str) -> str:
    return f"{dataset}.npz"


def _subset(dataset: str, seed: int, available: int, train_size: int) -> str:
    return f"""
# A smaller training set: the seed decides which of them.
generator = np.random.default_rng([zlib.crc32(b"{dataset}"), {seed}, 1, 0])
chosen = np.sort(generator.permutation({available})[:{train_size}])
x_train, y_train = x_train[chosen], y_train[chosen]
"""


def _network(setting: Mapping[str, Any]) -> str:
    """The lines that build the model: a loop over the hidden layers, and the output layer, which gives logits."""
    depth, first_seed = int(setting["depth"]), int(setting["seed"]) * 1_000
    kernel = INITIALIZERS[setting["initializer"]].format(seed=f"{first_seed} + layer")
    bias = BIAS_INITIALIZERS[setting["bias_initializer"]].format(seed=f"{first_seed} + layer")
    penalty = [f"        kernel_regularizer=keras.regularizers.L2({setting['l2']}),"] if setting["l2"] else []
    lines = [
        "def dense(layer, units):",
        "    return keras.layers.Dense(",
        "        units,",
        f"        kernel_initializer={kernel},",
        f"        bias_initializer={bias},",
        *penalty,
        "    )",
        "",
        "",
        "pixels = keras.Input((784,))",
        "hidden = pixels",
    ]
    if depth:
        lines += [f"for layer in range(1, {depth} + 1):", f"    summed = dense(layer, {int(setting['width'])})(hidden)"]
        if setting["shortcut"]:
            lines += ["    if layer > 1:", "        summed = keras.layers.Add()([summed, below])", "    below = summed"]
        lines += ["    hidden = summed"]
        if setting["normalization"] != "none":
            lines += [f"    hidden = {NORMALIZATIONS[setting['normalization']]}"]
        if setting["activation"] != "linear":
            lines += [f'    hidden = keras.layers.Activation("{setting["activation"]}")(hidden)']
        if setting["dropout"]:
            dropout = f"keras.layers.Dropout({setting['dropout']}, seed={first_seed} + layer)"
            lines += [f"    hidden = {dropout}(hidden)"]
    lines += [f"model = keras.Model(pixels, dense({depth + 1}, 10)(hidden))"]
    return "\n".join(lines)


def _loss(setting: Mapping[str, Any]) -> str:
    return SOFTMAX if setting["output"] == "softmax" else "loss"


def _comparison(stored: Mapping[str, tuple[float, float]], penalised: bool) -> str:
    """The lines that print each split's figures beside the stored ones."""
    known = {split: stored[split] for split in ("train", "validation", "test") if split in stored}
    if not known:
        return "# This run has no figures after its last epoch to compare with.\n"
    rows = "".join(
        f'    ("{split}", x_{split}, y_{split}, {loss!r}, {accuracy!r}),\n' for split, (loss, accuracy) in known.items()
    )
    note = "    # Keras adds the L2 penalty to the loss, which the stored figure leaves out.\n" if penalised else ""
    return f"""for split, images, labels, stored_loss, stored_accuracy in [
{rows}]:
{note}    loss_now, accuracy_now = model.evaluate(images, labels, 500, verbose=0)
    print(f"{{split}}: loss {{loss_now:.4f}} (stored {{stored_loss:.4f}}), ", end="")
    print(f"accuracy {{accuracy_now:.4f}} (stored {{stored_accuracy:.4f}})")
"""
