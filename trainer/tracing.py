"""Looks into any Keras model: which layers have a kernel, and what flows through them on a probe batch.

The model is called eagerly, as in evaluation, while its layers are listened to: each notes what goes in, what enters
its activation function and what comes out. Nothing of the model is changed that is not put back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.program import Floats, Trace

ACTIVATION_LAYERS = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
    keras.layers.Softmax,
)
NORMALIZATION_LAYERS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.UnitNormalization,
)


@dataclass(frozen=True)
class KernelLayer:
    """A layer with weights that multiply what comes in, seen as one matrix (inputs, units).

    The kernel of a convolution is (height · width · channels, filters). A recurrent cell multiplies its input and its
    state: the two kernels stand one below the other, and the cell's layer is what is called. An embedding multiplies a
    one-hot row.
    """

    layer: keras.layers.Layer
    kernels: tuple[Any, ...]
    biases: tuple[Any, ...]

    @property
    def name(self) -> str:
        return str(self.layer.name)

    @property
    def kind(self) -> str:
        return type(self.layer).__name__

    def kernel(self) -> Floats:
        """(1, inputs, units), as one member of a cohort."""
        return np.concatenate([_matrix(kernel) for kernel in self.kernels], axis=0)[None].astype(np.float32)

    def bias(self) -> Floats:
        """(1, units); a single NaN where there is none, of which every statistic is unknown."""
        values = [np.asarray(bias).reshape(-1) for bias in self.biases] or [np.full(1, np.nan)]
        return np.concatenate(values)[None].astype(np.float32)


def kernel_layers(model: keras.Model) -> list[KernelLayer]:
    """In the order in which the model lists them. Weights that neither are biases nor multiply anything, such as the
    scale of a normalisation, belong to none."""
    found, taken = [], set[int]()
    for layer in model._flatten_layers(include_self=True):  # what Keras itself walks over, to count parameters
        if isinstance(layer, NORMALIZATION_LAYERS):
            continue
        whole = isinstance(layer, keras.layers.RNN)
        inner = set() if whole else {id(weight) for part in layer._flatten_layers(False) for weight in part.weights}
        own = [weight for weight in layer.weights if id(weight) not in inner | taken]
        biases = [weight for weight in own if weight.name.endswith("bias")]
        kernels = [weight for weight in own if len(weight.shape) >= 2 and not weight.name.endswith("bias")]
        if not kernels:
            continue
        taken |= {id(weight) for weight in own}
        last = kernels[-1].shape[-1]  # of a separable convolution, the part that mixes the channels
        found.append(KernelLayer(layer, tuple(each for each in kernels if each.shape[-1] == last), tuple(biases)))
    return found


@dataclass
class _Call:
    """What one call of a layer showed. Tensors are those of the model itself, so that a gradient can be asked for."""

    inputs: Any = None
    preactivation: Any = None  # z: what the kernel and the bias make of the inputs
    entering: Any = None  # what enters the activation function: z, or z normalised
    activation: Any = None
    outputs: Any = None
    function: str | None = None  # name of the activation


@dataclass
class _Heard:
    calls: dict[int, list[_Call]] = field(default_factory=dict)  # by the number of the kernel layer
    order: list[int] = field(default_factory=list)  # numbers of kernel layers, as they were called

    @property
    def latest(self) -> _Call | None:
        return self.calls[self.order[-1]][-1] if self.order else None


@dataclass(frozen=True)
class Reading:
    """What flows through a model on the probe batch: a `Trace` of one member, whose lists have None where a layer does
    not show a quantity, and what is known of the layers in the same order."""

    layers: list[KernelLayer]
    trace: Trace
    activations: list[str | None]
    outputs: list[bool]
    flops: int | None  # of the forward pass of one example; None where a layer does not show it

    def has_signals(self, layer: int) -> bool:
        """Whether δ and the activations of a layer (1, 2, …) are known."""
        return self.trace.errors[layer - 1] is not None

    def one_follows(self, layer: int) -> bool:
        """Whether the layer after this one is the only one: not where several outputs begin."""
        return self.outputs.count(True) == 1 or not self.outputs[layer]


def read(model: keras.Model, layers: list[KernelLayer], inputs: Any, targets: Any) -> Reading:
    """One forward and backward pass over the probe batch."""
    examples = len(keras.tree.flatten(inputs)[0])
    with tf.GradientTape(persistent=True) as tape:
        with _listening(model, layers) as heard:
            predictions = model(inputs, training=False)
        objective = mean_loss(model, inputs, targets, predictions) * examples  # a sum: each example keeps its own δ
        numbers = [*dict.fromkeys(heard.order), *(n for n in range(len(layers)) if n not in heard.calls)]
        calls = [heard.calls[number][0] if len(heard.calls.get(number, [])) == 1 else _Call() for number in numbers]
        ends = {id(tensor) for tensor in keras.tree.flatten(predictions)}
        outputs = [bool({id(call.outputs), id(call.activation)} & ends) for call in calls]
        outputs[-1] = True
        _find_hidden_activations(calls, outputs)
        sums = [
            tf.reduce_sum(call.activation)
            if call.activation is not None and call.activation is not call.entering
            else None
            for call in calls
        ]
    ordered = [layers[number] for number in numbers]
    trace = Trace([], [], [], [], [], [], [], [], [])
    signals = [tensor for call in calls for tensor in (call.preactivation, call.activation)]
    variables = [variable for each in ordered for variable in (*each.kernels, *each.biases)]
    found = iter(_gradients(tape, objective, [*signals, *(variable.value for variable in variables)]))
    backward = [(next(found), next(found)) for _ in calls]
    for each, call, total, (error, arriving) in zip(ordered, calls, sums, backward, strict=True):
        _add_signals(trace, tape, call, total, error, arriving, sequential=isinstance(model, keras.Sequential))
        kernel_gradients = [_values(next(found), kernel) for kernel in each.kernels]
        bias_gradients = [_values(next(found), bias).reshape(-1) for bias in each.biases] or [np.full(1, np.nan)]
        trace.kernel_gradients.append(np.concatenate([_matrix(part) for part in kernel_gradients])[None] / examples)
        trace.bias_gradients.append(np.concatenate(bias_gradients)[None] / examples)
    names = [call.function for call in calls]
    return Reading(ordered, trace, names, outputs, _operations(ordered, calls, examples))


def mean_loss(model: keras.Model, inputs: Any, targets: Any, predictions: Any) -> Any:
    """The compiled loss as a mean over the examples, without the penalties on weights that are added to it."""
    loss = tf.cast(model.compute_loss(inputs, targets, predictions, None), tf.float32)
    for penalty in model.losses:
        loss -= tf.cast(tf.reduce_sum(penalty), tf.float32)
    if getattr(model.loss, "reduction", None) == "sum":
        loss /= tf.cast(tf.shape(keras.tree.flatten(inputs)[0])[0], tf.float32)
    return loss


def _find_hidden_activations(calls: list[_Call], outputs: list[bool]) -> None:
    """An activation may be a function that no layer holds: then the next layer's input shows what became of z. At an
    output it is the logits that count."""
    for call, output, following in zip(calls, outputs, [*calls[1:], None], strict=True):
        if call.preactivation is None:
            continue
        if output:
            call.entering = call.activation = call.preactivation
            continue
        into = following.inputs if following else None
        if into is None or into is call.activation or call.activation is not call.entering:
            continue
        if into.shape == call.entering.shape:
            call.activation = into


def _add_signals(trace: Trace, tape: Any, call: _Call, total: Any, error: Any, arriving: Any, sequential: bool) -> None:
    """Adds what a call showed to all lists but those of the gradients.

    Args:
        error, arriving: the gradients of the objective by the call's pre-activation and by its activation.
    """
    z, entering, activation = call.preactivation, call.entering, call.activation
    if z is None or error is None or arriving is None:
        for part in trace[:7]:
            part.append(None)
        return
    delta, backpropagated = _units_last(error), _units_last(arriving)
    slope = np.ones((1, 1, 1), np.float32) if total is None else _units_last(tape.gradient(total, entering))
    # φ′ ⊙ ∂ℓ/∂a; where there is no activation, it is δ itself, of which no statistic is taken again
    behind = delta if activation is z else slope * backpropagated
    # Where it is normalised, a shortcut around it cannot be told apart from the normalisation.
    normalized = behind if entering is z else delta if sequential else None
    trace.preactivations.append(_units_last(entering))
    trace.activations.append(_units_last(activation))
    trace.slopes.append(np.broadcast_to(slope, behind.shape))
    trace.errors.append(delta)
    trace.backpropagated.append(backpropagated)
    trace.entering.append(behind)
    trace.normalized.append(normalized)


@contextmanager
def _listening(model: keras.Model, layers: list[KernelLayer]) -> Iterator[_Heard]:
    """Within it, every call of a layer is noted. Batches are normalised by their own mean and variance, as in training,
    while the moving averages stay as they are."""
    heard = _Heard()
    numbers = {id(each.layer): number for number, each in enumerate(layers)}
    put_back: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, value: Any) -> None:
        put_back.append((owner, name, owner.__dict__.get(name, put_back)))
        owner.__dict__[name] = value  # around Keras, which takes every attribute for a part of the model

    try:
        for layer in model._flatten_layers(include_self=False):
            if id(layer) in numbers:
                replace(layer, "call", _noting_kernel(layer, numbers[id(layer)], heard))
                if callable(getattr(layer, "activation", None)) and not isinstance(layer, keras.layers.RNN):
                    replace(layer, "activation", _noting_activation(layer.activation, heard, numbers[id(layer)]))
            elif isinstance(layer, ACTIVATION_LAYERS):
                replace(layer, "call", _noting_activation(layer.call, heard, None, activation_name(layer)))
            elif isinstance(layer, NORMALIZATION_LAYERS):
                replace(layer, "call", _noting_normalization(layer, heard))
                if isinstance(layer, keras.layers.BatchNormalization):
                    replace(layer, "momentum", 1.0)
        yield heard
    finally:
        for owner, name, before in reversed(put_back):
            if before is put_back:  # it came from the class
                del owner.__dict__[name]
            else:
                owner.__dict__[name] = before


def _noting_kernel(layer: Any, number: int, heard: _Heard) -> Any:
    original = layer.call

    def call(*arguments: Any, **named: Any) -> Any:
        inputs = next(iter([*arguments, *named.values()]), None)
        noted = _Call(inputs=inputs if tf.is_tensor(inputs) else None)
        heard.calls.setdefault(number, []).append(noted)
        heard.order.append(number)
        outputs = original(*arguments, **named)
        if isinstance(layer, keras.layers.Embedding):
            noted.preactivation = noted.entering = noted.activation = outputs
            noted.function = "linear"
        noted.outputs = outputs if tf.is_tensor(outputs) else None
        return outputs

    return call


def _noting_activation(original: Any, heard: _Heard, number: int | None, name: str | None = None) -> Any:
    """Notes what enters an activation function and what comes out: of the layer that holds it, or else of the layer
    with a kernel that was called last."""

    def call(inputs: Any, *rest: Any, **named: Any) -> Any:
        outputs = original(inputs, *rest, **named)
        noted = heard.latest if number is None else heard.calls[number][-1]
        if noted is None or (number is None and noted.activation is not noted.entering):
            return outputs  # another activation came first
        if number is not None:
            noted.preactivation = inputs
        if noted.preactivation is not None:
            noted.entering, noted.activation = inputs, outputs
            noted.function = name or activation_name(original)
        return outputs

    return call


def _noting_normalization(layer: Any, heard: _Heard) -> Any:
    original = layer.call
    training = {"training": True} if isinstance(layer, keras.layers.BatchNormalization) else {}

    def call(inputs: Any, *rest: Any, **named: Any) -> Any:
        outputs = original(inputs, *rest, **{**named, **training})
        noted = heard.latest
        if noted is not None and noted.entering is not None and noted.activation is noted.entering:
            noted.entering = noted.activation = outputs
        return outputs

    return call


def activation_name(function: Any) -> str:
    """What an activation function, or the layer that is one, is called."""
    inner = getattr(function, "activation", None)
    if inner is not None:
        return activation_name(inner)
    name = getattr(function, "__name__", None) or type(function).__name__
    return {"ReLU": "relu", "Softmax": "softmax", "ELU": "elu"}.get(name, str(name))


def _operations(layers: list[KernelLayer], calls: list[_Call], examples: int) -> int | None:
    """Of the matrix products of one example, a multiplication and an addition counted apart."""
    total = 0
    for each, call in zip(layers, calls, strict=True):
        if call.preactivation is None:
            return None
        if not isinstance(each.layer, keras.layers.Embedding):  # which looks up a row, and multiplies nothing
            inputs, units = each.kernel().shape[1:]
            total += 2 * inputs * units * (int(tf.size(call.preactivation)) // units // examples)
    return total


def _gradients(tape: Any, objective: Any, sources: list[Any]) -> list[Any]:
    """The gradient by each of the tensors, None for None: one pass back through the model serves all."""
    found = iter(tape.gradient(objective, [source for source in sources if source is not None]))
    return [None if source is None else next(found) for source in sources]


def _values(gradient: Any, variable: Any) -> Floats:
    if gradient is None:  # it is frozen, or nothing reaches it
        return np.full(variable.shape, np.nan, np.float32)
    return np.asarray(tf.convert_to_tensor(gradient), np.float32)


def _matrix(values: Any) -> Floats:
    """A kernel of any form as a matrix: the last axis is the units."""
    array = np.asarray(values, np.float32)
    return array.reshape(-1, array.shape[-1])


def _units_last(tensor: Any) -> Floats:
    """(examples, …, units) as one member of a cohort: (1, examples and places, units)."""
    array = np.asarray(tensor, np.float32)
    return array.reshape(1, -1, array.shape[-1])
