"""The stacked network starts as its members would alone, and its layers are Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from training import dense_layers, plain_model

from trainer.configuration import RunConfiguration
from trainer.network import INITIALIZERS, StackedDense, StackedNetwork, make_optimizer


def started(runs: list[RunConfiguration]) -> StackedNetwork:
    network = StackedNetwork(runs[0], len(runs))
    network.start(runs)
    return network


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_every_member_starts_with_the_kernels_that_keras_gives_it(initializer: str) -> None:
    runs = [RunConfiguration(depth=2, width=12, initializer=initializer, seed=seed) for seed in (0, 7)]
    network = started(runs)
    for member, run in enumerate(runs):
        for ours, theirs in zip(network.stack, dense_layers(plain_model(run)), strict=True):
            assert (ours.kernel.numpy()[member] == theirs.kernel.numpy()).all()
            assert not ours.bias.numpy().any()


def test_networks_of_every_depth_start_with_the_same_first_kernels() -> None:
    """With batches that do not depend on depth either, differences between depths are paired."""
    shallow, deep = (started([RunConfiguration(depth=depth, width=12, seed=3)]) for depth in (2, 5))
    for layer in range(2):
        assert (shallow.stack[layer].kernel.numpy() == deep.stack[layer].kernel.numpy()).all()


def test_two_layers_of_one_network_start_differently() -> None:
    network = started([RunConfiguration(depth=3, width=12, seed=0)])
    assert not np.allclose(network.stack[1].kernel, network.stack[2].kernel)


def test_a_started_network_forgets_what_it_was() -> None:
    runs = [RunConfiguration(depth=1, width=4, seed=0)]
    network = started(runs)
    before = network.stack[0].kernel.numpy()
    network.stack[0].kernel.assign(before + 1)
    network.stack[0].bias.assign(network.stack[0].bias + 1)
    network.start(runs)
    assert (network.stack[0].kernel.numpy() == before).all()
    assert not network.stack[0].bias.numpy().any()


def test_one_layer_maps_each_member_by_its_own_kernel() -> None:
    layer = StackedDense(members=2, units=3, activation="tanh")
    layer.build((2, None, 4))
    generator = np.random.default_rng(0)
    layer.kernel.assign(generator.normal(size=(2, 4, 3)))
    layer.bias.assign(generator.normal(size=(2, 1, 3)))
    inputs = generator.normal(size=(2, 5, 4)).astype(np.float32)
    outputs = layer(tf.constant(inputs)).numpy()
    for member in range(2):
        expected = np.tanh(inputs[member] @ layer.kernel.numpy()[member] + layer.bias.numpy()[member])
        assert outputs[member] == pytest.approx(expected, rel=1e-5)


def test_the_network_has_as_many_numbers_as_its_runs_say() -> None:
    run = RunConfiguration(depth=3, width=12, seed=0)
    assert StackedNetwork(run, members=2).count_params() == 2 * run.parameters


@pytest.mark.parametrize(
    ("name", "kind", "momentum"),
    [
        ("sgd", keras.optimizers.SGD, 0.0),
        ("momentum", keras.optimizers.SGD, 0.9),
        ("rmsprop", keras.optimizers.RMSprop, 0.0),
        ("adam", keras.optimizers.Adam, None),
    ],
)
def test_an_optimiser_is_that_of_keras_at_its_defaults(name: str, kind: type, momentum: float | None) -> None:
    rates = tf.Variable([[[0.25]], [[0.5]]])
    optimizer = make_optimizer(RunConfiguration(depth=0, seed=0, optimizer=name), rates)
    assert type(optimizer) is kind
    assert optimizer.learning_rate is rates
    assert getattr(optimizer, "momentum", None) == momentum
