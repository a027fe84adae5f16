"""A run's identity follows from what decides its numbers, and from nothing else."""

from typing import Any

import pytest
from pydantic import ValidationError

from trainer import configuration
from trainer.configuration import RunConfiguration


def test_the_identity_of_a_run_never_changes() -> None:
    """Written down once: another value would train everything anew that is in anyone's store."""
    assert configuration.RECIPE == 1
    assert RunConfiguration(depth=3, seed=0).run_id == "0c92c51eab8b03c6"


def test_a_default_that_is_written_out_is_the_same_run() -> None:
    assert RunConfiguration(depth=1, seed=0).run_id == RunConfiguration(depth=1, seed=0, width=128, l2=0).run_id


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "fashion_mnist"},
        {"train_size": 1_000},
        {"depth": 4},
        {"width": 64},
        {"activation": "relu"},
        {"validation_size": 10_000},
        {"output": "sigmoid"},
        {"initializer": "he_normal"},
        {"bias_initializer": "standard_normal"},
        {"shortcut": True},
        {"normalization": "layer"},
        {"dropout": 0.1},
        {"l2": 0.1},
        {"optimizer": "adam"},
        {"learning_rate": 0.1},
        {"batch_size": 64},
        {"epochs": 2},
        {"seed": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_a_part_of_the_identity(change: dict[str, Any]) -> None:
    run = RunConfiguration(depth=3, seed=0)
    assert RunConfiguration(**{"depth": 3, "seed": 0, **change}).run_id != run.run_id


def test_every_field_is_tested_for_the_identity() -> None:
    (mark,) = test_every_field_is_a_part_of_the_identity.pytestmark  # type: ignore[attr-defined]  # set by the decorator
    assert {key for change in mark.args[1] for key in change} == set(RunConfiguration.model_fields)


def test_a_new_recipe_gives_every_run_a_new_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RunConfiguration(depth=3, seed=0).run_id
    monkeypatch.setattr(configuration, "RECIPE", 2)
    assert RunConfiguration(depth=3, seed=0).run_id != before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("depth", -1),
        ("depth", 2.5),
        ("depth", "3"),
        ("depth", True),
        ("train_size", 48_001),
        ("validation_size", 0),
        ("dropout", 1.0),
        ("shortcut", 1),
        ("normalization", "group"),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("activation", "swish"),
        ("optimizer", "lion"),
        ("seed", 2**31),
        ("depht", 3),
    ],
)
def test_a_wrong_key_type_or_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        RunConfiguration(**{"depth": 1, "seed": 0, key: value})


@pytest.mark.parametrize(("depth", "parameters"), [(0, 7_850), (1, 101_770), (3, 134_794)])
def test_parameters_are_those_that_keras_counts(depth: int, parameters: int) -> None:
    import keras

    run = RunConfiguration(depth=depth, seed=0)
    units = [*[run.width] * depth, 10]
    model = keras.Sequential([keras.Input((784,)), *[keras.layers.Dense(count) for count in units]])
    assert run.parameters == model.count_params() == parameters


def test_operations_of_a_forward_pass_are_two_per_weight() -> None:
    assert RunConfiguration(depth=2, width=16, seed=0).flops_per_example == 2 * (784 * 16 + 16 * 16 + 16 * 10)


def test_operations_of_training_leave_out_the_gradient_of_the_pixels() -> None:
    run = RunConfiguration(depth=0, train_size=100, epochs=3, seed=0)
    assert run.training_flops == 2 * (2 * 784 * 10) * 100 * 3


def test_hidden_layers_that_are_matrices_alone_meet_ten_columns_in_place_of_a_batch() -> None:
    run = RunConfiguration(depth=3, width=16, train_size=500, batch_size=64, epochs=2, seed=0)  # 7 steps an epoch
    ends = (2 * (2 * 784 * 16) + 3 * (2 * 16 * 10)) * 500 * 2
    assert run.training_flops == ends + 3 * (2 * 2 * 16 * 16) * 500 * 2
    assert run.performed_flops == ends + 3 * (2 * 2 * 16 * 16) * 10 * 7 * 2
    for change in ({"activation": "relu"}, {"dropout": 0.5}, {"batch_size": 10}, {"depth": 1}, {"shortcut": True}):
        other = RunConfiguration(**{"depth": 3, "seed": 0, **change})
        assert not other.reorders_products
        assert other.performed_flops == other.training_flops


def test_a_name_says_what_differs_from_the_defaults() -> None:
    assert RunConfiguration(depth=3, seed=7).name == "mnist linear depth 3 seed 7"
    special = RunConfiguration(depth=1, seed=0, activation="relu", optimizer="adam", learning_rate=0.001)
    assert special.name == "mnist relu depth 1 optimizer adam learning_rate 0.001 seed 0"


def test_a_larger_training_set_needs_a_smaller_validation_set() -> None:
    assert RunConfiguration(depth=1, seed=0, validation_size=10_000, train_size=50_000).train_size == 50_000
    with pytest.raises(ValidationError, match="at most 48000 images are left to train on"):
        RunConfiguration(depth=1, seed=0, train_size=50_000)


@pytest.mark.parametrize("epochs", [1, 20, 21, 60, 500, 7_500])
def test_a_long_run_is_measured_about_as_often_as_a_short_one(epochs: int) -> None:
    recorded = RunConfiguration(depth=1, seed=0, epochs=epochs).recorded_epochs
    assert list(recorded) == sorted(set(recorded))
    assert (recorded[0], recorded[1], recorded[-1]) == (0, 1, epochs)
    assert len(recorded) == 1 + min(epochs, 20)


def test_only_a_stack_without_anything_between_its_matrices_collapses() -> None:
    assert RunConfiguration(depth=5, seed=0, dropout=0.5).collapses
    for change in ({"activation": "tanh"}, {"normalization": "batch"}, {"shortcut": True}):
        assert not RunConfiguration(**{"depth": 5, "seed": 0, **change}).collapses


def test_a_normalised_network_has_a_scale_and_a_shift_per_unit() -> None:
    plain = RunConfiguration(depth=3, width=16, seed=0)
    for kind in ("batch", "layer"):
        assert plain.model_copy(update={"normalization": kind}).parameters == plain.parameters + 3 * 2 * 16


def test_the_usual_training_images_are_refused_where_validation_takes_some_of_them() -> None:
    with pytest.raises(ValidationError, match="at most 30000 images are left"):
        RunConfiguration(depth=1, seed=0, validation_size=30_000)
