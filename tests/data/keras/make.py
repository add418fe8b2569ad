#!/usr/bin/env python3
"""Writes the Keras models of this folder and what Keras says of picture "A" (as in
tests/support/synth.c) to expected.txt. Run by hand: pip install keras jax h5py safetensors; make.py"""
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import keras
import numpy as np
from keras import layers as L
from synth import picture, stream

H, W = 48, 40


def xception(x, middle=1):
    """keras.applications.Xception, its layers and their names, an eighth as wide."""
    def conv(x, name, filters, stride):
        x = L.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        return L.Activation("relu", name=name + "_act")(L.BatchNormalization(name=name + "_bn")(x))

    def sep(x, name, filters, act):
        if act == "before":
            x = L.Activation("relu", name=name + "_act")(x)
        x = L.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
        x = L.BatchNormalization(name=name + "_bn")(x)
        return L.Activation("relu", name=name + "_act")(x) if act == "after" else x

    def strided(x, b, first, second):
        skip = L.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
        skip = L.BatchNormalization()(skip)
        x = sep(x, f"block{b}_sepconv1", first, None if b == 2 else "before")
        x = sep(x, f"block{b}_sepconv2", second, "before")
        x = L.MaxPooling2D(3, strides=2, padding="same", name=f"block{b}_pool")(x)
        return L.add([x, skip])

    x = conv(conv(x, "block1_conv1", 4, 2), "block1_conv2", 6, 1)
    for b, f in ((2, 8), (3, 10), (4, 12)):
        x = strided(x, b, f, f)
    for b in range(5, 5 + middle):
        y = x
        for i in (1, 2, 3):
            y = sep(y, f"block{b}_sepconv{i}", 12, "before")
        x = L.add([y, x])
    x = strided(x, 13, 12, 14)
    return sep(sep(x, "block14_sepconv1", 16, "after"), "block14_sepconv2", 20, "after")


def odds(x):
    """What the reader takes besides what Xception has."""
    x = L.Rescaling(1 / 127.5, offset=-1)(x)
    x = L.Conv2D(6, (3, 5), strides=2, padding="same", activation="relu")(x)
    y = L.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    y = L.Conv2D(6, 1)(y)
    y = L.BatchNormalization(scale=False, epsilon=0.01)(y)
    x = L.Add()([x, y, L.SeparableConv2D(6, 5, padding="same", activation="relu")(x)])
    x = L.MaxPooling2D(2)(L.ReLU()(x))
    x = L.SeparableConv2D(8, 3, padding="valid", strides=2)(x)
    x = L.BatchNormalization(center=False)(x)
    x = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Dropout(0.5)(L.Flatten()(x))
    return L.Softmax()(L.Dense(3, use_bias=False)(x))


def fill(model):
    """Values that let every weight count."""
    for k, v in enumerate(model.weights):
        if "seed" in v.path:
            continue
        t = stream(f"{k}", np.arange(np.prod(v.shape))).reshape(v.shape)
        fan = np.prod(v.shape[:-1]) if len(v.shape) > 1 else 1
        if "depthwise" in v.path:
            fan = 9
        near_one = "gamma" in v.path or "variance" in v.path
        v.assign(1 + 0.4 * t if near_one else 0.1 * t if len(v.shape) == 1 else t * (4 / fan) ** 0.5)


def legacy_weights(model, path):
    import h5py
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(path, "w") as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, model)


def logits_of(model, x):
    p = np.asarray(model(x, training=False), "f8")[0]
    return np.log(p) if abs(p.sum() - 1) < 1e-4 and (p > 0).all() else p


def main():
    x = picture(H, W).transpose(0, 2, 3, 1)
    lines = []

    def note(model, inputs, *files):
        text = " ".join(f"{v:.7g}" for v in logits_of(model, inputs))
        lines.extend(f"{f} {text}" for f in files)

    inner = keras.Input((H, W, 3))
    base = keras.Model(inner, xception(inner), name="xception")
    sequential = keras.Sequential(
        [keras.Input((H, W, 3)), L.RandomFlip("horizontal"), base, L.GlobalAveragePooling2D(),
         L.Dense(5, activation="relu"), L.Dropout(0.3), L.Dense(3)])
    fill(sequential)
    sequential.save("nested.keras")
    sequential.save("nested.h5")
    sequential.save_weights("nested.weights.h5")
    legacy_weights(sequential, "nested_weights.h5")
    note(sequential, x, "nested.keras", "nested.h5", "nested.weights.h5", "nested_weights.h5")

    keras.backend.clear_session()
    inner = keras.Input((None, None, 3))
    model = keras.Model(inner, odds(inner))
    fill(model)
    model.save("odds.keras")
    model.save("odds.h5")
    note(model, (x + 1) * 127.5, "odds.keras", "odds.h5")

    # Without its classifier (include_top=False), and a classifier in a file of its own.
    from safetensors.numpy import save_file
    keras.backend.clear_session()
    inner = keras.Input((H, W, 3))
    model = keras.Model(inner, xception(inner), name="xception")
    fill(model)
    model.save("notop.keras")
    model.save("notop.h5")
    model.save_weights("notop.weights.h5")
    legacy_weights(model, "notop_weights.h5")
    head = {"fc.weight": stream("head", np.arange(60)).reshape(3, 20).astype("f4"), "fc.bias": stream("bias", np.arange(3)).astype("f4")}
    save_file(head, "head.safetensors")
    features = np.asarray(model(x, training=False), "f8").mean((1, 2))
    logits = (features @ head["fc.weight"].T + head["fc.bias"])[0]
    lines.extend(f"notop{f} " + " ".join(f"{v:.7g}" for v in logits) for f in (".keras", ".h5", ".weights.h5", "_weights.h5"))

    # Another network, for the line that refuses it.
    inner = keras.Input((H, W, 3))
    y = L.Conv2D(4, 3, activation="relu")(inner)
    model = keras.Model(inner, L.Dense(2)(L.GlobalAveragePooling2D()(y)), name="plain")
    model.save("plain.keras")
    with open("expected.txt", "w") as f:
        f.write(f"# keras {keras.__version__} on jax; logits, or logarithms of probabilities\n")
        f.write("\n".join(lines) + "\n")


main()
