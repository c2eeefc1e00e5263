#!/usr/bin/env python3
"""Trains the small digit classifier of the quickstart and writes it as ONNX.

    pip install numpy onnx scikit-learn
    python3 train.py            # writes digits.onnx and heldout.csv beside this file

Data: the UCI handwritten digits as scikit-learn carries them (1797 pictures of 8x8, values 0..16).
Split: per digit, 20 % of the pictures (seed 0) are held out; they choose nothing, neither weights nor
settings, and are scored once at the end. `--validate` scores on a fifth of the training pictures
instead and writes nothing: that is what the settings below were chosen with.
Network: Conv 3x3 (16) - Relu - Conv 3x3 (24) - Relu - MaxPool 2 - Gemm 64 - Relu - Gemm 10 - Softmax,
with gradients written out in numpy, Adam (Kingma & Ba, 2015) and a cosine learning rate.
"""

import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

SEED = 0
EPOCHS = 60
BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
DROPOUT = 0.3
HERE = pathlib.Path(__file__).resolve().parent


def stratified_split(labels, fraction, seed):
    """Indices (rest, chosen) with the same fraction of every label in `chosen`."""
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == digit))[: round(fraction * np.sum(labels == digit))]
         for digit in range(10)])
    chosen = rng.permutation(chosen)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def patches_3x3(x):
    """[N,C,H,W] to [N*H*W,C*9]: the zero-padded 3x3 neighbourhood of every pixel."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = x.shape
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)


def conv_3x3(x, weight, bias):
    n, _, h, w = x.shape
    columns = patches_3x3(x)
    rows = columns @ weight.reshape(len(weight), -1).T + bias
    return rows.reshape(n, h, w, -1).transpose(0, 3, 1, 2), columns


def conv_3x3_weight_gradient(grad, columns, weight):
    flat = grad.transpose(0, 2, 3, 1).reshape(-1, len(weight))
    return (flat.T @ columns).reshape(weight.shape), flat.sum(0)


def conv_3x3_input_gradient(grad, weight):
    mirrored = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    return conv_3x3(grad, np.ascontiguousarray(mirrored), np.float32(0))[0]


class Network:
    def __init__(self, rng):
        def he(*shape):
            return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

        self.weights = {
            "conv1.weight": he(16, 1, 3, 3), "conv1.bias": np.zeros(16, np.float32),
            "conv2.weight": he(24, 16, 3, 3), "conv2.bias": np.zeros(24, np.float32),
            "hidden.weight": he(64, 24 * 4 * 4), "hidden.bias": np.zeros(64, np.float32),
            "classes.weight": he(10, 64), "classes.bias": np.zeros(10, np.float32),
        }

    def forward(self, x, dropout_mask=None):
        w = self.weights
        conv1, columns1 = conv_3x3(x, w["conv1.weight"], w["conv1.bias"])
        relu1 = np.maximum(conv1, 0)
        conv2, columns2 = conv_3x3(relu1, w["conv2.weight"], w["conv2.bias"])
        relu2 = np.maximum(conv2, 0)
        n, c, h, wd = relu2.shape
        blocks = relu2.reshape(n, c, h // 2, 2, wd // 2, 2).transpose(0, 1, 2, 4, 3, 5)
        blocks = blocks.reshape(n, c, h // 2, wd // 2, 4)
        pooled = blocks.max(-1)
        flat = pooled.reshape(n, -1)
        if dropout_mask is not None:
            flat = flat * dropout_mask
        hidden = np.maximum(flat @ w["hidden.weight"].T + w["hidden.bias"], 0)
        logits = hidden @ w["classes.weight"].T + w["classes.bias"]
        return logits, (columns1, relu1, columns2, relu2, blocks, pooled, flat, hidden)

    def gradients(self, x, labels, dropout_mask):
        """Gradients of the mean cross-entropy."""
        w = self.weights
        logits, kept = self.forward(x, dropout_mask)
        columns1, relu1, columns2, relu2, blocks, pooled, flat, hidden = kept
        grad = softmax(logits)
        grad[np.arange(len(labels)), labels] -= 1
        grad /= len(labels)
        out = {"classes.weight": grad.T @ hidden, "classes.bias": grad.sum(0)}
        grad = grad @ w["classes.weight"] * (hidden > 0)
        out["hidden.weight"], out["hidden.bias"] = grad.T @ flat, grad.sum(0)
        grad = (grad @ w["hidden.weight"] * dropout_mask).reshape(pooled.shape)
        n, c, h, wd = pooled.shape
        winners = np.eye(4, dtype=np.float32)[blocks.argmax(-1)]
        grad = (winners * grad[..., None]).reshape(n, c, h, wd, 2, 2)
        grad = grad.transpose(0, 1, 2, 4, 3, 5).reshape(relu2.shape) * (relu2 > 0)
        out["conv2.weight"], out["conv2.bias"] = conv_3x3_weight_gradient(
            grad, columns2, w["conv2.weight"])
        grad = conv_3x3_input_gradient(grad, w["conv2.weight"]) * (relu1 > 0)
        out["conv1.weight"], out["conv1.bias"] = conv_3x3_weight_gradient(
            grad, columns1, w["conv1.weight"])
        return out

    def accuracy(self, x, labels):
        return float(np.mean(self.forward(x)[0].argmax(1) == labels))


def softmax(logits):
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def train(images, labels):
    rng = np.random.default_rng(SEED)
    network = Network(rng)
    moment1 = {name: np.zeros_like(w) for name, w in network.weights.items()}
    moment2 = {name: np.zeros_like(w) for name, w in network.weights.items()}
    steps = EPOCHS * (len(images) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            step += 1
            rows = order[start:start + BATCH]
            keep = (rng.random((BATCH, 24 * 4 * 4)) >= DROPOUT).astype(np.float32) / (1 - DROPOUT)
            rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for name, grad in network.gradients(images[rows], labels[rows], keep).items():
                moment1[name] = 0.9 * moment1[name] + 0.1 * grad
                moment2[name] = 0.999 * moment2[name] + 0.001 * grad * grad
                mean = moment1[name] / (1 - 0.9 ** step)
                spread = np.sqrt(moment2[name] / (1 - 0.999 ** step)) + 1e-8
                network.weights[name] = (
                    network.weights[name]
                    - rate * (mean / spread + WEIGHT_DECAY * network.weights[name])
                ).astype(np.float32)
    return network


def write_onnx(network, path):
    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], "conv1", **same),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], "conv2", **same),
        helper.make_node("Relu", ["conv2"], ["relu2"], "relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"], "flat", axis=1),
        helper.make_node("Gemm", ["flat", "hidden.weight", "hidden.bias"], ["hidden"], "hidden", transB=1),
        helper.make_node("Relu", ["hidden"], ["relu3"], "relu3"),
        helper.make_node("Gemm", ["relu3", "classes.weight", "classes.bias"], ["logits"], "classes", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "digits", [value("image", "N", 1, 8, 8)],
        [value("logits", "N", 10), value("probabilities", "N", 10)],
        [numpy_helper.from_array(w, name) for name, w in network.weights.items()],
        doc_string="8x8 pictures of handwritten digits, values 0 to 1, to the digits 0 to 9")
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
        producer_name="examples/digits/train.py")
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--validate", action="store_true", help="score on training pictures, write nothing")
    validate = parser.parse_args().validate

    digits = load_digits()
    pixels, labels = digits.images, digits.target
    images = (pixels / 16).astype(np.float32)[:, None]
    rest, scored = stratified_split(labels, 0.2, SEED)
    name = "held-out"
    if validate:
        kept, chosen = stratified_split(labels[rest], 0.2, SEED + 1)
        rest, scored, name = rest[kept], rest[chosen], "validation"

    network = train(images[rest], labels[rest])
    print(f"training accuracy: {100 * network.accuracy(images[rest], labels[rest]):.2f} % of {len(rest)}")
    print(f"{name} accuracy: {100 * network.accuracy(images[scored], labels[scored]):.2f} % of {len(scored)}")
    if validate:
        return
    write_onnx(network, HERE / "digits.onnx")
    rows = np.concatenate([labels[scored, None], pixels[scored].reshape(-1, 64).astype(int)], 1)
    header = "label," + ",".join(f"p{y}{x}" for y in range(8) for x in range(8))
    np.savetxt(HERE / "heldout.csv", rows, "%d", ",", header=header, comments="")
    print(f"wrote digits.onnx ({(HERE / 'digits.onnx').stat().st_size} bytes) and heldout.csv")


if __name__ == "__main__":
    main()
