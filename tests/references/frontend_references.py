#!/usr/bin/env python3
"""Writes tests/frontend/references.txt: what Keras makes of fixed inputs.

Needs numpy, keras 3 and jax from PyPI; the tests themselves need only the file. Run as
    KERAS_BACKEND=jax python3 tests/references/frontend_references.py > tests/frontend/references.txt
Each line is a name, a shape in brackets and the elements of one f32 array.
"""
import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import keras
import numpy as np

rng = np.random.default_rng(7)


def emit(name, array):
    array = np.asarray(array, dtype=np.float32)
    shape = "[" + ",".join(str(d) for d in array.shape) + "]"
    print(name, shape, " ".join(repr(float(v)) for v in array.reshape(-1)))


def random(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def activations():
    x = random(3, 6) * 3
    x[0, :4] = [0.0, 100.0, -100.0, 1e-3]
    emit("activation/x", x)
    a = keras.activations
    for name, fn in {
        "relu": a.relu, "sigmoid": a.sigmoid, "tanh": a.tanh, "softplus": a.softplus,
        "silu": a.silu, "softmax": a.softmax, "log_softmax": a.log_softmax,
        "gelu": lambda v: a.gelu(v, approximate=False),
        "gelu_tanh": lambda v: a.gelu(v, approximate=True),
        "leaky_relu": lambda v: a.leaky_relu(v, negative_slope=0.01),
    }.items():
        emit(f"activation/{name}", fn(keras.ops.convert_to_tensor(x)))
    scale, offset = random(6), random(6)
    norm = keras.layers.LayerNormalization(epsilon=1e-5)
    norm.build(x.shape)
    norm.set_weights([scale, offset])
    emit("layer_norm/scale", scale)
    emit("layer_norm/offset", offset)
    emit("layer_norm/y", norm(x))


def losses():
    logits = random(5, 4) * 4
    logits[0] = [60, -60, 0, 1]
    target = rng.random((5, 4)).astype(np.float32)
    target /= target.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 4, 5)
    p = np.asarray(keras.ops.softmax(logits))
    probability = np.clip(np.asarray(keras.ops.sigmoid(logits)), 0, 1)
    bits = (rng.random((5, 4)) > 0.5).astype(np.float32)
    emit("loss/logits", logits)
    emit("loss/target", target)
    emit("loss/labels", labels)
    emit("loss/softmax", p)
    emit("loss/sigmoid", probability)
    emit("loss/bits", bits)
    f = keras.losses
    emit("loss/mse", f.mean_squared_error(target, logits))
    emit("loss/bce_logits", f.binary_crossentropy(bits, logits, from_logits=True))
    emit("loss/bce", f.binary_crossentropy(bits, probability))
    emit("loss/cce_logits", f.categorical_crossentropy(target, logits, from_logits=True))
    emit("loss/cce", f.categorical_crossentropy(target, p))
    emit("loss/scce_logits", f.sparse_categorical_crossentropy(labels, logits, from_logits=True))
    emit("loss/scce", f.sparse_categorical_crossentropy(labels, p))


def layer(name, make, x, weights):
    made = make()
    made.build(x.shape)
    made.set_weights(weights)
    emit(f"{name}/x", x)
    for i, w in enumerate(weights):
        emit(f"{name}/w{i}", w)
    emit(f"{name}/y", made(x))


def layers():
    k = keras.layers
    layer("dense", lambda: k.Dense(3, activation="tanh"), random(4, 5), [random(5, 3), random(3)])
    images = random(2, 7, 6, 4)
    layer("conv_valid", lambda: k.Conv2D(3, (3, 2)), images, [random(3, 2, 4, 3), random(3)])
    layer("conv_same", lambda: k.Conv2D(5, (3, 3), strides=(2, 2), padding="same",
                                        activation="relu"), images,
          [random(3, 3, 4, 5), random(5)])
    layer("conv_dilated", lambda: k.Conv2D(2, (2, 3), dilation_rate=(2, 2), padding="same"), images,
          [random(2, 3, 4, 2), random(2)])
    layer("conv_groups", lambda: k.Conv2D(6, (3, 3), groups=2, use_bias=False), images,
          [random(3, 3, 2, 6)])
    layer("max_pool", lambda: k.MaxPooling2D((2, 2)), images, [])
    layer("max_pool_same", lambda: k.MaxPooling2D((3, 2), strides=(2, 2), padding="same"), images,
          [])
    layer("average_pool", lambda: k.AveragePooling2D((2, 3), strides=(1, 2)), images, [])
    layer("average_pool_same", lambda: k.AveragePooling2D((3, 3), strides=(2, 2), padding="same"),
          images, [])
    weights = [random(4), random(4), random(4), np.abs(random(4)) + 0.5]
    layer("batch_norm", lambda: k.BatchNormalization(), images, weights)
    trained = k.BatchNormalization(momentum=0.9)
    trained.build(images.shape)
    trained.set_weights(weights)
    emit("batch_norm/train_y", trained(images, training=True))
    for i, w in enumerate(trained.get_weights()):
        emit(f"batch_norm/train_w{i}", w)


def optimizers():
    start = random(2, 3)
    gradients = [random(2, 3) for _ in range(4)]
    emit("optim/start", start)
    emit("optim/gradients", np.stack(gradients))
    o = keras.optimizers
    for name, make in {
        "sgd": lambda: o.SGD(0.1),
        "momentum": lambda: o.SGD(0.1, momentum=0.9),
        "nesterov": lambda: o.SGD(0.1, momentum=0.9, nesterov=True),
        "adam": lambda: o.Adam(0.01),
        "adamw": lambda: o.AdamW(0.01, weight_decay=0.1),
    }.items():
        variable = keras.Variable(start)
        optimizer = make()
        optimizer.build([variable])
        after = []
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
            after.append(np.asarray(variable.value))
        emit(f"optim/{name}", np.stack(after))


def metrics():
    scores = rng.random(40).astype(np.float32)
    actual = (rng.random(40) > 0.4).astype(np.float32)
    emit("metric/scores", scores)
    emit("metric/actual", actual)
    m = keras.metrics
    values = []
    for metric in [m.BinaryAccuracy(), m.Precision(), m.Recall(), m.F1Score(threshold=0.5)]:
        metric.update_state(actual.reshape(-1, 1), scores.reshape(-1, 1))
        values.append(float(np.asarray(metric.result()).reshape(-1)[0]))
    emit("metric/values", values)


activations()
losses()
layers()
optimizers()
metrics()
