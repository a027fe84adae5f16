"""The Keras callback records what the grid would have, on any model, and keeps what there is when training stops."""

import gc
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from training import PROJECT, epoch_batches, images_and_labels, trained

from trainer import datasets
from trainer.configuration import RunConfiguration, recorded_epochs
from trainer.errors import FathomError
from trainer.network import kernel_initializer
from trainer.recorder import Recorder

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.random((96, 8, 8, 1)).astype(np.float32)
DIGITS = np.tile(np.arange(4), 24).astype(np.int32)
STEPS = GENERATOR.random((96, 5, 3)).astype(np.float32)
SIGNALS = ["delta_rms", "preactivation_std", "activation_std", "weight_norm", "gradient_norm"]


class Store:
    """What a recording left in a folder, read back from the snapshot that it published."""

    def __init__(self, folder: Path) -> None:
        self.file = max((folder / "local").glob("results-*.duckdb"), key=lambda path: path.name)

    def rows(self, sql: str) -> pd.DataFrame:
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(sql).df()

    @property
    def run(self) -> Any:
        (row,) = self.rows("FROM run").itertuples()
        return row

    @property
    def notes(self) -> set[str]:
        return set(self.rows("SELECT note FROM own_note")["note"])

    def layers(self, epoch: int) -> pd.DataFrame:
        return self.rows(f"FROM layer_stat JOIN own_layer USING (run_id, layer) WHERE epoch = {epoch} ORDER BY layer")


def recorded(folder: Path, model: keras.Model, *data: Any, loss: Any = None, **settings: Any) -> Store:
    """A fit of two epochs, recorded."""
    model.compile("sgd", loss or "sparse_categorical_crossentropy", metrics=["accuracy"])
    arguments = {"epochs": 2, "batch_size": 32, "verbose": 0, **settings}
    held_out = arguments.pop("test_data", None)
    model.fit(*data, callbacks=[Recorder("mine", test_data=held_out, data=folder)], **arguments)
    return Store(folder)


def grid_batches(run: RunConfiguration) -> tf.data.Dataset:
    """The batches of a run of the grid, in its order, one epoch after the other."""
    order = np.concatenate([epoch_batches(run, epoch) for epoch in range(1, run.epochs + 1)])
    batches = [one_hot(batch) for batch in order]
    return tf.data.Dataset.from_tensor_slices(tuple(np.stack(part) for part in zip(*batches, strict=True)))


def one_hot(positions: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    images, digits = images_and_labels(positions)
    return images, keras.utils.to_categorical(digits, 10)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_the_askers_model_is_recorded_as_the_grid_would(activation: str, tmp_path: Path) -> None:
    """With the softmax as a layer of its own, one-hot labels and the loss of probabilities, as the asker wrote it."""
    cohort = trained(activation=activation)
    run = cohort.runs[0]
    model = keras.Sequential([keras.Input((784,))])
    for layer, units in enumerate(run.layer_sizes[1:], start=1):
        model.add(keras.layers.Dense(units, kernel_initializer=kernel_initializer(run.initializer, run.seed, layer)))
        last = layer == run.depth + 1
        model.add(keras.layers.Activation("softmax" if last else activation))
    model.compile(keras.optimizers.SGD(run.learning_rate), "categorical_crossentropy", metrics=["accuracy"])
    training = one_hot(datasets.training_indices("mnist", run.train_size, run.seed))
    test = one_hot(datasets.test_indices())
    recorder = Recorder("as the grid", test, train_data=training, sweep="five", seed=run.seed, data=tmp_path)
    model.fit(
        grid_batches(run),
        epochs=run.epochs,
        steps_per_epoch=len(epoch_batches(run, 1)),
        shuffle=False,
        validation_data=one_hot(datasets.validation_indices()),
        validation_batch_size=500,
        verbose=0,
        callbacks=[recorder],
    )

    store = Store(tmp_path)
    for epoch in run.recorded_epochs:
        rows = store.layers(epoch).to_dict("records")
        expected = cohort.rows("layer_stat", run, epoch=epoch)
        assert len(rows) == len(expected) == 3
        for received, wanted in zip(rows, expected, strict=True):
            for name, value in wanted.items():
                if name == "run_id":
                    continue
                if value is None:
                    assert pd.isna(received[name]), (epoch, name)
                else:
                    absolute = 1e-7 if name.endswith(("mean", "bias_gradient_norm")) else 1e-9
                    assert received[name] == pytest.approx(value, rel=2e-3, abs=absolute), (
                        epoch,
                        wanted["layer"],
                        name,
                    )
    metrics = store.rows("FROM epoch_metric").set_index(["epoch", "split"])
    for row in cohort.rows("epoch_metric", run):
        mine = metrics.loc[(row["epoch"], row["split"])]
        assert mine["loss"] == pytest.approx(row["loss"], rel=1e-4)
        assert abs(mine["accuracy"] - row["accuracy"]) * row["examples"] < 1.5
    confusion = store.rows("SELECT actual, predicted, count FROM confusion ORDER BY ALL")
    assert confusion["count"].sum() == 10_000
    same = store.rows("SELECT DISTINCT layer, quantity FROM layer_histogram WHERE epoch = 2")
    assert len(same) == 3 * 5
    mine = store.run
    assert (mine.origin, mine.sweep, mine.seed, mine.status) == ("recorded", "five", run.seed, "finished")
    assert (mine.depth, mine.width, mine.activation, mine.classes) == (2, 16, activation, 10)
    assert (mine.parameters, mine.flops_per_example) == (run.parameters, run.flops_per_example)
    assert mine.dataset is None  # what nobody knows is not taken from the grid
    assert pd.isna(mine.validation_size)


def test_a_convolutional_net_with_normalisation_keeps_its_moving_averages(tmp_path: Path) -> None:
    def network() -> keras.Model:
        keras.utils.set_random_seed(1)
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(4, 3),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.MaxPooling2D(),
                keras.layers.Conv2D(6, 2, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(4, activation="softmax"),
            ]
        )

    model, alone = network(), network()
    store = recorded(tmp_path, model, IMAGES, DIGITS, test_data=(IMAGES[:20], DIGITS[:20]), shuffle=False)
    alone.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    alone.fit(IMAGES, DIGITS, epochs=2, batch_size=32, verbose=0, shuffle=False)
    for mine, other in zip(model.weights, alone.weights, strict=True):
        assert np.array_equal(mine, other)  # recording changes nothing
    layers = store.layers(2)
    assert layers["kind"].tolist() == ["Conv2D", "Conv2D", "Dense"]
    assert layers["activation"].tolist() == ["relu", "relu", "softmax"]
    assert layers[["inputs", "units"]].to_numpy().tolist() == [[9, 4], [16, 6], [24, 4]]
    assert layers[SIGNALS].notna().all(axis=None)
    layers = store.layers(0)
    first = layers.iloc[0]
    assert first["preactivation_mean"] == pytest.approx(0, abs=1e-4)  # the probe normalised by itself
    ratio = first["delta_rms"] / layers.iloc[1]["delta_rms"]
    gains = first[["weight_gain", "slope_gain", "normalization_gain", "shortcut_gain"]].astype(float)
    assert gains.prod() == pytest.approx(ratio, rel=1e-4)
    assert store.notes == {"no_validation"}


def test_a_recurrent_net_shows_its_weights_and_says_that_its_signals_are_hidden(tmp_path: Path) -> None:
    tokens = GENERATOR.integers(0, 20, (96, 5))
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Embedding(20, 3), keras.layers.LSTM(6), keras.layers.Dense(1)]
    )
    targets = GENERATOR.random((96, 1)).astype(np.float32)
    store = recorded(tmp_path, model, tokens, targets, loss="mse")
    layers = store.layers(2)
    assert layers["kind"].tolist() == ["Embedding", "LSTM", "Dense"]
    assert layers[["inputs", "units"]].to_numpy().tolist() == [[20, 3], [9, 24], [6, 1]]
    assert layers[["weight_norm", "gradient_norm", "update_ratio"]].notna().all(axis=None)
    assert layers["delta_rms"].notna().tolist() == [True, False, True]
    assert {"no_signals", "no_accuracy", "no_test_data"} <= store.notes
    assert store.rows("SELECT accuracy FROM epoch_metric")["accuracy"].isna().all()


def test_a_functional_model_with_two_outputs(tmp_path: Path) -> None:
    pixels = keras.Input((64,))
    hidden = keras.layers.Dense(8, activation="tanh", name="shared")(pixels)
    model = keras.Model(
        pixels,
        {
            "digit": keras.layers.Dense(4, activation="softmax", name="digit")(hidden),
            "brightness": keras.layers.Dense(1, name="brightness")(hidden),
        },
    )
    targets = {"digit": DIGITS, "brightness": IMAGES.mean(axis=(1, 2))}
    model.compile("adam", {"digit": "sparse_categorical_crossentropy", "brightness": "mse"})
    flat = IMAGES.reshape(96, 64)
    model.fit(flat, targets, epochs=1, verbose=0, callbacks=[Recorder("two", (flat, targets), data=tmp_path)])
    store = Store(tmp_path)
    layers = store.layers(1).set_index("name")
    assert set(layers.index) == {"shared", "digit", "brightness"}
    assert layers[SIGNALS].notna().all(axis=None)
    assert layers["weight_gain"].isna().all()  # which of the two comes next?
    assert layers.loc["shared", "slope_gain"] <= 1
    assert store.run.depth == 1


class OwnActivation(keras.Model):  # type: ignore[misc]  # keras ships no types
    """Subclassed, with an activation that is no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.below, self.middle, self.above = (keras.layers.Dense(units) for units in (16, 16, 4))

    def call(self, inputs: Any) -> Any:
        hidden = tf.nn.relu(self.below(inputs))
        return tf.nn.softmax(self.above(tf.nn.relu(self.middle(hidden))))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras says so of every dataset without a length
def test_a_subclassed_model_on_a_dataset_of_unknown_length(tmp_path: Path) -> None:
    flat = IMAGES.reshape(96, 64)
    stream = tf.data.Dataset.from_tensor_slices((flat, DIGITS)).filter(lambda x, y: y >= 0).batch(32)
    settings = {"batch_size": None, "shuffle": False, "validation_data": stream}
    store = recorded(tmp_path, OwnActivation(), stream, test_data=stream, **settings)
    layers = store.layers(2)
    assert len(layers) == 3
    assert layers[[*SIGNALS, "update_ratio"]].notna().all(axis=None)
    assert (layers["slope_gain"].iloc[:2] < 1).all()  # relu was seen, though no layer holds it
    assert (layers["dead_fraction"].iloc[:2] < 1).all()
    splits = store.rows("SELECT split, count(accuracy) AS known FROM epoch_metric GROUP BY ALL ORDER BY ALL")
    assert splits["known"].tolist() == [3, 3, 2, 3]  # there is no running mean before training
    assert store.notes == set()


def test_mixed_precision_is_recorded_in_single_precision(tmp_path: Path) -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        layers = [
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(4, activation="softmax", dtype="float32"),
        ]
        model = keras.Sequential([keras.Input((64,)), *layers])
        store = recorded(tmp_path, model, IMAGES.reshape(96, 64), DIGITS, validation_split=0.25)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert store.layers(2)[SIGNALS].notna().all(axis=None)
    assert store.run.train_size == 72


class StopsInItsStep(keras.Sequential):  # type: ignore[misc]  # keras ships no types
    """Ctrl-C in the second epoch."""

    steps = 0

    def train_step(self, data: Any) -> Any:
        self.steps += 1
        if self.steps > 4:
            raise KeyboardInterrupt
        return super().train_step(data)


def test_what_there_is_of_an_interrupted_training_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = StopsInItsStep([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    recorder = Recorder("stopped", data=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES.reshape(96, 64), DIGITS, 32, epochs=5, verbose=0, callbacks=[recorder])
    store = Store(tmp_path)
    assert (store.run.status, store.run.epochs) == ("interrupted", 5)
    assert sorted(store.rows("SELECT DISTINCT epoch FROM layer_stat")["epoch"]) == [0, 1]
    said = capsys.readouterr().err
    assert "Fathom recorded 'stopped'" in said
    assert "test_data=(x, y)" in said


class Fails(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise RuntimeError("somebody else's callback")


def test_a_training_that_fails_elsewhere_is_kept_when_the_recorder_goes(tmp_path: Path) -> None:
    def fail() -> None:
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        callbacks = [Recorder("failed", data=tmp_path), Fails()]
        model.fit(IMAGES.reshape(96, 64), DIGITS, 32, epochs=5, verbose=0, callbacks=callbacks)

    with pytest.raises(RuntimeError) as caught:
        fail()
    del caught
    gc.collect()
    assert Store(tmp_path).run.status == "interrupted"


@pytest.mark.parametrize("strength", [0.0, 0.01])
def test_a_loss_that_a_layer_adds_is_named_and_a_penalty_on_weights_is_not(tmp_path: Path, strength: float) -> None:
    penalty = keras.regularizers.L2(0.01)
    hidden = keras.layers.Dense(
        4, kernel_regularizer=penalty, activity_regularizer=keras.regularizers.L2(strength) if strength else None
    )
    flat = keras.layers.Flatten()
    model = keras.Sequential([keras.Input((8, 8, 1)), flat, hidden, keras.layers.Dense(10, "softmax")])
    store = recorded(tmp_path, model, IMAGES, DIGITS, test_data=(IMAGES[:20], DIGITS[:20]))
    assert ("added_loss" in store.notes) == bool(strength)


class OwnLoop(keras.Model):  # type: ignore[misc]  # keras ships no types
    """A training loop of its own, without a compiled loss, on a model without a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = self.add_weight(shape=(1,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale

    def train_step(self, data: Any) -> Any:
        return {"loss": tf.reduce_mean(data[0])}


def test_a_model_that_cannot_be_read_says_so_and_trains_on(tmp_path: Path) -> None:
    model = OwnLoop()
    model.compile("sgd")
    model.fit(IMAGES, DIGITS, epochs=1, verbose=0, callbacks=[Recorder("own loop", data=tmp_path)])
    store = Store(tmp_path)
    assert {"no_kernels", "no_loss"} <= store.notes
    assert store.run.status == "finished"
    assert pd.isna(store.run.depth)


def test_a_diverged_training_is_recorded_as_such(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e6), "mse")
    targets = GENERATOR.random((96, 1))
    model.fit(IMAGES.reshape(96, 64), targets, epochs=3, verbose=0, callbacks=[Recorder("far", data=tmp_path)])
    run = Store(tmp_path).run
    assert (run.status, run.diverged_epoch) == ("diverged", 1)


def test_a_model_that_is_run_eagerly_is_recorded(tmp_path: Path) -> None:
    """Its code may look at values, which compiled code cannot."""

    class Looking(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2 if float(tf.reduce_mean(inputs)) > 0 else inputs

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    model = keras.Sequential([keras.Input((64,)), Looking(), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    data = IMAGES.reshape(96, 64), DIGITS
    model.fit(*data, epochs=1, verbose=0, callbacks=[Recorder("eager", data, data=tmp_path)])
    store = Store(tmp_path)
    loss, accuracy = model.evaluate(*data, verbose=0)
    (row,) = store.rows("FROM epoch_metric WHERE split = 'test' AND epoch = 1").itertuples()
    assert (row.loss, row.accuracy) == (pytest.approx(loss, rel=1e-5), pytest.approx(accuracy))
    assert "failed" not in store.notes


def test_a_model_that_is_built_at_its_first_step_trains_on_with_batches_of_its_own(tmp_path: Path) -> None:
    """A layer may want batches of one size, and Keras keeps the shape that a Sequential was built for."""

    class OfThirtyTwo(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return tf.reshape(inputs, (32, 64))

    model = keras.Sequential([OfThirtyTwo(), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    data = IMAGES.reshape(96, 64), DIGITS
    history = model.fit(*data, epochs=1, verbose=0, callbacks=[Recorder("by 32", data, data=tmp_path)])
    assert np.isfinite(history.history["loss"]).all()
    assert model.input_shape == (None, 64)


def test_a_model_that_cannot_be_built_beforehand_is_left_as_it_was(tmp_path: Path) -> None:
    class OfKnownBatches(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            if inputs.shape[0] is None:
                raise ValueError("How many are there?")
            return inputs

    model = keras.Sequential([OfKnownBatches(), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    data = IMAGES.reshape(96, 64), DIGITS
    model.fit(*data, epochs=1, verbose=0, callbacks=[Recorder("known", data, data=tmp_path)])
    assert model.input_shape == (32, 64)
    assert Store(tmp_path).rows("SELECT status FROM run")["status"].tolist() == ["finished"]


def test_a_test_set_is_evaluated_as_it_is_at_each_call_of_fit(tmp_path: Path) -> None:
    images, digits = IMAGES.copy(), DIGITS.copy()
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    recorder = Recorder("again", (images, digits), data=tmp_path)
    losses = []
    for _ in range(2):
        images *= 3
        model.fit(IMAGES, DIGITS, epochs=1, verbose=0, callbacks=[recorder])
        losses.append(model.evaluate(images, digits, verbose=0)[0])
    stored = Store(tmp_path).rows("SELECT loss FROM epoch_metric WHERE split = 'test' AND epoch = 1")["loss"]
    assert sorted(stored) == pytest.approx(sorted(losses), rel=1e-5)


UNPLANNED = next(epoch for epoch in range(2, 900) if epoch not in recorded_epochs(900))


@pytest.mark.parametrize("last", [2, UNPLANNED])
def test_a_training_that_stops_early_ends_with_an_epoch_measured_in_full(tmp_path: Path, last: int) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping("loss", patience=last - 1, min_delta=10)
    data = IMAGES.reshape(96, 64), DIGITS
    model.fit(*data, epochs=900, verbose=0, callbacks=[Recorder("early", data, data=tmp_path), stop])
    store = Store(tmp_path)
    for table in ("layer_stat", "layer_histogram", "singular_value"):
        assert store.rows(f"SELECT max(epoch) AS last FROM {table}")["last"][0] == last
    twice = "SELECT epoch FROM epoch_metric GROUP BY epoch, split HAVING count(*) > 1"
    assert store.rows(twice).empty
    assert store.rows("SELECT sum(count) AS examples FROM confusion")["examples"][0] == 96


def test_a_training_that_goes_on_where_another_ended_has_the_epochs_of_its_own(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    store = recorded(tmp_path, model, IMAGES.reshape(96, 64), DIGITS, initial_epoch=3, epochs=5)
    assert store.run.epochs == 2
    assert set(store.rows("SELECT epoch FROM layer_stat")["epoch"]) == {0, 1, 2}
    assert store.rows("SELECT max(epoch) AS last FROM layer_histogram")["last"][0] == 2


def test_a_test_set_longer_than_a_training_sample_is_read_to_its_end(tmp_path: Path) -> None:
    images = np.zeros((12_500, 4), np.float32)
    stream = tf.data.Dataset.from_tensor_slices((images, np.arange(12_500) % 4)).batch(500)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation="softmax")])
    store = recorded(tmp_path, model, images[:96], DIGITS, test_data=stream, epochs=1)
    assert set(store.rows("SELECT examples FROM epoch_metric WHERE split = 'test'")["examples"]) == {12_500}
    assert "cut" not in store.notes


def test_of_an_endless_test_set_the_first_examples_are_taken_and_that_is_said(tmp_path: Path) -> None:
    flat = IMAGES.reshape(96, 64)
    stream = tf.data.Dataset.from_tensor_slices((flat, DIGITS)).batch(96).repeat()
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    store = recorded(tmp_path, model, flat, DIGITS, test_data=stream, epochs=1)
    assert set(store.rows("SELECT examples FROM epoch_metric WHERE split = 'test'")["examples"]) == {12_000}
    assert "cut" in store.notes


def test_another_kind_of_accuracy_is_not_taken_for_the_plain_one(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    flat = IMAGES.reshape(96, 64)
    metrics = [keras.metrics.SparseTopKCategoricalAccuracy(3), "accuracy"]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    seen = model.fit(flat, DIGITS, epochs=1, verbose=0, callbacks=[Recorder("top", data=tmp_path)])
    stored = Store(tmp_path).rows("SELECT accuracy FROM epoch_metric WHERE split = 'train_running'")["accuracy"]
    assert list(stored) == pytest.approx(seen.history["accuracy"])
    assert seen.history["accuracy"] != seen.history["sparse_top_k_categorical_accuracy"]


def test_a_loss_that_is_not_finite_from_the_start_is_a_diverged_training(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(1e30))]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    data = IMAGES.reshape(96, 64), GENERATOR.random((96, 1))
    model.fit(*data, epochs=1, verbose=0, callbacks=[Recorder("far off", data, data=tmp_path)])
    run = Store(tmp_path).run
    assert (run.status, run.diverged_epoch) == ("diverged", 0)


def test_data_that_cannot_be_read_stop_no_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(keras.utils.PyDataset):  # type: ignore[misc]
        """Works for Keras, and for nobody else."""

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Any:
            if any(frame.filename.endswith("fit_data.py") for frame in inspect.stack()):
                raise OSError("not for you")
            return IMAGES.reshape(96, 64), DIGITS

    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Broken(), epochs=1, verbose=0, callbacks=[Recorder("broken data", data=tmp_path)])
    assert int(model.optimizer.iterations) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_test_data_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FathomError, match=r"pair of arrays \(inputs, targets\)"):
        Recorder("wrong", test_data=3, data=tmp_path)


def readme_example(language: str = "README.md") -> str:
    blocks = re.findall(r"```python\n(.*?)```", (PROJECT / language).read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "Recorder(" in block)
    return example


STUDY = """
[question]
en = "Does it matter?"
ja = "違いはある？"

[[grid]]
depth = [1]
width = [8]
train_size = [200]
epochs = [1]
seed = [0, 1]
"""


def test_the_example_runs_twice_at_the_same_time_beside_a_refresh(tmp_path: Path) -> None:
    """As it stands in the README, but for one epoch on fewer images and another folder."""
    source = readme_example()
    for before, after in (
        ("EPOCHS = 20", "EPOCHS = 1"),
        ('"data/mnist.npz"', f'"{PROJECT}/data/mnist.npz"'),
        ("x_train = x_train.reshape", "x_train, y_train = x_train[:640], y_train[:640]\nx_train = x_train.reshape"),
        ('sweep="my network"', f'sweep="my network", data="{tmp_path}"'),
    ):
        assert before in source
        source = source.replace(before, after)
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    refresh = ["-m", "trainer", str(tmp_path / "small.toml"), "--workers", "1", "--data", str(tmp_path)]
    commands = [["-c", source], ["-c", source], refresh]
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for command in commands
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    counts = Store(tmp_path).rows("SELECT origin, count(*) AS runs FROM run GROUP BY origin ORDER BY origin")
    assert counts.to_numpy().tolist() == [["grid", 2], ["recorded", 2]]
